"""Predictions for many issues: the figures of single ones, a status each, and a fixed number of queries."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.common.lately import Lately
from apps.ml.models import PredictionHistory
from apps.ml.serializers.bulk import MOST_ISSUES
from apps.projects import selectors
from apps.projects.models import Project, TeamMember
from apps.projects.tests.factories import IssueFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
ML = "/api/v1/ml"
KINDS = pytest.mark.parametrize("kind", ["predict-effort", "recommend-story-points"])
NOT_FIGURES = {"prediction_id", "similar_issues"}


@pytest.fixture
def client(api_client, team):
    api_client.force_authenticate(TeamMemberFactory(project=team).user)
    return api_client


def questions(team):
    """Issues that differ in words and type; one that there is, and one whose words nobody has."""
    issue = IssueFactory(project=team, title="Change the export of part 9", type_name="story", priority=3)
    parts = [{"title": f"Change the label of part {number}", "issue_type": "bug"} for number in range(5)]
    return [*parts, {"issue_id": str(issue.id)}, {"title": "Zwölf Boxkämpfer"}]


def ask_all(client, kind, team, issues):
    answer = client.post(f"{ML}/{kind}/bulk/", {"project_id": str(team.id), "issues": issues})
    assert answer.status_code == 200, answer.json()
    return answer.json()["results"]


@KINDS
@pytest.mark.parametrize("with_model", [True, False])
def test_every_issue_gets_the_figures_that_it_gets_alone(client, team, kind, with_model, request):
    if with_model:
        request.getfixturevalue("trained")
    asked = questions(team)

    results = ask_all(client, kind, team, asked)

    for question, item in zip(asked, results, strict=True):
        alone = client.post(f"{ML}/{kind}/", {"project_id": str(team.id), **question}).json()
        assert item["status"] == 200
        assert without(item["answer"]) == without(alone)


def without(answer):
    return {name: value for name, value in answer.items() if name not in NOT_FIGURES}


@KINDS
def test_a_fault_of_one_issue_is_its_own_and_the_others_are_answered_and_recorded(client, team, kind):
    asked = [
        {"title": "Change the label"},
        {"title": "Change it", "issue_tpye": "bug"},
        {"issue_id": str(IssueFactory().id)},
        {},
        {"title": "Change the export"},
    ]

    results = ask_all(client, kind, team, asked)

    assert [item["status"] for item in results] == [200, 400, 404, 400, 200]
    assert results[1]["problem"]["errors"][0]["pointer"] == "/issue_tpye"
    assert results[2]["problem"]["code"] == "not_found", "The issue is of another project, which is not told."
    recorded = {str(id_) for id_ in PredictionHistory.objects.values_list("id", flat=True)}
    assert recorded == {results[0]["answer"]["prediction_id"], results[4]["answer"]["prediction_id"]}


def test_an_issue_that_is_asked_about_as_it_is_scores_its_answer(client, team):
    issue = IssueFactory(project=team, title="Change the export of part 9")

    ask_all(client, "predict-effort", team, [{"issue_id": str(issue.id)}, {"issue_id": str(issue.id), "priority": 9}])

    rows = PredictionHistory.objects.order_by("input__priority")
    assert sorted((row.issue_id == issue.id for row in rows), reverse=True) == [True, False]


def test_points_stay_hidden_until_the_team_has_voted(client, team):
    team.hides_until_voted = True
    team.save()
    sized, open_ = IssueFactory(project=team, story_points=3), IssueFactory(project=team, story_points=None)

    results = ask_all(client, "recommend-story-points", team, [{"issue_id": str(each.id)} for each in (sized, open_)])

    assert [item["status"] for item in results] == [200, 409]
    assert results[1]["problem"]["code"] == "hidden_until_voted"


@KINDS
def test_more_issues_take_no_more_queries(client, team, trained, kind):
    few, many = ([{"title": f"Change part {number}"} for number in range(count)] for count in (2, 30))
    ask_all(client, kind, team, few)

    counts = []
    for asked in (few, many):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ask_all(client, kind, team, asked)
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert sum("INSERT" in query["sql"] for query in queries.captured_queries) == 1


@pytest.mark.parametrize("issues", [[], [{"title": "A"}] * (MOST_ISSUES + 1), "A", None])
def test_none_and_too_many_are_refused(client, team, issues):
    answer = client.post(f"{ML}/predict-effort/bulk/", {"project_id": str(team.id), "issues": issues})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/issues"


def test_who_leaves_the_team_gets_no_answer_any_more(client, team):
    ask_all(client, "predict-effort", team, [{"title": "A"}])

    TeamMember.objects.filter(project=team).delete()

    answer = client.post(f"{ML}/predict-effort/", {"project_id": str(team.id), "title": "A"})
    assert answer.status_code == 404


def test_what_another_process_takes_away_is_gone_within_five_seconds(client, team, monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr(selectors, "_LATELY", Lately(Project, TeamMember, User, clock=lambda: seconds[0]))
    ask_all(client, "predict-effort", team, [{"title": "A"}])
    # No signal tells of an update, as none tells of other processes.
    TeamMember.objects.filter(project=team).update(user=UserFactory())

    seconds[0] = 5.0

    answer = client.post(f"{ML}/predict-effort/", {"project_id": str(team.id), "title": "A"})
    assert answer.status_code == 404
