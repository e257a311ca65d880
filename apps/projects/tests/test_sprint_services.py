"""The domain's rules for sprints, types and statuses: what a write records, and what it refuses."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.common.exceptions import Conflict
from apps.projects import services
from apps.projects.models import Sprint
from apps.projects.tests.factories import IssueFactory, SprintFactory
from apps.projects.tests.history import recorded

pytestmark = pytest.mark.django_db


class TestSprints:
    def test_a_planned_sprint_starts_once(self, project, now):
        sprint = SprintFactory(project=project)

        services.start_sprint(sprint, now=now)

        assert (sprint.status, sprint.started_at) == (Sprint.Status.ACTIVE, now)
        with pytest.raises(Conflict):
            services.start_sprint(sprint, now=now)

    def test_what_is_unfinished_leaves_a_closed_sprint_and_what_is_done_stays(self, project, lead, now):
        sprint = SprintFactory(project=project, active=True)
        unfinished = IssueFactory(project=project, sprint=sprint)
        done = IssueFactory(project=project, sprint=sprint, completed=True)

        services.close_sprint(sprint, by=lead.user, now=now)

        unfinished.refresh_from_db()
        done.refresh_from_db()
        assert (sprint.status, sprint.completed_at) == (Sprint.Status.COMPLETED, now)
        assert (unfinished.sprint, recorded(unfinished)) == (None, [("sprint", str(sprint.pk), "")])
        assert (done.sprint, recorded(done)) == (sprint, [])

    def test_unfinished_issues_may_move_on_to_the_next_sprint(self, project, lead, now):
        sprint, following = SprintFactory(project=project, active=True), SprintFactory(project=project)
        issue = IssueFactory(project=project, sprint=sprint)

        services.close_sprint(sprint, by=lead.user, now=now, move_to=following)

        issue.refresh_from_db()
        assert issue.sprint == following
        assert recorded(issue) == [("sprint", str(sprint.pk), str(following.pk))]

    def test_they_cannot_move_to_another_project(self, project, lead, now):
        with pytest.raises(ValidationError):
            services.close_sprint(
                SprintFactory(project=project, active=True), by=lead.user, now=now, move_to=SprintFactory()
            )

    @pytest.mark.parametrize("completed", [True, False])
    def test_only_an_active_sprint_is_closed(self, project, lead, now, completed):
        with pytest.raises(Conflict):
            services.close_sprint(SprintFactory(project=project, completed=completed), by=lead.user, now=now)

    def test_closing_takes_the_same_queries_for_any_number_of_issues(
        self, project, lead, now, django_assert_max_num_queries
    ):
        sprint = SprintFactory(project=project, active=True)
        IssueFactory.create_batch(30, project=project, sprint=sprint)

        # PostgreSQL holds the project and the issues, in order, before these are read.
        with django_assert_max_num_queries(14 if connection.vendor == "sqlite" else 17):
            services.close_sprint(sprint, by=lead.user, now=now)

    def test_the_dates_of_a_sprint_that_an_import_knew_by_name_are_told_once(self, project, now):
        options = {"started_at": None, "start_date": None, "end_date": None, "completed_at": now}
        sprint = SprintFactory(project=project, completed=True, **options)
        first, last = now.date() - timedelta(days=20), now.date() - timedelta(days=7)

        services.update_sprint(sprint, start_date=first, end_date=last)

        sprint.refresh_from_db()
        assert (sprint.start_date, sprint.end_date, sprint.completed_at) == (first, last, None)
        with pytest.raises(Conflict):
            services.update_sprint(sprint, end_date=first)

    def test_a_sprint_that_was_closed_here_keeps_even_dates_that_nobody_gave(self, project, lead, now):
        sprint = SprintFactory(project=project, active=True, start_date=None, started_at=now - timedelta(days=3))
        services.close_sprint(sprint, by=lead.user, now=now)

        with pytest.raises(Conflict):
            services.update_sprint(sprint, end_date=now.date())

    def test_a_planned_sprint_is_deleted_and_its_issues_return_to_the_backlog(self, project, lead, now):
        sprint = SprintFactory(project=project)
        issue = IssueFactory(project=project, sprint=sprint)

        services.delete_sprint(sprint, by=lead.user, now=now)

        issue.refresh_from_db()
        assert (issue.sprint, len(recorded(issue))) == (None, 1)

    def test_a_sprint_that_ran_is_recorded(self, project, lead, now):
        with pytest.raises(Conflict):
            services.delete_sprint(SprintFactory(project=project, active=True), by=lead.user, now=now)

    def test_the_dates_of_a_completed_sprint_stay(self, project, now):
        sprint = SprintFactory(project=project, completed=True)

        with pytest.raises(Conflict):
            services.update_sprint(sprint, end_date=sprint.end_date + timedelta(days=1))

    def test_a_sprint_does_not_end_before_it_starts(self, project, now):
        with pytest.raises(ValidationError):
            services.update_sprint(SprintFactory(project=project), start_date=now.date() + timedelta(days=400))


class TestWorkflow:
    def test_a_status_in_use_keeps_its_meaning(self, project):
        in_use = IssueFactory(project=project).status

        with pytest.raises(Conflict):
            services.update_status(in_use, category="done")
        with pytest.raises(Conflict):
            services.update_status(in_use, name="Backlog")
        with pytest.raises(Conflict):
            services.delete_status(in_use)

        assert services.update_status(in_use, position=7, name=in_use.name).position == 7

    def test_a_status_that_only_the_history_knows_stays_too(self, project, lead, now):
        issue = IssueFactory(project=project)
        services.update_issue(issue, by=lead.user, now=now, status=project.statuses.get(name="Done"))

        with pytest.raises(Conflict):
            services.delete_status(project.statuses.get(name="To do"))

    def test_an_unused_status_may_go(self, project):
        services.delete_status(project.statuses.get(name="Done"))

        assert not project.statuses.filter(name="Done").exists()

    def test_a_type_that_the_history_names_keeps_its_name_and_may_go(self, project, lead, now):
        bug, story = (project.issue_types.get(name=name) for name in ("bug", "story"))
        services.update_issue(IssueFactory(project=project, issue_type=bug), by=lead.user, now=now, issue_type=story)

        with pytest.raises(Conflict):
            services.update_issue_type(bug, name="defect")
        services.delete_issue_type(bug)

    def test_a_type_in_use_may_be_renamed_but_not_deleted(self, project):
        kind = IssueFactory(project=project).issue_type

        with pytest.raises(Conflict):
            services.delete_issue_type(kind)
        assert services.update_issue_type(kind, name="chore").name == "chore"

    def test_names_are_given_once_in_a_project(self, project):
        with pytest.raises(ValidationError):
            services.create_issue_type(project, name="bug")
        with pytest.raises(ValidationError):
            services.create_status(project, name="Done", category="done")


def test_a_change_is_held_against_the_constraints_that_it_can_break_and_no_other(project):
    sprint = SprintFactory(project=project)

    with CaptureQueriesContext(connection) as of_a_goal:
        services.update_sprint(sprint, goal="Fewer bugs")
    with CaptureQueriesContext(connection) as of_its_end:
        services.update_sprint(sprint, end_date=sprint.end_date + timedelta(days=7))

    assert [sum("_check" in query["sql"] for query in queries) for queries in (of_a_goal, of_its_end)] == [0, 1]


def test_dates_that_an_import_inferred_can_be_set_right_once(project):
    sprint = SprintFactory(project=project, status="completed", source="csv", dates_are_inferred=True)

    services.update_sprint(sprint, end_date=sprint.end_date + timedelta(days=7))

    assert (sprint.duration_days, sprint.dates_are_inferred) == (21, False)
    with pytest.raises(Conflict):
        services.update_sprint(sprint, end_date=sprint.end_date + timedelta(days=7))
