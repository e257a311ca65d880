"""Several teams, from the database: one chance for all, no guess about a team without history, nothing of strangers."""

import pytest

from apps.ml.selectors.forecasts import unfinished
from apps.ml.services.forecasts.service import ForecastService
from apps.ml.services.forecasts.together import together_answer
from apps.ml.tests.forecasts.teams import a_team
from apps.projects.models import Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/ml/forecasts/together/"


@pytest.fixture
def teams(now):
    pair = [a_team(now), a_team(now)]
    for project in pair:
        IssueFactory.create_batch(10, project=project, story_points=2)
    return pair


def test_all_are_done_less_often_than_each_and_no_less_often_than_strangers(teams, now):
    by = now.date().replace(day=13)

    found = together_answer(teams, by=by, now=now)

    chances = [team["probability_in_time"] for team in found["teams"]]
    alone = ForecastService().forecast_work(teams[0].id, unfinished(teams[0].id), by=by, now=now)["when"]
    assert chances[0] == alone["probability_in_time"]
    assert found["product_of_chances"] == pytest.approx(chances[0] * chances[1], abs=1e-5)
    # The two have the same past to the day: what holds up one holds up the other.
    assert found["product_of_chances"] < found["probability_all_in_time"] <= min(chances)
    dates = [each["date"] for each in found["percentiles"]]
    assert dates == sorted(dates)
    assert dates[0] >= alone["percentiles"][0]["date"]
    assert found["in_words"].startswith("All 2 teams are done by 2026-03-13 in ")


def test_a_team_without_history_is_named_and_gives_no_figure(teams, now):
    young = ProjectFactory(key="YOUNG")
    IssueFactory(project=young)

    found = together_answer([*teams, young], by=now.date(), now=now)

    assert found["without_history"] == ["YOUNG"]
    assert (found["probability_all_in_time"], found["product_of_chances"], found["percentiles"]) == (None, None, [])
    assert found["teams"][0]["probability_in_time"] is not None
    assert found["in_words"] == "Too little history of YOUNG: nothing can be said of all together."


def test_a_team_with_nothing_to_do_holds_nobody_up(teams, now):
    idle, by = ProjectFactory(key="IDLE"), now.date().replace(day=13)

    found, without = (together_answer(some, by=by, now=now) for some in ([teams[0], idle], teams[:1]))

    assert found["teams"][1]["issues"] == 0
    assert found["probability_all_in_time"] == without["probability_all_in_time"]
    assert found["percentiles"] == without["percentiles"]


def test_only_what_bears_the_label_is_asked_about(teams, now):
    IssueFactory(project=teams[0], story_points=2, labels=["launch"])

    found = together_answer(teams, by=now.date().replace(day=6), label="launch", now=now)

    assert [team["issues"] for team in found["teams"]] == [1, 0]


def test_a_project_that_one_does_not_see_is_not_there(teams, api_client):
    api_client.force_authenticate(TeamMemberFactory(project=teams[0], role="viewer").user)
    asked = {"projects": [str(teams[0].id), str(teams[1].id)], "by": "2026-06-01"}

    assert api_client.post(URL, asked).status_code == 404
    Project.objects.filter(pk=teams[0].pk).update(predictions_enabled=False)
    assert api_client.post(URL, {**asked, "projects": [str(teams[0].id)]}).status_code == 409
