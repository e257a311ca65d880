"""People work on while an import runs: each batch goes by who is in the team, and what is on the board, by then."""

from datetime import UTC, datetime

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers import services as importing
from apps.importers.records import ImportedIssue, Person
from apps.importers.report import ImportReport
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.tracked import Stage, TrackedSprint
from apps.importers.writing.board import TrackedBoard
from apps.projects import services
from apps.projects.models import Issue, Sprint
from apps.projects.placeholders import join
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def run(project, now, monkeypatch):
    """An import in batches of ten, with something that happens behind the first."""

    def run(meanwhile, **told):
        rows = [
            ImportedIssue(line=n, external_id=f"A-{n}", title="x", created_at=MONDAY, **{"assignee": None, **told})
            for n in range(40)
        ]
        done = iter([meanwhile])

        def shown(*_):
            for act in done:
                act()

        monkeypatch.setattr(importing, "BATCH_ROWS", 10)
        monkeypatch.setattr(importing, "shown", shown)
        return import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=now)

    return run


@pytest.fixture
def member(project):
    return TeamMemberFactory(project=project)


def test_what_comes_after_somebody_joined_is_the_members(run, project, member):
    placeholder = lambda: project.team.get(user__is_placeholder=True)  # noqa: E731

    run(lambda: join(placeholder().user, member, by=member.user), assignee=Person("Pl Zero"))

    assert set(project.issues.values_list("assignee", flat=True)) == {member.user_id}
    assert project.team.count() == 1


def test_who_was_removed_is_given_nothing_more_as_an_account(run, project, member, now):
    person = Person(member.user.full_name)

    run(lambda: services.remove_member(member, by=member.user, now=now), assignee=person)

    # What the source goes on calling so is a placeholder of the team.
    late = project.issues.get(external_id="A-39").assignee
    assert late.is_placeholder
    assert project.team.filter(user=late).exists()
    assert not project.issues.exclude(status__category="done").filter(assignee=member.user).exists()


def test_a_type_or_a_state_that_is_deleted_meanwhile_comes_with_the_next_issue_that_has_it(run, project):
    def delete():
        services.delete_issue_type(project.issue_types.get(name="story"))
        services.delete_status(project.statuses.get(name="Done"))

    assert run(delete, status="To do").new == 40
    report = run(lambda: None, status="Done", issue_type="story")

    assert report.changed == 40
    assert set(project.issues.values_list("issue_type__name", "status__name")) == {("story", "Done")}


def test_what_is_deleted_between_two_batches_is_made_again_by_the_second(run, project, now):
    def delete():
        Issue.objects.all().delete()
        services.delete_issue_type(project.issue_types.get(name="odd"))
        for sprint in Sprint.objects.all():
            services.delete_sprint(sprint, by=UserFactory(), now=now)

    run(delete, issue_type="odd", sprint="Sprint 1")

    assert set(project.issues.values_list("issue_type__name", "sprint__name")) == {("odd", "Sprint 1")}
    assert project.issues.count() == 30


def test_a_trackers_board_is_looked_at_anew_likewise(project, now):
    board = TrackedBoard(project, "jira", now, ImportReport(project="SHOP", dry_run=False))
    told = TrackedSprint(external_id="7", name="Sprint 7")
    board.take(told)
    state = board.status(Stage("odd", "in_progress"))
    Sprint.objects.all().delete()
    services.delete_status(state)

    board.take(told)
    board.look_anew()

    assert board.sprint("7") == Sprint.objects.get()
    assert board.status(Stage("odd", "in_progress")).pk != state.pk
