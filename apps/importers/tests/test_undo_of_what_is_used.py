"""What an import made, taken back after somebody did anything with it: that stays and is counted, all else goes."""

from datetime import date, timedelta

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.importers.tests.snapshots import CREATED, WEEK, everything
from apps.projects import services
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, IssueLink, Sprint, SprintSnapshot
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("way_back")]


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def lead(project):
    return TeamMemberFactory(project=project, user=UserFactory(), role="lead").user


@pytest.fixture
def load(project, now):
    """Imports issues by key, each file a day later than the one before; its run."""
    days = iter(range(99))

    def load(**issues):
        at = now - WEEK + timedelta(days=next(days))
        common = {"created_at": CREATED, "status": "To do", "issue_type": "story", "line": 2}
        rows = [
            ImportedIssue(external_id=key, **({"title": f"Title of {key}"} | common | said))
            for key, said in issues.items()
        ]
        report = import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=at)
        ImportRun.objects.filter(pk=report.import_id).update(created_at=at, started_at=at)
        return ImportRun.objects.get(pk=report.import_id)

    return load


def named(key):
    return Issue.objects.get(external_id=key)


def keys():
    return set(Issue.objects.exclude(external_id="").values_list("external_id", flat=True))


# --- Issues -------------------------------------------------------------------------------------------------------
def test_a_due_date_that_somebody_gave_keeps_an_issue(load, now):
    first = load(A={}, B={"due_date": date(2026, 12, 1)}, C={})
    services.update_issue(named("A"), by=None, now=now, due_date=date(2027, 3, 3))

    assert runs.undo(first) == 1
    assert keys() == {"A"}
    assert named("A").due_date == date(2027, 3, 3)


def test_a_parent_that_somebody_chose_keeps_part_and_whole(load, now):
    first = load(A={"parent": "B"}, B={}, C={}, D={"parent": "B"})
    services.update_issue(named("A"), by=None, now=now, parent=named("C"))

    assert runs.undo(first) == 2
    assert keys() == {"A", "C"}
    assert named("A").parent == named("C")


def test_a_part_that_somebody_made_keeps_all_that_it_is_a_part_of(load, project):
    first = load(A={"parent": "B"}, B={"parent": "C"}, C={}, D={"parent": "C"})
    part = IssueFactory(project=project, parent=named("A"))

    assert runs.undo(first) == 3
    assert keys() == {"A", "B", "C"}
    part.refresh_from_db()
    assert part.parent == named("A")


def test_what_stays_keeps_its_parent(load, now):
    first = load(A={"parent": "B"}, B={})
    services.update_issue(named("A"), by=None, now=now, title="By hand")

    assert runs.undo(first) == 2
    assert named("A").parent == named("B")


def test_what_was_there_is_no_part_of_what_goes(load):
    load(A={"parent": "B"}, B={})
    before = everything()
    second = load(A={"parent": "C"}, B={}, C={})

    assert runs.undo(second) == 0
    assert everything() == before


@pytest.mark.parametrize("relation", ["blocks", "waits"])
def test_a_link_that_somebody_made_stays_with_its_issue(load, project, now, relation):
    first, own = load(A={"blocked_by": ("B",)}, B={}), IssueFactory(project=project)
    link_issues(*([named("B"), own] if relation == "blocks" else [own, named("B")]), now=now)

    assert runs.undo(first) == 1
    assert keys() == {"B"}
    assert IssueLink.objects.get().source == ""


def test_a_link_that_somebody_made_between_two_new_issues_keeps_both(load, now):
    first = load(A={}, B={}, C={})
    link_issues(named("A"), named("B"), now=now)

    assert runs.undo(first) == 2
    assert keys() == {"A", "B"}


def test_an_issue_whose_parent_was_deleted_goes_since_nobody_did_anything_with_it(load):
    first = load(A={"parent": "B"}, B={})
    services.delete_issue(named("B"))

    assert runs.undo(first) == 0
    assert not Issue.objects.exists()


def test_what_later_imports_did_is_no_work_of_anybody(load):
    before = everything()
    first = load(A={"parent": "B"}, B={}, C={})
    second = load(A={"parent": "C", "due_date": date(2026, 12, 1)}, B={"blocked_by": ("C",)}, C={})

    assert (runs.undo(second), runs.undo(first)) == (0, 0)
    assert everything() == before


# --- Sprints, types and states ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "said", [{"name": "By hand"}, {"goal": "Pay"}, {"start_date": date(2026, 12, 7), "end_date": date(2026, 12, 18)}]
)
def test_a_sprint_that_somebody_named_or_dated_stays(load, said):
    first = load(A={"sprint": "One"}, B={"sprint": "Two"})
    services.update_sprint(Sprint.objects.get(name="Two"), **said)

    assert runs.undo(first) == 1
    assert {name: getattr(Sprint.objects.get(), name) for name in said} == said
    assert keys() == set()


def test_a_sprint_that_somebody_started_stays(load, now):
    first = load(A={"sprint": "One"})
    services.start_sprint(Sprint.objects.get(), now=now)

    assert runs.undo(first) == 1
    assert Sprint.objects.get().status == "active"


def test_a_sprint_that_somebody_closed_stays_with_its_books(load, lead, now):
    first = load(A={"sprint": "One"}, B={})
    services.close_sprint(services.start_sprint(Sprint.objects.get(), now=now), by=lead, now=now)

    # The sprint, and what was left over of it.
    assert runs.undo(first) == 2
    assert SprintSnapshot.objects.get().sprint.status == "completed"
    assert keys() == {"A"}


def test_a_sprint_with_an_issue_of_somebodys_stays_and_is_counted(load, project):
    first = load(A={"sprint": "One"})
    IssueFactory(project=project, sprint=Sprint.objects.get())

    assert runs.undo(first) == 1
    assert Sprint.objects.exists()


def test_a_type_and_a_status_that_somebody_named_or_ordered_stay_and_are_counted(load, project):
    first = load(A={"issue_type": "odd", "status": "Strange"})
    services.update_issue_type(project.issue_types.get(name="odd"), name="plain")
    services.update_status(project.statuses.get(name="Strange"), position=0)

    assert runs.undo(first) == 2
    assert project.issue_types.filter(name="plain").exists()
    assert project.statuses.filter(name="Strange").exists()


# --- Links of other imports -----------------------------------------------------------------------------------------
def test_links_of_an_import_that_was_asked_for_later_and_carried_out_before_are_its_own(load):
    load(A={}, B={}, C={})
    linking = load(A={"blocked_by": ("B",)}, B={"blocked_by": ("C",)})
    last = load(C={"title": "New"})
    ImportRun.objects.filter(pk=last.pk).update(created_at=linking.created_at - WEEK)

    assert runs.undo(ImportRun.objects.get(pk=last.pk)) == 0
    assert (IssueLink.objects.count(), named("C").title) == (2, "Title of C")


def test_an_import_from_before_there_were_traces_takes_the_links_of_its_source_back_from_its_beginning_on(load, now):
    load(A={"blocked_by": ("B",)}, B={}, C={})
    second = load(A={"title": "New", "blocked_by": ("B", "C")})
    second.traces.all().delete()
    ImportRun.objects.filter(pk=second.pk).update(created_at=second.created_at - 2 * WEEK)
    link_issues(named("C"), named("B"), now=now)

    assert runs.undo(ImportRun.objects.get(pk=second.pk)) == 0
    assert set(IssueLink.objects.values_list("blocker__external_id", "source")) == {("B", "csv"), ("C", "")}
