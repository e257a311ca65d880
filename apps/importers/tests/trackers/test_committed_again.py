"""What a sprint had committed is known again once all issues that ever were in it tell how they came there."""

from dataclasses import replace

import pytest

from apps.importers.records import RowError
from apps.importers.tests.trackers.test_writing import TODO, at, imported, issue
from apps.importers.tracked import EVERYTHING, Change, Gap, TrackedSprint
from apps.projects.models import Sprint, SprintSnapshot
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
SEVEN = TrackedSprint(external_id="7", name="One", starts_on=at(2).date(), ends_on=at(27).date())
CAME = Change("sprint", "", "7", at(1, 12))
IN_SEVEN = {"sprint_id": "7", "recorded": frozenset({"status", "sprint"})}
UNSURE = {"sprint_id": "7", "recorded": frozenset({"status"})}


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def is_recorded():
    return Sprint.objects.get(external_id="7").scope_is_recorded


def test_what_a_sprint_had_committed_is_known_again_where_all_of_its_issues_tell_their_ways(project):
    imported(project, SEVEN, issue("1", **UNSURE), issue("2", **IN_SEVEN))
    assert not is_recorded()
    told = [issue("1", TODO, CAME, **IN_SEVEN), issue("2", TODO, CAME, **IN_SEVEN)]

    imported(project, SEVEN, *told, is_whole=False)
    assert not is_recorded()
    imported(project, SEVEN, *told)
    assert is_recorded()


@pytest.mark.parametrize(
    "others",
    [
        [issue("2", **UNSURE)],
        [issue("2", recorded=frozenset({"status"}))],
        [issue("2", recorded=IN_SEVEN["recorded"], untold=frozenset({"sprint"}))],
        [RowError(1, "A-2", "too large")],
        [Gap("a page is missing", EVERYTHING)],
        [],
    ],
    ids=[
        "one does not tell how it came",
        "one that left does not",
        "sprints are not told whole",
        "one is refused",
        "some are missing",
        "one went",
    ],
)
def test_what_a_sprint_had_committed_stays_unknown_where_one_that_was_in_it_does_not_tell(project, others):
    imported(project, SEVEN, issue("1", **UNSURE), issue("2", TODO, CAME, **IN_SEVEN))

    imported(project, SEVEN, issue("1", TODO, CAME, **IN_SEVEN), *others)

    assert not is_recorded()


@pytest.mark.parametrize("is_told", [False, True], ids=["by its plan", "by its tracker"])
def test_books_that_were_closed_without_the_ways_of_issues_are_closed_anew_or_stay_unknown(project, is_told):
    imported(project, replace(SEVEN, state="active"), issue("1", **UNSURE), now=at(20))
    over = at(28) if is_told else None
    ended = replace(SEVEN, state="completed", completed_at=over)
    imported(project, ended, issue("1", **UNSURE), now=at(29))
    assert SprintSnapshot.objects.get().committed_issues == 1

    late = Change("sprint", "", "7", at(10))
    imported(project, ended, issue("1", TODO, late, **IN_SEVEN), now=at(30))

    assert (is_recorded(), SprintSnapshot.objects.get().committed_issues) == ((not is_told), int(is_told))
