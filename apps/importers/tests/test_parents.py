"""Of parents an import takes what the service would: no issue is below itself, whatever files say in which order."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.report import ImportReport
from apps.importers.services import import_issues
from apps.importers.syncing import import_told
from apps.importers.tracked import TrackedIssue
from apps.importers.writing import parents
from apps.importers.writing.parents import PARENT_IS_A_PART
from apps.importers.writing.rings import depths_of, without_rings
from apps.projects import services
from apps.projects.levels import require_no_ring
from apps.projects.models import Issue
from apps.projects.tests.factories import ProjectFactory

MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.fixture
def project(db):
    return ProjectFactory(key="SHOP")


@pytest.fixture
def load(project, now):
    """`load("A<B C<")`: A is a part of B, and C of nothing."""

    def load(tree, **said) -> ImportReport:
        rows = [
            ImportedIssue(line=2, external_id=part, title="T", created_at=MONDAY, status="To do", parent=parent)
            for part, _, parent in (row.partition("<") for row in tree.split())
        ]  # fmt: skip
        return import_issues(rows, project_key="SHOP", mapped={"parent", "title"}, now=now, **said)

    return load


def tree():
    rows = Issue.objects.order_by("external_id").values_list("external_id", "parent__external_id")
    return " ".join(f"{part}<{parent or ''}" for part, parent in rows)


def test_of_two_that_name_each_other_the_later_row_is_not_taken_and_told(load):
    report = load("A<B B<A")

    assert tree() == "A<B B<"
    assert (report.new, report.remarks[PARENT_IS_A_PART]) == (2, 1)
    assert report.parents_not_taken == ["B: A is not taken for its parent"]


def test_a_ring_of_many_and_an_issue_below_itself(load):
    report = load("A<B B<C C<D D<A E<E")

    assert tree() == "A<B B<C C<D D< E<"
    assert report.remarks[PARENT_IS_A_PART] == 2


def test_a_second_file_closes_no_ring_and_the_row_keeps_all_else(load):
    load("A<B B<")

    report = load("B<A")
    assert tree() == "A<B B<"
    assert (report.changed, report.unchanged, report.remarks[PARENT_IS_A_PART]) == (0, 1, 1)
    again = load("B<A")
    assert again.remarks[PARENT_IS_A_PART] == 1


def test_what_stands_here_already_counts(load, project, now):
    load("A< B< C<")
    issues = {issue.external_id: issue for issue in Issue.objects.all()}
    mine = services.create_issue(
        project, title="Mine", by=None, now=now, issue_type=issues["A"].issue_type, parent=issues["C"]
    )
    services.update_issue(issues["A"], by=None, now=now, parent=mine)

    # A is below an issue of ours, which is below C.
    report = load("C<A B<C")

    assert tree() == "<C A< B<C C<"
    assert report.parents_not_taken == ["C: A is not taken for its parent"]


def test_a_tree_that_is_turned_over_is_no_ring(load):
    load("A<B B<C C<")

    report = load("A< B<A C<B")

    assert (tree(), report.remarks[PARENT_IS_A_PART]) == ("A< B<A C<B", 0)


def test_a_tree_that_is_turned_over_in_steps_is_no_ring_in_between(load, monkeypatch):
    load("A<B B<C C<D D<")
    moved, trees = parents._moved, []

    def seen(*args):
        found = moved(*args)
        trees.append(tree())
        for issue in Issue.objects.filter(parent__isnull=False):
            require_no_ring(issue, issue.parent)
        return found

    monkeypatch.setattr(parents, "MOVES_PER_STEP", 1)
    monkeypatch.setattr(parents, "_moved", seen)

    assert load("A< B<A C<B D<C").remarks[PARENT_IS_A_PART] == 0
    assert trees[-1] == "A< B<A C<B D<C"
    assert len(trees) == 4


def test_a_ring_that_was_imported_before_is_opened(load):
    load("A<B B<")
    Issue.objects.filter(external_id="B").update(parent=Issue.objects.get(external_id="A"))

    report = load("A<B B<A")

    assert (tree(), report.remarks[PARENT_IS_A_PART]) == ("A<B B<", 1)


def test_whoever_gives_a_parent_meanwhile_comes_first(load, now, monkeypatch):
    load("A< B<")
    plan, once = parents.without_rings, iter([True])

    def then(*args):
        found = plan(*args)
        if next(once, False):
            part, parent = Issue.objects.order_by("external_id")
            services.update_issue(part, by=None, now=now, parent=parent)
        return found

    monkeypatch.setattr(parents, "without_rings", then)

    report = load("A< B<A")

    assert tree() == "A<B B<"
    assert report.parents_not_taken == ["B: A is not taken for its parent"]


def test_a_tracker_closes_no_ring_either(project, now):
    told = [
        TrackedIssue(
            line=0, external_id=part, title="T", created_at=MONDAY, status="Open", status_category="to_do",
            parent=parent,
        )
        for part, parent in (("A", "B"), ("B", "A"))
    ]  # fmt: skip

    report = import_told(told, project=project, source="jira", fields={"parent"}, now=now)

    assert (tree(), report.remarks[PARENT_IS_A_PART]) == ("A<B B<", 1)


def test_what_was_not_taken_is_nothing_to_take_back(load):
    load("A<B B<")
    report = load("B<A C<A")

    assert runs.undo(ImportRun.objects.get(pk=report.import_id)) == 0
    assert tree() == "A<B B<"


# --- The rule, without a database ---------------------------------------------------------------------------------
def is_below_itself(issue, above):
    seen, parent = set(), above.get(issue)
    while parent is not None and parent not in seen and parent != issue:
        seen.add(parent)
        parent = above.get(parent)
    return parent == issue


ISSUES = st.integers(0, 7)
TREES = st.dictionaries(ISSUES, ISSUES).map(
    lambda told: {part: parent for part, parent in told.items() if part < parent}
)


@given(present=TREES, told=st.dictionaries(ISSUES, st.none() | ISSUES))
def test_nobody_is_below_themselves_and_what_makes_no_ring_is_taken(present, told):
    taken, refused = without_rings(present, told)
    after = present | taken

    assert not any(is_below_itself(issue, after) for issue in range(8))
    assert taken.keys() == told.keys()
    for part, parent in told.items():
        assert taken[part] == parent or (refused[part] == parent and taken[part] in {present.get(part), None})
    if not any(is_below_itself(issue, present | told) for issue in range(8)):
        assert (taken, refused) == (told, {})


@given(present=TREES, told=st.dictionaries(ISSUES, st.none() | ISSUES))
def test_moved_from_above_there_is_no_ring_at_any_time(present, told):
    taken, _ = without_rings(present, told)
    depths, now = depths_of(present | taken), dict(present)

    for part in sorted(taken, key=depths.__getitem__):
        now[part] = taken[part]
        assert not any(is_below_itself(issue, now) for issue in range(8))


def test_the_service_refuses_what_an_import_does_not_take(load, now):
    load("A<B B<")
    part, parent = Issue.objects.order_by("external_id")

    with pytest.raises(ValidationError):
        services.update_issue(parent, by=None, now=now, parent=part)


def test_a_chain_of_many_is_gone_through_a_few_times():
    n_issues = 100_000
    chain = {issue: issue + 1 for issue in range(n_issues)}

    taken, refused = without_rings({}, chain | {n_issues: 0})

    assert (refused, taken[n_issues]) == ({n_issues: 0}, None)
    assert depths_of(taken)[0] == n_issues
