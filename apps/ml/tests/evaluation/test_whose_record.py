"""Which answers are scored: to the team, about an issue as it is, decided when they are given."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps

from apps.accounts.tests.factories import UserFactory
from apps.ml.core.records import IssueFacts
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.forecasts import unfinished
from apps.ml.selectors.issues import facts_of
from apps.ml.selectors.scorecard import waiting_predictions
from apps.ml.services import AnomalyDetectionService, PredictionService, RecommendationService
from apps.ml.services.evaluation.closing import record_dated_outcomes, record_outcomes
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.predictions.questions import facts_asked
from apps.ml.services.predictions.whose_record import NOT_THE_TEAMS, issue_to_score, sprint_to_score
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team
from apps.projects.models import TeamMember
from apps.projects.services import close_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def issue(project):
    return IssueFactory(
        project=project, title="Fix the export", description="It ends early.", type_name="bug", component="api",
        labels=["a"], priority=2, story_points=3.0, estimated_hours=5.0,
    )  # fmt: skip


def scores(issue, user, **said) -> bool:
    facts = facts_asked({"title": issue.title, **said}, issue.project_id, issue.id)
    return issue_to_score(issue.id, facts, issue.project_id, user) == issue.id


@pytest.mark.parametrize(("role", "expected"), [("viewer", False), ("member", True), ("lead", True)])
def test_a_viewers_question_scores_nothing(project, issue, role, expected):
    user = TeamMemberFactory(project=project, role=role).user

    assert scores(issue, user) is expected
    sprint = SprintFactory(project=project)
    assert (sprint_to_score(sprint.id, project.id, user) == sprint.id) is expected


def test_strangers_score_nothing_and_the_installation_itself_does(project, issue):
    stranger, administrator = TeamMemberFactory(role="lead").user, UserFactory(is_superuser=True)

    assert [scores(issue, user) for user in (stranger, administrator, None)] == [False, True, True]


@pytest.mark.parametrize(
    "invented",
    [{"estimated_hours": 400.0}, {"title": "Another"}, {"component": "web"}, {"labels": ("b",)}, {"priority": 1},
     {"issue_type": "epic"}, {"story_points": 13.0}, {"description": "x"}, {"assignee": "somebody"},
     {"description": ""}, {"issue_type": ""}, {"component": ""}, {"labels": ()}, {"priority": None},
     {"story_points": None}, {"estimated_hours": None}],
)  # fmt: skip
def test_what_contradicts_the_issue_scores_nothing(project, issue, invented):
    member = TeamMemberFactory(project=project).user

    assert not scores(issue, member, **invented)


def test_what_is_so_and_what_is_left_out_contradict_nothing(project, issue, django_assert_num_queries):
    member = TeamMemberFactory(project=project).user

    assert scores(issue, member)
    assert scores(issue, member, component="api", labels=("a",), priority=2.0, issue_type="Bug")
    assert scores(IssueFactory(project=project, description="", labels=[]), member, description="", labels=())
    with django_assert_num_queries(1):
        assert issue_to_score(issue.id, facts_of(issue), project.id, member) == issue.id
    with django_assert_num_queries(0):
        assert issue_to_score(None, IssueFacts("A"), project.id, member) is None


EMPTY = ({"description": ""}, {"issue_type": ""}, {"component": ""}, {"labels": []})


@pytest.mark.parametrize("kind", ["predict-effort", "recommend-story-points"])
def test_what_is_said_to_be_empty_and_is_not_scores_nothing_over_the_api(api_client, project, issue, kind):
    api_client.force_authenticate(TeamMemberFactory(project=project).user)
    issue.story_points = None
    issue.save()
    about = {"issue_id": str(issue.id)}

    def ask(address, **asked):
        before = set(PredictionHistory.objects.values_list("pk", flat=True))
        assert api_client.post(f"/api/v1/ml/{address}/", {"project_id": str(project.id), **asked}).status_code == 200
        rows = PredictionHistory.objects.exclude(pk__in=before)
        return sorted((row.issue_id is not None for row in rows), reverse=True)

    assert ask(kind, **about) == [True]
    assert [ask(kind, **about, **said) for said in EMPTY] == [[False]] * len(EMPTY)
    many = [about, {**about, "component": "api"}, *({**about, **said} for said in EMPTY)]
    assert ask(f"{kind}/bulk", issues=many) == [True, True] + [False] * len(EMPTY)


@pytest.mark.parametrize("ask", ["predict_issue_effort", "recommend_story_points"])
def test_what_a_program_leaves_out_is_taken_from_the_issue_and_scores(project, issue, ask):
    def row(**said):
        answer = getattr(PredictionService(), ask)(issue.title, project_id=project.id, issue_id=issue.id, **said)
        return PredictionHistory.objects.get(pk=answer["prediction_id"])

    assert (row().issue, row().input["component"], row().input["description"]) == (issue, "api", "It ends early.")
    assert [row(**said).issue for said in ({"description": ""}, {"component": ""}, {"labels": ()})] == [None] * 3


def test_an_issue_of_another_project_scores_nothing(project, issue):
    assert issue_to_score(IssueFactory().id, IssueFacts("A"), project.id, None) is None


# --- What is judged by more than a column -------------------------------------------------------------------------
JUDGED = [
    ModelType.TASK_ASSIGNMENT, ModelType.SPRINT_DURATION, PredictionHistory.Kind.SPRINT_RISK,
    PredictionHistory.Kind.FORECAST, PredictionHistory.Kind.WHAT_IF,
]  # fmt: skip


@pytest.fixture
def sprint(now):
    return a_running_sprint(a_team(now=now), now=now)


def ask_all(sprint, user, *, now):
    """Every kind of question whose answer is judged."""
    project, issue = sprint.project, sprint.issues.filter(resolved_at=None).first()
    RecommendationService().suggest_assignment(issue.pk, project.pk, user=user, now=now)
    SprintDurationService().estimate_sprint_duration(sprint.pk, user=user, now=now)
    AnomalyDetectionService().judge_sprint(sprint.pk, user=user, now=now)
    ForecastService().forecast_work(project.pk, unfinished(project.pk), user=user, now=now)
    ForecastService().how_many(project.pk, by=now.date() + timedelta(days=7), user=user, now=now)
    ForecastService().what_if(sprint.pk, Scenario(), user=user, now=now)
    PredictionHistory.objects.update(created_at=now)


def judge_all(sprint, *, now):
    """The truth comes: all is done, the sprint is closed."""
    member = TeamMemberFactory(project=sprint.project).user
    done = sprint.project.statuses.get(category="done")
    for issue in sprint.project.issues.filter(resolved_at=None):
        update_issue(issue, by=None, now=now + timedelta(days=2), assignee=member, status=done)
    close_sprint(sprint, by=None, now=now + timedelta(days=3))
    for days in (3, 40):
        record_outcomes(now=now + timedelta(days=days))
        record_dated_outcomes(now=now + timedelta(days=days))


@pytest.mark.parametrize("then", ["nothing", "deleted", "promoted"])
def test_what_a_viewer_asked_is_never_scored_whatever_becomes_of_them(sprint, now, then):
    viewer = TeamMemberFactory(project=sprint.project, role="viewer")
    ask_all(sprint, viewer.user, now=now)
    assert {kind for kind, found in waiting_predictions(sprint.project_id).items() if found.unscored} == {*JUDGED}
    if then == "deleted":
        viewer.user.delete()
    if then == "promoted":
        TeamMember.objects.filter(pk=viewer.pk).update(role="lead")

    judge_all(sprint, now=now)

    assert not PredictionHistory.objects.exclude(actual_value=None).exists()
    assert {row.details["unscored"] for row in PredictionHistory.objects.all()} == {NOT_THE_TEAMS}


@pytest.mark.parametrize("then", ["nothing", "deleted", "demoted", "left"])
def test_what_a_member_asked_is_scored_whatever_becomes_of_them(sprint, now, then):
    member = TeamMemberFactory(project=sprint.project)
    ask_all(sprint, member.user, now=now)
    if then == "deleted":
        member.user.delete()
    if then == "demoted":
        TeamMember.objects.filter(pk=member.pk).update(role="viewer")
    if then == "left":
        member.delete()

    judge_all(sprint, now=now)

    scored = PredictionHistory.objects.exclude(actual_value=None).values_list("prediction_type", flat=True)
    assert sorted(scored) == sorted([*JUDGED, "forecast"])


def test_of_open_answers_of_before_it_is_decided_by_who_is_in_the_team_at_the_update(project):
    viewer, member = (TeamMemberFactory(project=project, role=role).user for role in ("viewer", "member"))
    askers = {"viewer": viewer, "member": member, "nobody": None, "administrator": UserFactory(is_superuser=True)}
    rows = {
        name: PredictionHistoryFactory(
            project=project, prediction_type="forecast", requested_by=user, details={"first_day": "2026-01-01"}
        )
        for name, user in askers.items()
    }
    rows["of its own"] = PredictionHistoryFactory(project=project, requested_by=viewer, details={})

    import_module("apps.ml.migrations.0015_whose_record").decide(apps, None)

    for row in rows.values():
        row.refresh_from_db()
    assert {name for name, row in rows.items() if row.details.get("unscored") == NOT_THE_TEAMS} == {"viewer"}
    assert rows["viewer"].details["first_day"] == "2026-01-01"


def test_what_is_supposed_of_a_sprint_or_a_backlog_is_held_against_nothing(sprint, now):
    mine = [issue.pk for issue in sprint.issues.filter(resolved_at=None)]
    other = IssueFactory(project=sprint.project, resolved_at=None)
    plans = {"left out": (), "all": mine, "fewer": mine[:1], "more": [*mine, other.pk]}

    for plan in plans.values():
        SprintDurationService().estimate_sprint_duration(sprint.pk, plan, now=now)
    work = unfinished(sprint.project_id)
    for created in ((), (1.0,) * 8):
        ForecastService().forecast_work(sprint.project_id, work, created=created, now=now)

    rows = PredictionHistory.objects.order_by("created_at")
    durations, dates = (
        ["issues" in row.details for row in rows.filter(prediction_type=kind)]
        for kind in (ModelType.SPRINT_DURATION, PredictionHistory.Kind.FORECAST)
    )
    assert dict(zip(plans, durations, strict=True)) == {"left out": True, "all": True, "fewer": False, "more": False}
    assert dates == [True, False]
