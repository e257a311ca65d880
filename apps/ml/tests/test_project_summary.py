"""The project summary: counts anyone can check."""

from datetime import date, timedelta

import pytest

from apps.ml.models import PredictionHistory
from apps.ml.services.project_summary import ProjectSummaryService
from apps.projects.models import Project
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, UserFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


def test_every_count_is_of_the_projects_own_issues(project, now):
    person = UserFactory()
    IssueFactory.create_batch(3, project=project, completed=True)
    IssueFactory.create_batch(2, project=project, created_at=now)
    IssueFactory.create_batch(2, project=project, assignee=person, created_at=now, due_date=now.date() - timedelta(1))
    IssueFactory(project=project, assignee=person, created_at=now, due_date=now.date())
    IssueFactory(completed=True)

    summary = ProjectSummaryService().summarise_project(project.id, now=now)

    assert summary["completion"] == 37.5
    assert summary["metrics_breakdown"] == {
        "total_issues": 8,
        "completed_issues": 3,
        "sprints_analyzed": 0,
        "unassigned_issues": 2,
        "overdue_issues": 2,
        "stale_issues": 0,
    }
    assert summary["generated_at"] == "2026-03-02T09:00:00Z"


def test_finished_issues_are_neither_unassigned_nor_overdue_nor_stale(project, now):
    long_ago = now - timedelta(days=300)
    IssueFactory(project=project, completed=True, created_at=long_ago, due_date=long_ago.date())

    summary = ProjectSummaryService().summarise_project(project.id, now=now)

    assert summary["completion"] == 100.0
    assert summary["risk_score"] == 0.0


def test_velocity_is_of_completed_sprints_including_empty_ones(project, now):
    first = SprintFactory(project=project, start_date=date(2026, 1, 5), completed=True)
    SprintFactory(project=project, start_date=date(2026, 1, 19), completed=True)
    running = SprintFactory(project=project, start_date=date(2026, 2, 23), active=True)
    _done(project, first, 30)
    _done(project, running, 500)

    summary = ProjectSummaryService().summarise_project(project.id, now=now)

    assert summary["velocity"] == 15.0
    assert summary["metrics_breakdown"]["sprints_analyzed"] == 2


def test_an_issue_untouched_for_a_month_is_stale_and_a_change_ends_that(project, now):
    _untouched, other = IssueFactory.create_batch(2, project=project, created_at=now - timedelta(days=31))
    update_issue(other, by=None, now=now - timedelta(days=1), story_points=1)

    summary = ProjectSummaryService().summarise_project(project.id, now=now)

    assert summary["metrics_breakdown"]["stale_issues"] == 1


def test_the_risk_score_is_the_sum_of_its_parts(project, now):
    IssueFactory.create_batch(5, project=project, due_date=date(2026, 1, 1))

    summary = ProjectSummaryService().summarise_project(project.id, now=now)

    assert summary["risk_score"] == pytest.approx(sum(summary["risk_parts"].values()))
    assert 0 < summary["risk_score"] <= 100


def test_a_project_without_anything_is_summed_up_without_invention(project, now):
    summary = ProjectSummaryService().summarise_project(project.id, now=now)

    assert (summary["completion"], summary["velocity"], summary["risk_score"]) == (0.0, None, 0.0)


def test_the_summary_is_recorded(project, now):
    user = UserFactory()

    summary = ProjectSummaryService().summarise_project(project.id, user=user, now=now)

    row = PredictionHistory.objects.get(pk=summary["prediction_id"])
    assert (row.prediction_type, row.project, row.requested_by) == ("project_summary", project, user)
    assert row.predicted_value == summary["risk_score"]


def test_the_queries_do_not_grow_with_the_project(project, now, django_assert_num_queries):
    for n in range(4):
        sprint = SprintFactory(project=project, start_date=date(2026, 1, 5) + timedelta(days=n), completed=True)
        _done(project, sprint, 5)
    IssueFactory.create_batch(20, project=project)

    with django_assert_num_queries(18 + ENTERING):
        ProjectSummaryService().summarise_project(project.id, now=now)


def test_there_is_no_summary_of_nothing(now):
    with pytest.raises(Project.DoesNotExist):
        ProjectSummaryService().summarise_project("7b0a2f5e-3c1d-4a6b-9e8f-000000000000", now=now)


def _done(project, sprint, points):
    finished = sprint.started_at + timedelta(days=2)
    IssueFactory(
        project=project, sprint=sprint, story_points=points, completed=True, created_at=finished, resolved_at=finished
    )
