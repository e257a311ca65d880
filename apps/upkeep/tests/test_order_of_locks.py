"""Whoever writes beside a deletion, or beside somebody who leaves, waits for it or it for them, and never both.

Two who wait for each other are found by PostgreSQL after a second, and one of them ends with a fault (503).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from apps.access.invitations import accept, invite
from apps.access.keys import create_key
from apps.access.models import ApiKey, Invitation
from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers.connections import connect
from apps.importers.keeping import begun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources.registry import place_of
from apps.ml.models import MLModel, PredictionHistory
from apps.ml.services.model_trainer import _Job
from apps.ml.services.predictions.record import record_prediction
from apps.ml.tests.factories import MLModelFactory
from apps.notifications.models import Webhook
from apps.notifications.services.announcing import ping
from apps.notifications.services.left_going import stop_what_no_lead_made
from apps.notifications.tests.factories import WebhookFactory
from apps.projects import services, sprint_ends
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, Project, Sprint, TeamMember
from apps.projects.placeholders import domain_of
from apps.projects.tests.factories import CREATED_AT, IssueFactory, SprintFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person
from conftest import NOW
from tests.at_once import begun_beside, in_the_midst_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]
Act = Callable[[], Any]


@pytest.fixture
def lead() -> TeamMember:
    return TeamMemberFactory(role="lead")


@pytest.fixture
def project(lead) -> Project:
    return lead.project


@pytest.fixture
def parts(project) -> Any:
    return services.create_issue_type(project, name="Sub-task")


def told(act: Act) -> Any:
    """What it gave, or said."""
    try:
        return act()
    except (Conflict, ValidationError) as answer:
        return answer


# --- Who leaves ---------------------------------------------------------------------------------------------------
def test_who_leaves_and_who_gives_them_a_part_of_their_work_do_not_wait_for_each_other(lead, project, parts):
    member = TeamMemberFactory(project=project)
    parent = IssueFactory(project=project, assignee=member.user)
    part = IssueFactory(project=project, parent=parent, issue_type=parts)
    answer = in_the_midst_of(
        lambda: told(
            lambda: services.update_issue(part, by=lead.user, now=NOW, assignee=member.user, actual_hours=5.0)
        ),
        lambda: services.remove_member(TeamMember.objects.get(pk=member.pk), by=lead.user, now=NOW),
        before='FROM "projects_teammember"',
    )

    assert answer is None
    assert not project.team.filter(pk=member.pk).exists()
    assert not Issue.objects.filter(assignee=member.user).exists()


def test_who_takes_over_a_name_and_who_gives_it_a_part_of_its_work_do_not_wait_for_each_other(lead, project, parts):
    guest = UserFactory()
    named = User.objects.create(
        email=f"ina@{domain_of(project)}", named_address=guest.email, is_placeholder=True, is_active=False
    )
    TeamMemberFactory(project=project, user=named)
    parent = IssueFactory(project=project, assignee=named)
    invited = invite(project, email=guest.email, role="member", by=lead.user, now=NOW)

    in_the_midst_of(
        lambda: accept(invited, by=guest, now=NOW),
        lambda: told(
            lambda: services.create_issue(
                project, title="A", issue_type=parts, parent=parent, assignee=named, by=lead.user, now=NOW
            )
        ),
        before='DELETE FROM "projects_teammember"',
    )

    assert list(Issue.objects.values_list("assignee", flat=True)) == [guest.pk]


# --- Who is erased, or whose account is deleted -------------------------------------------------------------------
def test_a_sprint_is_closed_while_whoever_closes_it_is_erased(lead, project):
    sprint = SprintFactory(project=project, active=True)
    IssueFactory.create_batch(3, project=project, sprint=sprint, assignee=lead.user)

    in_the_midst_of(
        lambda: services.close_sprint(sprint, by=lead.user, now=NOW), lambda: erase_person(lead.user.email, now=NOW)
    )

    assert Sprint.objects.get().status == "completed"
    assert User.objects.get().email.startswith("erased-")


def test_a_place_that_is_taken_in_the_midst_of_a_deletion_goes_with_the_account(lead, project):
    guest = UserFactory()
    invited = invite(project, email=guest.email, role="member", by=lead.user, now=NOW)

    in_the_midst_of(lambda: accept(invited, by=guest, now=NOW), lambda: User.objects.get(pk=guest.pk).delete())

    assert list(project.team.values_list("user", flat=True)) == [lead.user_id]
    assert list(User.objects.all()) == [lead.user]


def test_no_place_is_taken_by_who_has_just_been_erased(lead, project):
    guest = UserFactory()
    invited = invite(project, email=guest.email, role="member", by=lead.user, now=NOW)

    answer = in_the_midst_of(lambda: erase_person(guest.email, now=NOW), lambda: accept(invited, by=guest, now=NOW))

    assert isinstance(answer, Conflict)
    assert project.team.count() == 1


def test_who_has_just_been_erased_gets_no_key():
    user = UserFactory()

    answer = in_the_midst_of(
        lambda: erase_person(user.email, now=NOW),
        lambda: create_key(user, name="k", scopes=["read"], project=None, days=1, now=NOW),
    )

    assert isinstance(answer, Conflict)
    assert not ApiKey.objects.exists()


def test_an_account_is_deleted_while_its_person_works_on_what_is_theirs(lead, project):
    other = TeamMemberFactory(project=project, role="lead")
    issues = IssueFactory.create_batch(3, project=project, assignee=lead.user)

    in_the_midst_of(
        lambda: [services.update_issue(each, by=lead.user, now=NOW, title="B") for each in issues],
        lambda: User.objects.get(pk=lead.user_id).delete(),
    )

    assert set(Issue.objects.values_list("title", "assignee")) == {("B", None)}
    assert list(project.team.all()) == [other]


# --- A project that is deleted ------------------------------------------------------------------------------------
def issue(lead: TeamMember) -> Act:
    project = lead.project
    parent, sprint = IssueFactory(project=project), SprintFactory(project=project)
    fields = {"issue_type": services.create_issue_type(project, name="Sub-task"), "parent": parent, "sprint": sprint}
    return lambda: services.create_issue(
        project, title="A", by=lead.user, now=NOW, assignee=lead.user, actual_hours=1.0, **fields
    )


def closed_sprint(lead: TeamMember) -> Act:
    sprint = SprintFactory(project=lead.project, active=True)
    IssueFactory.create_batch(3, project=lead.project, sprint=sprint)
    return lambda: services.close_sprint(sprint, by=lead.user, now=NOW)


def ended_sprint(lead: TeamMember) -> Act:
    sprint = SprintFactory(project=lead.project, active=True, source="jira", external_id="1")
    return lambda: sprint_ends.close_by_plan(sprint, now=NOW)


def link(lead: TeamMember) -> Act:
    one, other = IssueFactory.create_batch(2, project=lead.project)
    return lambda: link_issues(one, other, now=NOW)


def pinged(lead: TeamMember) -> Act:
    webhook = WebhookFactory(project=lead.project, created_by=lead.user)
    return lambda: ping(webhook, now=NOW)


def registered(lead: TeamMember) -> Act:
    MLModelFactory(project=lead.project, is_active=True)

    def register() -> None:
        verdict = type("Verdict", (), {"activate": True})()
        job = _Job("effort_prediction", lead.project_id, "1.99.0", None, NOW)
        job.register(MLModelFactory.build(project=lead.project, version="1.99.0"), verdict, lambda model: None)

    return register


WRITES: dict[str, Callable[[TeamMember], Act]] = {
    "issue": issue,
    "sprint": lambda lead: lambda: services.create_sprint(lead.project, name="A", now=NOW),
    "closed sprint": closed_sprint,
    "ended sprint": ended_sprint,
    "link": link,
    "invitation": lambda lead: (
        lambda: invite(lead.project, email="a@example.com", role="member", by=lead.user, now=NOW)
    ),
    "key": lambda lead: lambda: create_key(lead.user, name="k", scopes=["read"], project=lead.project, days=1, now=NOW),
    "connection": lambda lead: (
        lambda: connect(lead.project, place_of("github", "", "acme/shop"), "t", by=lead.user, now=NOW)
    ),
    "ping": pinged,
    "model": registered,
}


@pytest.mark.parametrize("what", WRITES)
def test_what_is_written_before_a_project_is_deleted_goes_with_it(lead, what):
    write, project_id = WRITES[what](lead), lead.project_id

    in_the_midst_of(write, lambda: services.delete_project(Project.objects.get(pk=project_id)))

    assert nothing_is_left()


@pytest.mark.parametrize("what", WRITES)
def test_what_is_written_after_a_project_is_deleted_is_refused(lead, what):
    write, project = WRITES[what](lead), Project.objects.get(pk=lead.project_id)

    answer = in_the_midst_of(lambda: services.delete_project(project), write)

    assert isinstance(answer, Conflict)
    assert nothing_is_left()


def nothing_is_left() -> bool:
    connection.check_constraints()
    tables = (Project, Issue, Sprint, TeamMember, Invitation, ApiKey, Webhook, MLModel)
    return not any(table.objects.exists() for table in tables)


def test_a_project_is_deleted_beside_a_batch_of_an_import(project):
    run = begun(project, "csv", now=NOW)
    row = ImportedIssue(line=1, external_id="A-1", title="A", created_at=CREATED_AT, assignee=None)

    in_the_midst_of(
        lambda: import_issues([row], project_key=project.key, mapped=frozenset({"title"}), now=NOW, run=run),
        lambda: services.delete_project(Project.objects.get(pk=project.pk)),
        before="FOR NO KEY UPDATE",
    )

    assert nothing_is_left()


def test_a_project_is_deleted_while_what_its_former_lead_set_going_is_stopped(project):
    WebhookFactory(project=project, created_by=UserFactory())

    in_the_midst_of(
        lambda: stop_what_no_lead_made(now=NOW),
        lambda: services.delete_project(Project.objects.get(pk=project.pk)),
        before="FOR NO KEY UPDATE",
    )

    assert nothing_is_left()


# --- Answers ------------------------------------------------------------------------------------------------------
def answer_about(issue: Issue) -> Any:
    return record_prediction(
        kind=PredictionHistory.Kind.WHAT_IF,
        method="statistics",
        project_id=issue.project_id,
        issue_id=issue.pk,
        input={},
    )  # fmt: skip


def test_an_answer_about_an_issue_is_recorded_beside_the_deletion_of_its_project(project):
    issue = IssueFactory(project=project)

    answer = in_the_midst_of(
        lambda: services.delete_project(project),
        lambda: told(lambda: answer_about(issue)),
        before='DELETE FROM "projects_issue"',
    )

    assert isinstance(answer, Conflict)
    assert not Project.objects.exists()
    assert not PredictionHistory.objects.exists()


def test_an_erasure_beside_a_long_deletion_holds_up_no_answer_of_another_project(lead, project):
    other, member = IssueFactory(), TeamMemberFactory(project=project)
    answer_about(IssueFactory(project=project))
    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            PredictionHistory.objects.filter(project=project).delete()
            erased = begun_beside(pool, lambda: erase_person(member.user.email, now=NOW))
            answered = begun_beside(pool, lambda: answer_about(other)).result(timeout=30)
        erased.result(timeout=30)

    assert answered.project_id == other.project_id
    assert not User.objects.filter(email=member.user.email).exists()
