"""Epics, stories and sub-tasks: work is counted at one level, and sub-tasks' hours are their parent's."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.ml.selectors.forecasts import throughput, unfinished
from apps.ml.selectors.issues import completed_with_hours, completed_with_points
from apps.projects import services
from apps.projects.levels import level_of
from apps.projects.models import Issue, IssueType
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 2, 2, 9, tzinfo=UTC)


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def run(now, project):
    def run(*rows):
        return import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=now)

    return run


def issue(key: str, kind: str, parent: str = "", **said) -> ImportedIssue:
    known = {"status": "Done", "created_at": MONDAY, "resolved_at": MONDAY + timedelta(days=2)}
    return ImportedIssue(
        line=2, external_id=key, title=f"Title {key}", issue_type=kind, parent=parent, **(known | said)
    )


STORIES = (issue("S-1", "Story", "E-1", story_points=5.0), issue("S-2", "Story", "E-1", story_points=8.0))
EPIC = issue("E-1", "Epic", story_points=13.0)
PARTS = tuple(issue(f"T-{n}", "Sub-task", f"S-{1 + n % 2}", actual_hours=4.0) for n in range(6))


def test_an_epics_points_are_not_added_to_those_of_its_stories(run, project):
    run(EPIC, *STORIES)

    assert sum(each.story_points for each in completed_with_points(project.id)) == 13.0


def test_the_same_stories_with_sub_tasks_give_the_same_throughput(run, project, now):
    run(*STORIES)
    plain = throughput(project.id, now=now)

    run(EPIC, *PARTS, *STORIES)

    split = throughput(project.id, now=now)
    assert (split.issues, split.points) == (plain.issues, plain.points)


def test_hours_of_sub_tasks_are_their_parents_whatever_the_order(run, project):
    run(*PARTS, *STORIES)

    assert [each.actual_hours for each in completed_with_hours(project.id)] == [12.0, 12.0]


def test_open_sub_tasks_are_not_left_to_do_beside_their_story(run, project):
    open_ = {"status": "To Do", "resolved_at": None}
    run(issue("S-1", "Story", **open_), issue("T-1", "Sub-task", "S-1", **open_))

    assert len(unfinished(project.id)) == 1


def test_a_second_import_changes_nothing(run):
    rows = (*PARTS, EPIC, *STORIES)
    run(*rows)
    before = list(Issue.objects.values())

    report = run(*rows)

    assert (report.new, report.changed) == (0, 0)
    assert list(Issue.objects.values()) == before


def test_a_type_over_standard_issues_is_an_epic_and_one_below_them_is_not_counted(run):
    features = issue("F-1", "Feature"), issue("F-2", "Feature")
    stories = [issue(f"S-{n}", "User Story", f"F-{1 + n % 2}") for n in range(4)]
    tasks = [issue(f"T-{n}", "Task", f"S-{n % 4}", actual_hours=2.0) for n in range(8)]

    run(*features, *stories, *tasks)

    levels = dict(IssueType.objects.filter(issues__isnull=False).values_list("name", "level"))
    assert levels == {"Feature": "epic", "User Story": "standard", "task": "sub_task"}


def test_a_feature_without_parts_is_standard_work(run):
    run(issue("F-1", "Feature"), issue("F-2", "Feature"), issue("B-1", "Bug"))

    assert IssueType.objects.get(name="Feature").counts


def test_a_team_may_count_what_it_likes(run, project):
    run(EPIC, *STORIES)

    services.update_issue_type(project.issue_types.get(name="Epic"), counts=True)

    assert len(completed_with_points(project.id)) == 3


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("Epic", "epic"),
        ("Initiative", "epic"),
        ("Sub-task", "sub_task"),
        ("Unteraufgabe", "sub_task"),
        ("Bug", "standard"),
    ],
)
def test_the_name_of_a_type_tells_its_level(name, level):
    assert level_of(name) == level


def test_of_two_tiers_the_one_with_sizes_is_the_standard(run):
    run(
        *(issue(f"R-{n}", "Request") for n in range(2)),
        *(issue(f"W-{n}", "Work", f"R-{n % 2}", story_points=3.0) for n in range(4)),
    )

    levels = dict(IssueType.objects.filter(issues__isnull=False).values_list("name", "level"))
    assert levels == {"Request": "epic", "Work": "standard"}
