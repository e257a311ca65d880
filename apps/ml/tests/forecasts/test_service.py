"""Forecasts from the database: one chance wherever it is shown, what-ifs, and parts of a backlog."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from apps.common.exceptions import NotEnoughData
from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.models import PredictionHistory
from apps.ml.selectors.forecasts import expendable_first, throughput, unfinished
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team, finish_by_week, sprint_forecast
from apps.projects.models import Issue, Project, Sprint
from apps.projects.services import update_issue
from apps.projects.tests.factories import (
    DayOffFactory,
    IssueFactory,
    ProjectFactory,
    SprintFactory,
    TeamMemberFactory,
    UserFactory,
)
from conftest import ENTERING

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(now):
    return a_team(now)


@pytest.fixture
def running(project, now):
    return a_running_sprint(project, now)


# --- History ------------------------------------------------------------------------------------------------------
def test_weeks_end_at_midnight_and_today_is_not_history(now):
    project = ProjectFactory()
    finish_by_week(project, [3, 0, 2], now=now)
    IssueFactory(project=project, completed=True, resolved_at=now)

    weeks = throughput(project.id, now=now)

    assert weeks.issues[-3:] == (3.0, 0.0, 2.0)
    assert weeks.points[-3:] == (6.0, 0.0, 4.0)
    assert sum(weeks.issues) == 5.0


def test_points_changed_after_an_issue_was_finished_change_no_history(now):
    project = ProjectFactory()
    finish_by_week(project, [1], now=now)

    update_issue(Issue.objects.get(project=project), by=UserFactory(), now=now, story_points=100)

    assert throughput(project.id, now=now).points[-1] == 2.0


def test_what_may_go_first_is_not_begun_least_urgent_and_newest(project, now):
    sprint = SprintFactory(project=project)
    begun = project.statuses.filter(category="in_progress").first()
    options = {"project": project, "sprint": sprint}
    urgent = IssueFactory(**options, priority=1, created_at=now)
    old = IssueFactory(**options, priority=3, created_at=now - timedelta(days=2))
    new = IssueFactory(**options, priority=3, created_at=now)
    in_progress = IssueFactory(**options, priority=5, status=begun)

    assert expendable_first(sprint) == tuple(str(issue.id) for issue in (new, old, urgent, in_progress))


# --- One engine ---------------------------------------------------------------------------------------------------
def test_duration_risk_what_if_and_summary_show_the_same_chance(running, now):
    # Ten points a week against 20 in little more than one: unlikely, and so a risk.
    chance = sprint_forecast(running, now=now).probability_in_time

    duration = SprintDurationService().estimate_sprint_duration(running.id, now=now)
    (risk,) = [
        risk
        for risk in AnomalyDetectionService().detect_sprint_risks(running.id, now=now)
        if "late_by_forecast" in (risk["risk_type"], *risk["evidence"].get("signs", ()))
    ]
    summary = ProjectSummaryService().summarise_project(running.project_id, now=now)
    what_if = ForecastService().what_if(running.id, Scenario(), now=now)

    assert 0.0 < chance < 0.7
    assert duration["forecast"]["probability_in_time"] == chance
    assert risk["evidence"].get("probability_in_time", risk["actual_value"]) == chance
    assert summary["sprint_forecasts"][0]["probability_in_time"] == chance
    assert what_if["as_planned"]["probability_in_time"] == chance
    assert what_if["scenario"] == what_if["as_planned"]
    assert what_if["probability_change"] == 0.0


def test_days_off_and_absences_of_the_project_count_in_every_answer(running, now):
    project, tomorrow = running.project, now.date() + timedelta(days=1)
    usual = sprint_forecast(running, now=now)
    TeamMemberFactory(project=project)
    TeamMemberFactory(project=project, absent_from=tomorrow)
    TeamMemberFactory(project=project, role="viewer", absent_from=tomorrow)
    DayOffFactory(project=project, day=now.date())

    chance = sprint_forecast(running, now=now).probability_in_time
    duration = SprintDurationService().estimate_sprint_duration(running.id, now=now)
    what_if = ForecastService().what_if(running.id, Scenario(), now=now)["as_planned"]
    summary = ProjectSummaryService().summarise_project(project.id, now=now)["sprint_forecasts"][0]
    part = ForecastService().forecast_work(project.id, unfinished(project.id), by=running.end_date, now=now)["when"]

    assert chance < usual.probability_in_time
    assert duration["forecast"] == what_if == part
    assert duration["forecast"]["working_days_left"] == (usual.working_days_left - 1) / 2
    assert what_if["probability_in_time"] == summary["probability_in_time"] == chance
    assert what_if["percentiles"][2]["date"] == summary["promised_date"]


def test_a_duration_without_enough_weeks_says_why_it_has_no_forecast(now):
    project = ProjectFactory()
    for n in (4, 3, 2):
        start = now - timedelta(days=14 * n)
        past = SprintFactory(project=project, start_date=start.date(), started_at=start, completed=True)
        IssueFactory(project=project, sprint=past, story_points=5, completed=True, created_at=start, resolved_at=start)
    sprint = a_running_sprint(project, now)

    answer = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)

    assert answer["forecast"] is None
    assert "12 weeks" in answer["no_forecast_because"]


def test_less_capacity_lowers_the_chance(running, now):
    chances = [
        SprintDurationService().estimate_sprint_duration(running.id, team_capacity_hours=hours, now=now)["forecast"][
            "probability_in_time"
        ]
        for hours in (1000.0, 20.0, 5.0)
    ]

    assert chances == sorted(chances, reverse=True)
    assert chances[0] > chances[-1]


# --- What if ------------------------------------------------------------------------------------------------------
def test_dropping_raises_and_adding_lowers_the_chance(running, now):
    some = tuple(running.issues.values_list("id", flat=True)[:4])
    more = tuple(issue.id for issue in IssueFactory.create_batch(4, project=running.project, story_points=2))
    service = ForecastService()

    dropped = service.what_if(running.id, Scenario(drop_issues=some), now=now)
    added = service.what_if(running.id, Scenario(add_issues=more), now=now)

    assert dropped["probability_change"] > 0 > added["probability_change"]
    assert (dropped["scenario"]["issues"], added["scenario"]["issues"]) == (6, 14)


def test_days_more_raise_and_days_off_lower_the_chance(running, now):
    service = ForecastService()

    longer = service.what_if(running.id, Scenario(extra_days=3), now=now)
    holiday = service.what_if(running.id, Scenario(days_off=(now.date(),)), now=now)

    assert longer["probability_change"] > 0 > holiday["probability_change"]
    assert longer["scenario"]["working_days_left"] == longer["as_planned"]["working_days_left"] + 3


def test_the_suggested_drops_reach_the_target(running, now):
    answer = ForecastService().what_if(running.id, Scenario(), now=now)
    dropped = tuple(drop["issue_id"] for drop in answer["drops_to_target"])

    followed = ForecastService().what_if(running.id, Scenario(drop_issues=dropped), now=now)

    assert followed["scenario"]["probability_in_time"] == answer["drops_to_target"][-1]["probability_after"] >= 0.85
    assert followed["drops_to_target"] == []
    titles = dict(Issue.objects.filter(sprint=running).values_list("id", "title"))
    assert {drop["title"] for drop in answer["drops_to_target"]} == {titles[UUID(id_)] for id_ in dropped}


def test_a_what_if_leaves_a_row_that_can_be_told_from_a_plan(running, now):
    ForecastService().what_if(running.id, Scenario(extra_days=1), now=now)

    row = PredictionHistory.objects.get()
    assert (row.prediction_type, row.sprint_id, row.input["extra_days"]) == ("what_if", running.id, 1)


# --- Parts of a backlog -------------------------------------------------------------------------------------------
def test_more_items_are_done_later(project, now):
    service = ForecastService()
    issues = IssueFactory.create_batch(12, project=project, story_points=2)
    some = unfinished(project.id, issue_ids=[issue.id for issue in issues[:3]])

    few = service.forecast_work(project.id, some, now=now)["when"]
    many = service.forecast_work(project.id, unfinished(project.id), now=now)["when"]

    assert (few["issues"], many["issues"]) == (3, 12)
    assert [p["working_days"] for p in few["percentiles"]] <= [p["working_days"] for p in many["percentiles"]]
    assert few["probability_in_time"] is None


def test_work_is_chosen_by_component_and_label(project):
    chosen = IssueFactory(project=project, component="billing", labels=["epic-1"])
    IssueFactory(project=project, component="billing")
    IssueFactory(project=project, component="login", labels=["epic-1"])

    by_both = unfinished(project.id, component="billing", label="epic-1")

    assert [item.issue_id for item in by_both] == [str(chosen.id)]
    assert len(unfinished(project.id, label="epic-1")) == 2


def test_a_forecast_comes_with_the_teams_own_track_record(project, now):
    record = ForecastService().forecast_work(project.id, unfinished(project.id), now=now)["track_record"]

    assert [row["percent"] for row in record] == [50, 70, 85, 95]
    assert record[0]["due"] > 5
    assert all(0 <= row["kept"] <= row["due"] for row in record)


def test_how_many_promises_less_the_surer_it_is(project, now):
    answer = ForecastService().how_many(project.id, by=now.date() + timedelta(days=27), now=now)["how_many"]

    counts = [row["issues"] for row in answer["at_least"]]
    assert (answer["working_days"], [row["percent"] for row in answer["at_least"]]) == (20, [50, 70, 85, 95])
    assert counts == sorted(counts, reverse=True)
    assert 12 <= counts[0] <= 28


def test_a_young_project_is_told_how_much_is_missing(now):
    project = ProjectFactory()
    finish_by_week(project, [3] * 5, now=now)

    with pytest.raises(NotEnoughData) as error:
        ForecastService().forecast_work(project.id, (), now=now)

    assert (error.value.have, error.value.needed) == (5, 12)


def test_a_sprint_and_its_team_are_read_once_for_all_its_risks(project, running, now, django_assert_max_num_queries):
    service = AnomalyDetectionService()
    TERMS.of_project(project.id)

    for more in (0, 40):
        IssueFactory.create_batch(more, project=project, sprint=running, story_points=2)
        # Which model serves is asked every other second.
        with django_assert_max_num_queries(31 + ENTERING):
            service.detect_sprint_risks(running.id, now=now)


def test_the_queries_do_not_grow_with_the_backlog(project, running, now, django_assert_num_queries):
    IssueFactory.create_batch(20, project=project, sprint=running, story_points=3)

    with django_assert_num_queries(29 + ENTERING):
        ForecastService().what_if(running.id, Scenario(), now=now)


# --- Over HTTP ----------------------------------------------------------------------------------------------------
@pytest.fixture
def sprint():
    now = timezone.now()
    return a_running_sprint(a_team(now), now)


@pytest.fixture
def client(api_client, sprint):
    api_client.force_authenticate(TeamMemberFactory(project=sprint.project).user)
    return api_client


def what_if_address(sprint: Sprint) -> str:
    return f"/api/v1/ml/sprints/{sprint.id}/what-if/"


def forecast_address(project: Project) -> str:
    return f"/api/v1/ml/projects/{project.id}/forecast/"


def test_a_member_asks_what_if(client, sprint):
    dropped = [str(sprint.issues.first().id)]

    response = client.post(what_if_address(sprint), {"drop_issues": dropped, "extra_days": 1}, format="json")

    assert response.status_code == 200, response.data
    assert response.data["probability_change"] > 0


def test_a_member_asks_when_and_how_many(client, sprint):
    by = (timezone.now() + timedelta(days=30)).date().isoformat()

    backlog = client.post(forecast_address(sprint.project), {}, format="json")
    when = client.post(forecast_address(sprint.project), {"items": 20, "by": by}, format="json")
    how_many = client.post(forecast_address(sprint.project), {"by": by}, format="json")

    assert backlog.data["when"]["issues"] == 10
    assert 0 < when.data["when"]["probability_in_time"] < 1
    assert how_many.data["how_many"]["at_least"][0]["issues"] > 0


@pytest.mark.parametrize("address", [what_if_address, lambda sprint: forecast_address(sprint.project)])
def test_a_stranger_cannot_see_that_anything_exists(api_client, sprint, address):
    api_client.force_authenticate(UserFactory())

    assert api_client.post(address(sprint), {}, format="json").status_code == 404


@pytest.mark.parametrize("field", ["drop_issues", "add_issues"])
def test_issues_of_other_projects_are_refused(client, sprint, field):
    response = client.post(what_if_address(sprint), {field: [str(IssueFactory().id)]}, format="json")

    assert response.status_code == 400
    assert response.data["errors"][0]["pointer"] == f"/{field}"


def test_items_and_issues_at_once_are_refused(client, sprint):
    response = client.post(forecast_address(sprint.project), {"items": 3, "label": "x"}, format="json")

    assert response.status_code == 400


@pytest.mark.parametrize("field", ["label", "component"])
def test_a_label_or_component_that_no_issue_bears_is_refused_and_not_called_done(client, sprint, field):
    response = client.post(forecast_address(sprint.project), {field: "biling"}, format="json")

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{field}"]


def test_a_label_whose_issues_are_all_finished_is_done_today(client, sprint):
    IssueFactory(project=sprint.project, completed=True, labels=["release"], component="billing")

    asked = {"label": "release", "component": "billing"}
    response = client.post(forecast_address(sprint.project), asked, format="json")

    assert response.json()["when"]["issues"] == 0
    assert response.json()["when"]["percentiles"][-1]["working_days"] == 0


@pytest.mark.parametrize("address", [what_if_address, lambda sprint: forecast_address(sprint.project)])
def test_a_field_that_does_not_exist_is_refused_by_its_name(client, sprint, address):
    response = client.post(address(sprint), {"by_date": "2030-01-01"}, format="json")

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == ["/by_date"]
    assert not PredictionHistory.objects.exists()


def test_too_little_history_is_422_with_what_is_missing(client, sprint):
    Issue.objects.filter(project=sprint.project, resolved_at__isnull=False).delete()

    response = client.post(what_if_address(sprint), {}, format="json")

    assert response.status_code == 422
    assert (response.data["have"], response.data["needed"]) == (0, 12)


def test_a_question_is_simulated_again_once_any_number_of_it_differs(project, now, monkeypatch):
    IssueFactory.create_batch(5, project=project, story_points=2)
    items, asked, ask = unfinished(project.id), [], WorkForecaster.ask
    monkeypatch.setattr(WorkForecaster, "ask", lambda *args: asked.append(args) or ask(*args))

    def answer(items: Any = items, **options: Any) -> Any:
        return ForecastService().forecast_work(project.id, items, now=now, **options)["when"]

    first = answer()
    assert answer() == first
    assert len(asked) == 1

    for different in ({"by": now.date()}, {"created": (1.0, 2.0)}, {"days_off": (now.date(),)}):
        answer(**different)
    answer([replace(items[0], story_points=99.0), *items[1:]])
    DayOffFactory(project=project, day=now.date() + timedelta(days=1))
    answer()
    assert len(asked) == 6
