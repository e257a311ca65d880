"""What else decides when work is done: work in progress, growing and carried-over scope, new issues."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.ml.selectors.calendars import working_calendar
from apps.ml.selectors.forecasts import created_by_week, in_progress, unfinished
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.forecasts.sprint import team_past
from apps.ml.services.model_trainer import ModelTrainer
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team, finish_by_week, growing_sprints, sprint_forecast
from apps.ml.tests.teams import learnable_team
from apps.projects.services import update_issue
from apps.projects.tests.factories import (
    DayOffFactory,
    IssueFactory,
    ProjectFactory,
    SprintFactory,
    TeamMemberFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(now):
    return a_team(now)


@pytest.fixture
def running(project, now):
    return a_running_sprint(project, now)


# --- The team -----------------------------------------------------------------------------------------------------
def test_the_team_are_those_who_finished_something_lately(now):
    project, away = ProjectFactory(), {"absent_from": now.date(), "absent_until": now.date()}
    working = TeamMemberFactory(project=project, **away).user
    TeamMemberFactory(project=project)
    for resolved_at in (now - timedelta(days=30), now - timedelta(days=31)):
        done = {"completed": True, "created_at": resolved_at - timedelta(days=9), "resolved_at": resolved_at}
        IssueFactory(project=project, assignee=working, **done)
    left = TeamMemberFactory(project=project, **away).user
    IssueFactory(project=project, assignee=left, completed=True, created_at=now - timedelta(days=400))

    calendar = working_calendar(project.id, now=now)
    project.issues.all().delete()
    of_all = working_calendar(project.id, now=now)

    assert (calendar.people, len(calendar.absences)) == (1, 1)
    assert (of_all.people, len(of_all.absences)) == (3, 2)


# --- Work in progress ---------------------------------------------------------------------------------------------
def test_work_in_progress_is_what_somebody_touched_lately(project, now):
    long_ago = now - timedelta(days=90)
    begun = {"project": project, "status_name": "In progress", "created_at": long_ago}
    fresh = IssueFactory(**begun, started_at=now - timedelta(days=2))
    moved = IssueFactory(**begun, started_at=long_ago)
    update_issue(moved, by=None, now=now - timedelta(days=3), story_points=3)
    IssueFactory(**begun, started_at=long_ago)
    IssueFactory(project=project, created_at=now)

    found = {item.issue_id for item in in_progress(project.id, now=now)}

    assert found == {str(fresh.id), str(moved.id)}
    assert in_progress(project.id, now=now, besides=found) == ()


def test_a_part_of_the_backlog_waits_for_what_is_begun(project, now):
    asked = IssueFactory(project=project, labels=["epic"], story_points=5)
    IssueFactory.create_batch(3, project=project, in_progress=True, created_at=now - timedelta(days=5), story_points=4)
    epic = unfinished(project.id, label="epic")

    after = ForecastService().forecast_work(project.id, epic, by=now.date() + timedelta(days=6), now=now)["when"]
    alone = ForecastService().forecast_work(
        project.id, epic, by=now.date() + timedelta(days=6), after_work_in_progress=False, now=now
    )["when"]

    assert [item.issue_id for item in epic] == [str(asked.id)]
    assert (after["work_in_progress"], alone["work_in_progress"]) == (
        {"issues": 3, "work": 12.0},
        {"issues": 0, "work": 0.0},
    )
    assert after["probability_in_time"] < alone["probability_in_time"]


def test_a_sprint_waits_for_what_is_begun_outside_it_and_not_for_its_own(running, now):
    usual = sprint_forecast(running, now=now)
    begun = {"project": running.project, "in_progress": True, "created_at": now - timedelta(days=5)}
    own = IssueFactory(**begun, sprint=running, story_points=2)
    outside = IssueFactory(**begun, story_points=6)

    busy = ForecastService().what_if(running.id, Scenario(drop_issues=(own.id,)), now=now)
    joined = ForecastService().what_if(running.id, Scenario(add_issues=(outside.id,)), now=now)

    assert busy["as_planned"]["work_in_progress"] == {"issues": 1, "work": 6.0}
    assert busy["as_planned"]["probability_in_time"] < usual.probability_in_time
    assert busy["scenario"]["work"] == usual.work
    assert joined["scenario"]["work_in_progress"]["issues"] == 0
    assert joined["probability_change"] == 0


# --- Growing scope ------------------------------------------------------------------------------------------------
def test_a_sprint_grows_as_the_teams_past_sprints_did(project, now):
    growing_sprints(project, now)
    early = a_running_sprint(project, now, started_days_ago=0)
    late = a_running_sprint(project, now, started_days_ago=5)

    what_if = ForecastService().what_if(early.id, Scenario(growth=False), now=now)

    # As much came in as was planned, all of it on the second day.
    assert what_if["as_planned"]["expected_growth"] == 1.0
    assert what_if["scenario"]["expected_growth"] is None
    assert what_if["probability_change"] > 0
    assert sprint_forecast(late, now=now).expected_growth == 0.0


def test_four_past_sprints_are_too_few_to_expect_growth(project, now):
    growing_sprints(project, now, n=4)

    assert sprint_forecast(a_running_sprint(project, now), now=now).expected_growth is None


# --- Carried-over scope -------------------------------------------------------------------------------------------
def test_the_next_sprint_begins_with_what_the_running_one_leaves(running, now):
    following = SprintFactory(project=running.project, start_date=running.end_date + timedelta(days=1))
    mine = IssueFactory.create_batch(3, project=running.project, sprint=following, story_points=2)
    before = sprint_forecast(following, now=now)
    moved = running.issues.first()

    IssueFactory.create_batch(20, project=running.project, sprint=running, story_points=2)
    loaded = ForecastService().what_if(following.id, Scenario(add_issues=(moved.id,)), now=now)
    emptied = ForecastService().what_if(following.id, Scenario(drop_issues=tuple(issue.id for issue in mine)), now=now)

    assert before.carried_over > 0
    assert loaded["as_planned"]["carried_over"] > before.carried_over + 30
    assert loaded["as_planned"]["probability_in_time"] < before.probability_in_time
    # What moves over is planned, not carried.
    assert loaded["scenario"]["carried_over"] == pytest.approx(loaded["as_planned"]["carried_over"] - 2, abs=0.2)
    assert emptied["scenario"]["probability_in_time"] == 1.0


def test_a_sprint_that_begins_before_the_running_one_ends_carries_nothing(running, now):
    parallel = SprintFactory(project=running.project, start_date=running.end_date)
    IssueFactory(project=running.project, sprint=parallel, story_points=2)

    assert sprint_forecast(parallel, now=now).carried_over is None


# --- New issues ---------------------------------------------------------------------------------------------------
def test_new_issues_are_counted_by_week_for_what_is_asked_about(now):
    project = ProjectFactory()
    for days, options in ((1, {"component": "billing"}), (2, {"labels": ["epic"]}), (16, {}), (800, {})):
        IssueFactory(project=project, created_at=now - timedelta(days=days), **options)

    assert created_by_week(project.id, now=now) == (1.0, 0.0, 2.0)
    assert created_by_week(project.id, now=now, component="billing") == (1.0,)
    assert created_by_week(project.id, now=now, label="epic") == (1.0,)
    assert created_by_week(project.id, now=now, label="nothing") == ()


def test_a_backlog_grows_if_that_is_asked_for(api_client):
    now = timezone.now()
    project = ProjectFactory()
    finish_by_week(project, [4] * 30, now=now, labels=["epic"])
    IssueFactory.create_batch(20, project=project, created_at=now - timedelta(days=400))
    IssueFactory(project=project, created_at=now - timedelta(days=1000), labels=["old"])
    api_client.force_authenticate(TeamMemberFactory(project=project).user)

    def ask(**body):
        return api_client.post(f"/api/v1/ml/projects/{project.id}/forecast/", body, format="json")

    by = (now + timedelta(days=60)).date().isoformat()
    still, growing = ask(items=20, by=by), ask(growth=True, by=by)

    assert still.data["when"]["weekly_inflow"] is None
    assert 3.0 < growing.data["when"]["weekly_inflow"] <= 4.0
    assert growing.data["when"]["probability_in_time"] < still.data["when"]["probability_in_time"]
    assert ask(growth=True, label="old").data["when"]["weekly_inflow"] is None
    for body in ({"items": 3}, {"issue_ids": [str(project.issues.first().id)]}):
        refused = ask(growth=True, **body)
        assert (refused.status_code, refused.data["errors"][0]["pointer"]) == (400, "/growth")


# --- All at once --------------------------------------------------------------------------------------------------
def test_every_answer_agrees_with_everything_at_once(now):
    project = learnable_team(400, until=now)
    project.issues.update(story_points=None)
    ModelTrainer().train_effort_prediction_model(project.id, now=now)
    growing_sprints(project, now)
    project.issues.update(story_points=None)
    DayOffFactory(project=project, day=now.date() + timedelta(days=1))
    TeamMemberFactory(project=project, absent_from=now.date() + timedelta(days=3))
    TeamMemberFactory.create_batch(2, project=project)
    IssueFactory(project=project, in_progress=True, created_at=now - timedelta(days=3), title="Change the export")
    sprint = a_running_sprint(project, now, started_days_ago=0, n=15, story_points=None, title="Change the migration")
    items = unfinished(project.id, issue_ids=[issue.id for issue in sprint.issues.all()])

    asked = sprint_forecast(sprint, now=now)
    duration = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)["forecast"]
    risks = AnomalyDetectionService().detect_sprint_risks(sprint.id, now=now)
    summary = ProjectSummaryService().summarise_project(project.id, now=now)["sprint_forecasts"][0]
    what_if = ForecastService().what_if(sprint.id, Scenario(), now=now)
    not_growing = ForecastService().what_if(sprint.id, Scenario(growth=False), now=now)["scenario"]
    part = ForecastService().forecast_work(project.id, items, by=sprint.end_date, now=now)["when"]

    assert (asked.history.unit, dict(asked.sizes)) == ("hours", {"points": 0, "model": 15, "history": 0})
    assert (asked.ahead_issues, asked.expected_growth, asked.working_days_left % 1 > 0) == (1, 1.0, True)
    assert 0.05 < asked.probability_in_time < 0.7
    assert duration == what_if["as_planned"] == what_if["scenario"]
    assert duration["probability_in_time"] == summary["probability_in_time"] == asked.probability_in_time
    (short,) = [risk for risk in risks if "late_by_forecast" in (risk["risk_type"], *risk["evidence"].get("signs", ()))]
    assert short["evidence"].get("probability_in_time", short["actual_value"]) == asked.probability_in_time
    assert duration["percentiles"][2]["date"] == summary["promised_date"]
    assert duration == part
    assert not_growing["probability_in_time"] > asked.probability_in_time


def test_the_queries_do_not_grow_with_what_else_decides(project, running, now, django_assert_max_num_queries):
    following = SprintFactory(project=project, start_date=running.end_date + timedelta(days=1))
    IssueFactory(project=project, sprint=following, story_points=2)
    growing_sprints(project, now)
    TeamMemberFactory.create_batch(5, project=project, absent_from=now.date())

    # Which model serves is asked every other second.
    for sprint, queries in ((running, 26), (following, 20)):
        with django_assert_max_num_queries(queries):
            sprint_forecast(sprint, now=now)


def test_the_past_is_read_once_for_all_running_sprints(project, running, now, django_assert_max_num_queries):
    others = [a_running_sprint(project, now) for _ in range(3)]
    team = team_past(project.id, now=now)

    for sprint in (running, *others):
        # Its own past and open issues, what is in progress outside it, and which model serves.
        with django_assert_max_num_queries(7):
            found = sprint_forecast(sprint, now=now, team=team)
        assert found == sprint_forecast(sprint, now=now)
    assert len(ProjectSummaryService().summarise_project(project.id, now=now)["sprint_forecasts"]) == 4
