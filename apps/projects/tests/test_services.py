"""The domain's rules: what a write records, and what it refuses."""

import random
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.projects import services
from apps.projects.history.writing import SHOWN_CHARACTERS, as_history_text
from apps.projects.models import Issue, IssueChange, Project, TeamMember, WorkflowStatus
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from apps.projects.tests.history import recorded

pytestmark = pytest.mark.django_db


def status(project: Project, name: str) -> WorkflowStatus:
    return project.statuses.get(name=name)


class TestProjects:
    def test_the_creator_leads_a_new_project_that_is_ready_for_issues(self, now):
        creator = UserFactory()

        project = services.create_project(key="APOLLO", name="Apollo", by=creator, now=now)

        assert [(member.user, member.role) for member in project.team.all()] == [(creator, "lead")]
        assert [kind.name for kind in project.issue_types.all()] == ["bug", "story", "task"]
        assert [(s.name, s.category) for s in project.statuses.all()] == [
            ("To do", "to_do"), ("In progress", "in_progress"), ("Done", "done"), ("Won't do", "dropped"),
        ]  # fmt: skip

    def test_a_key_is_given_once(self, now):
        ProjectFactory(key="APOLLO")

        with pytest.raises(ValidationError) as caught:
            services.create_project(key="APOLLO", name="Another", by=UserFactory(), now=now)

        assert set(caught.value.message_dict) == {"key"}

    @pytest.mark.parametrize("key", ["lower", "1ST", "WITH SPACE", "", "Ä"])
    def test_a_key_is_capitals_digits_and_dashes(self, key, now):
        with pytest.raises(ValidationError):
            services.create_project(key=key, name="Apollo", by=UserFactory(), now=now)

    def test_a_project_is_deleted_with_everything_in_it(self, project, lead, now):
        sprint = SprintFactory(project=project)
        issue = IssueFactory(project=project)
        services.update_issue(issue, by=lead.user, now=now, sprint=sprint)

        services.delete_project(project)

        assert not Project.objects.exists()
        assert not Issue.objects.exists()
        assert not IssueChange.objects.exists()


class TestTeam:
    def test_a_person_joins_once(self, project, lead, now):
        with pytest.raises(Conflict):
            services.add_member(project, user=lead.user, role="member", now=now)

    def test_the_last_lead_can_neither_step_down_nor_leave(self, lead, now):
        with pytest.raises(Conflict):
            services.change_member(lead, role="member")
        with pytest.raises(Conflict):
            services.remove_member(lead, by=lead.user, now=now)

        lead.refresh_from_db()
        assert lead.role == TeamMember.Role.LEAD

    @pytest.mark.parametrize("cannot_log_in", [{"is_placeholder": True, "is_active": False}, {"is_active": False}])
    def test_who_cannot_log_in_is_no_lead_to_leave_a_team_with(self, project, lead, cannot_log_in):
        TeamMemberFactory(project=project, role=TeamMember.Role.LEAD, user=UserFactory(**cannot_log_in))

        with pytest.raises(Conflict, match="at least one lead"):
            services.change_member(lead, role="member")

    def test_whom_only_an_import_named_does_not_become_lead(self, project, lead):
        named = TeamMemberFactory(project=project, user=UserFactory(is_placeholder=True, is_active=False))

        with pytest.raises(ValidationError) as caught:
            services.change_member(named, role="lead")

        assert "invite them" in caught.value.message_dict["role"][0]
        assert services.change_member(named, role="viewer", is_agent=True).is_agent

    def test_who_made_a_project_is_known_after_they_have_left(self, now):
        maker, colleague = UserFactory(), UserFactory()
        made = services.create_project(key="MADE", name="Made", by=maker, now=now)
        services.add_member(made, user=colleague, role="lead", now=now)

        services.remove_member(made.team.get(user=maker), by=maker, now=now)

        made.refresh_from_db()
        assert made.made_by == maker
        maker.delete()
        made.refresh_from_db()
        assert made.made_by is None

    def test_with_a_second_lead_the_first_may_go(self, project, lead, now):
        TeamMemberFactory(project=project, role=TeamMember.Role.LEAD)

        services.change_member(lead, role="viewer")

        assert project.team.get(user=lead.user).role == "viewer"

    def test_who_leaves_gives_back_open_work_and_keeps_the_credit_for_finished_work(self, project, lead, now):
        member = TeamMemberFactory(project=project)
        open_issue = IssueFactory(project=project, assignee=member.user)
        finished = IssueFactory(project=project, assignee=member.user, completed=True)
        elsewhere = IssueFactory(assignee=member.user)

        services.remove_member(member, by=lead.user, now=now)

        for issue in (open_issue, finished, elsewhere):
            issue.refresh_from_db()
        assert open_issue.assignee is None
        assert recorded(open_issue) == [("assignee", str(member.user_id), "")]
        assert finished.assignee_id == elsewhere.assignee_id == member.user_id


class TestCreateIssue:
    def test_a_new_issue_is_to_do_and_reported_by_its_creator(self, project, lead, now):
        issue = services.create_issue(
            project, title="Fix login", issue_type=project.issue_types.get(name="bug"), by=lead.user, now=now
        )

        assert (issue.status.name, issue.reporter, issue.created_at) == ("To do", lead.user, now)
        assert (issue.started_at, issue.resolved_at) == (None, None)
        assert recorded(issue) == []

    def test_an_issue_keeps_the_times_its_source_gives(self, project, lead, now):
        created, resolved = now - timedelta(days=9), now - timedelta(days=2)

        issue = services.create_issue(
            project, title="Old bug", issue_type=project.issue_types.get(name="bug"), status=status(project, "Done"),
            by=lead.user, now=now, created_at=created, resolved_at=resolved,
        )  # fmt: skip

        assert (issue.created_at, issue.started_at, issue.resolved_at) == (created, None, resolved)

    @pytest.mark.parametrize(
        ("times", "field"),
        [
            ({"created_at": timedelta(days=1)}, "created_at"),
            ({"resolved_at": timedelta(days=-1)}, "resolved_at"),
            ({"created_at": timedelta(days=-5), "started_at": timedelta(days=-6)}, "started_at"),
        ],
    )
    def test_impossible_times_are_refused(self, project, lead, now, times, field):
        given = {name: now + offset for name, offset in times.items()}

        with pytest.raises(ValidationError) as caught:
            services.create_issue(
                project, title="X", issue_type=project.issue_types.first(), by=lead.user, now=now, **given
            )

        assert set(caught.value.message_dict) == {field}

    def test_the_same_external_issue_is_not_made_twice(self, project, lead, now):
        IssueFactory(project=project, source="jira", external_id="A-1")

        with pytest.raises(ValidationError):
            services.create_issue(
                project, title="X", issue_type=project.issue_types.first(), by=lead.user, now=now,
                source="jira", external_id="A-1",
            )  # fmt: skip

    def test_a_project_without_statuses_says_what_it_lacks(self, now):
        project = ProjectFactory(workflow=False)

        with pytest.raises(Conflict, match="statuses"):
            services.create_issue(project, title="X", by=None, now=now)


class TestUpdateIssue:
    def test_each_tracked_change_is_recorded_with_who_and_when(self, project, lead, now):
        issue = IssueFactory(project=project, story_points=3, estimated_hours=None)
        title, sprint = issue.title, SprintFactory(project=project)

        services.update_issue(
            issue, by=lead.user, now=now, status=status(project, "In progress"), assignee=lead.user, sprint=sprint,
            story_points=5.0, estimated_hours=2.5, title="Clearer",
        )  # fmt: skip

        assert sorted(recorded(issue)) == [
            ("assignee", "", str(lead.user_id)),
            ("estimated_hours", "", "2.5"),
            ("sprint", "", str(sprint.pk)),
            ("status", "To do", "In progress"),
            ("story_points", "3", "5"),
            ("title", title, "Clearer"),
        ]
        assert {(change.changed_at, change.changed_by) for change in issue.changes.all()} == {(now, lead.user)}

    def test_what_stays_the_same_leaves_no_trace(self, project, lead, now):
        issue = IssueFactory(project=project, story_points=3)

        services.update_issue(issue, by=lead.user, now=now, story_points=3, status=issue.status)

        assert recorded(issue) == []

    def test_work_begins_once(self, project, lead, now):
        issue = IssueFactory(project=project)

        for days, name in enumerate(["In progress", "To do", "In progress"]):
            services.update_issue(issue, by=lead.user, now=now + timedelta(days=days), status=status(project, name))

        assert issue.started_at == now
        assert len(recorded(issue)) == 3

    def test_done_is_the_end_until_it_is_reopened(self, project, lead, now):
        issue = IssueFactory(project=project, in_progress=True)

        services.update_issue(issue, by=lead.user, now=now, status=status(project, "Done"))
        assert issue.resolved_at == now

        services.update_issue(issue, by=lead.user, now=now + timedelta(days=1), status=status(project, "In progress"))
        assert issue.resolved_at is None

        services.update_issue(issue, by=lead.user, now=now + timedelta(days=2), status=status(project, "Done"))
        issue.refresh_from_db()
        assert issue.resolved_at == now + timedelta(days=2)
        assert [new for field, _, new in recorded(issue) if field == "status"] == ["Done", "In progress", "Done"]
        assert ("resolved_at", now.isoformat(), "") in recorded(issue)

    def test_from_one_done_status_to_another_the_end_stays(self, project, lead, now):
        issue = IssueFactory(project=project, completed=True)
        resolved_at = issue.resolved_at
        released = services.create_status(project, name="Released", category="done")

        services.update_issue(issue, by=lead.user, now=now, status=released)

        assert issue.resolved_at == resolved_at

    def test_skipping_progress_leaves_the_start_unknown(self, project, lead, now):
        issue = IssueFactory(project=project)

        services.update_issue(issue, by=lead.user, now=now, status=status(project, "Done"))

        assert (issue.started_at, issue.resolved_at) == (None, now)

    def test_opening_finished_work_again_is_not_its_beginning(self, project, lead, now):
        issue = IssueFactory(project=project)
        for name in ("Done", "In progress"):
            services.update_issue(issue, by=lead.user, now=now, status=status(project, name))

        assert issue.started_at is None

    @pytest.mark.parametrize("field", ["issue_type", "status", "sprint", "assignee"])
    def test_an_issue_refers_to_nothing_outside_its_project(self, project, lead, now, field):
        issue, elsewhere = IssueFactory(project=project), IssueFactory(sprint=SprintFactory(), assignee=UserFactory())
        value = getattr(elsewhere, field)

        with pytest.raises(ValidationError) as caught:
            services.update_issue(issue, by=lead.user, now=now, **{field: value})

        assert set(caught.value.message_dict) == {field}
        assert recorded(issue) == []

    def test_a_completed_sprint_takes_no_more_issues(self, project, lead, now):
        issue, sprint = IssueFactory(project=project), SprintFactory(project=project, completed=True)

        with pytest.raises(ValidationError) as caught:
            services.update_issue(issue, by=lead.user, now=now, sprint=sprint)

        assert set(caught.value.message_dict) == {"sprint"}

    def test_a_stale_copy_records_what_was_really_there(self, project, lead, now):
        issue = IssueFactory(project=project, story_points=1)
        stale = Issue.objects.get(pk=issue.pk)
        services.update_issue(issue, by=lead.user, now=now, story_points=2)

        services.update_issue(stale, by=lead.user, now=now, story_points=3)

        assert recorded(issue) == [("story_points", "1", "2"), ("story_points", "2", "3")]

    @pytest.mark.parametrize("field", ["project", "source", "created_at", "resolved_at"])
    def test_identity_and_times_are_not_for_editing(self, project, lead, now, field):
        with pytest.raises(TypeError, match=field):
            services.update_issue(IssueFactory(project=project), by=lead.user, now=now, **{field: None})

    def test_a_refused_change_changes_nothing(self, project, lead, now):
        issue = IssueFactory(project=project, story_points=3)

        with pytest.raises(ValidationError):
            services.update_issue(issue, by=lead.user, now=now, story_points=-1.0)

        issue.refresh_from_db()
        assert (issue.story_points, recorded(issue)) == (3, [])

    def test_an_issue_that_was_just_deleted_is_a_conflict(self, project, lead, now):
        issue = IssueFactory(project=project)
        Issue.objects.filter(pk=issue.pk).delete()

        with pytest.raises(Conflict):
            services.update_issue(issue, by=lead.user, now=now, title="Too late")


class TestHistory:
    def test_it_can_neither_be_changed_nor_deleted(self, project, lead, now):
        issue = services.update_issue(IssueFactory(project=project), by=lead.user, now=now, story_points=1.0)
        change = issue.changes.get()

        with pytest.raises(TypeError):
            change.save()
        with pytest.raises(TypeError):
            IssueChange.objects.update(new_value="100")
        with pytest.raises(TypeError):
            IssueChange.objects.all().delete()

    def test_it_outlives_the_person_who_made_it(self, project, lead, now):
        member = TeamMemberFactory(project=project)
        issue = services.update_issue(IssueFactory(project=project), by=member.user, now=now, story_points=1.0)

        member.user.delete()

        assert issue.changes.get().changed_by is None

    def test_it_tells_the_whole_story(self, project, lead, now):
        """Any walk through the fields is a chain from the first value to the present one."""
        rng = random.Random(7)
        sprints = [None, *SprintFactory.create_batch(2, project=project)]
        choices = {
            "status": list(project.statuses.all()), "assignee": [None, lead.user], "sprint": sprints,
            "story_points": [None, 0.0, 0.5, 13.0], "estimated_hours": [None, 0.1, 40.0],
            "actual_hours": [None, 0.25, 8.0], "title": ["One", "Ünö"], "description": ["", "Short", "line\nline"],
            "issue_type": list(project.issue_types.all()), "priority": [None, 1, 2], "component": ["", "web"],
            "labels": [[], ["a"], ["a", "b, c"]],
        }  # fmt: skip
        issue = IssueFactory(project=project)
        first = {field: as_history_text(getattr(issue, field)) for field in choices}

        for hour in range(60):
            fields = {field: rng.choice(values) for field, values in choices.items() if rng.random() < 0.4}
            services.update_issue(issue, by=lead.user, now=now + timedelta(hours=hour), **fields)

        for field in choices:
            changes = list(issue.changes.filter(field=field))
            present = as_history_text(getattr(issue, field))
            assert [first[field], *(change.new_value for change in changes)] == [
                *(change.old_value for change in changes), present,
            ]  # fmt: skip
            assert all(change.old_value != change.new_value for change in changes)

    def test_of_a_long_description_all_of_the_old_is_kept_and_the_beginning_of_the_new(self, project, lead, now):
        old, new = "o" * 90_000, "n" * 90_000
        issue = IssueFactory(project=project, description=old)

        services.update_issue(issue, by=lead.user, now=now, description=new)

        assert recorded(issue) == [("description", old, "n" * SHOWN_CHARACTERS + "…")]

    def test_the_due_date_is_not_kept(self, project, lead, now):
        issue = services.update_issue(IssueFactory(project=project), by=lead.user, now=now, due_date=now.date())

        assert recorded(issue) == []

    @pytest.mark.parametrize("fields", [{"title": "Other"}, {"title": "Other", "component": "web", "labels": ["a"]}])
    def test_whatever_changes_is_recorded_in_one_statement(self, project, lead, now, fields):
        issue = IssueFactory(project=project)
        with CaptureQueriesContext(connection) as unrecorded:
            services.update_issue(issue, by=lead.user, now=now, due_date=now.date())

        with CaptureQueriesContext(connection) as captured:
            services.update_issue(issue, by=lead.user, now=now, **fields)

        assert len(captured) == len(unrecorded) + 1

    @pytest.mark.parametrize(
        ("value", "text"), [(None, ""), (5.0, "5"), (5, "5"), (0.1, "0.1"), (1 / 3, "0.3333333333333333")]
    )
    def test_numbers_are_written_exactly(self, value, text):
        assert as_history_text(value) == text


def test_no_issue_is_below_itself(now):
    one, two, three = IssueFactory.create_batch(3, project=ProjectFactory())
    services.update_issue(two, by=None, now=now, parent=one)
    services.update_issue(three, by=None, now=now, parent=two)

    for parent in (one, two, three):
        with pytest.raises(ValidationError, match="not below itself"):
            services.update_issue(one, by=None, now=now, parent=parent)

    one.refresh_from_db()
    assert one.parent is None
