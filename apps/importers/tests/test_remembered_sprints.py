"""What a process remembers of completed sprints and finished work follows an import, another one, and its undoing."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import User
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, NamedSprint, Person
from apps.importers.services import import_issues
from apps.importers.sources.csv.columns import SYNONYMS
from apps.ml.selectors import forecasts, sprints
from apps.ml.selectors.calendars import working_calendar
from apps.ml.services.forecasts import frozen_sprints, recent_work
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.tests.forecasts.test_frozen import as_asked
from apps.projects.models import Project, Sprint
from apps.projects.placeholders import take_over
from apps.projects.services import update_issue
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory, UserFactory

pytestmark = pytest.mark.django_db
CREATED, WEEK = datetime(2025, 1, 6, 9, tzinfo=UTC), timedelta(weeks=1)
NOW = datetime(2025, 3, 3, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_overlap(monkeypatch):
    """In a test everything was touched within the last minute, and all of it would be read again."""
    for module in (frozen_sprints, recent_work):
        monkeypatch.setattr(module, "EDIT_OVERLAP", timedelta(0))


@pytest.fixture
def project() -> Project:
    return ProjectFactory(key="SHOP")


def load(*rows: ImportedIssue, now: datetime = NOW) -> ImportRun:
    report = import_issues(rows, project_key="SHOP", mapped=frozenset(SYNONYMS), now=now)
    return ImportRun.objects.get(pk=report.import_id)


def row(key: str, sprint: str, *, weeks: int, **said) -> ImportedIssue:
    begin = CREATED + weeks * WEEK
    values = {
        "title": f"Title of {key}", "created_at": begin, "status": "Done", "issue_type": "bug", "story_points": 0.7,
        "resolved_at": begin + timedelta(days=3), "sprint": sprint, "sprint_starts_on": begin.date(),
        "sprint_ends_on": (begin + timedelta(days=6)).date(),
    }  # fmt: skip
    return ImportedIssue(line=2, external_id=key, **values | said)


def told_as_recounted(project: Project, now: datetime = NOW) -> list[float]:
    history = TeamHistory(project.pk, now=now)
    timelines, records, past = history.sprints(sprints.HISTORY_SPRINTS), history.records(), history.throughput()
    assert as_asked(timelines) == as_asked(sprints.sprint_pasts(project.pk, now=now))
    assert records == sprints.completed_sprints(project.pk, now=now)
    assert past == forecasts.throughput(project.pk, now=now, calendar=working_calendar(project.pk, now=now))
    return [record.delivered_points for record in records]


def test_imports_their_undoing_and_edits_between_are_followed(project):
    rows = [row("A-1", "One", weeks=0), row("A-2", "One", weeks=0), row("B-1", "Two", weeks=1)]
    load(*rows)
    assert told_as_recounted(project) == [1.4, 0.7]

    # Sized otherwise, moved, ended earlier than was told, and one more.
    again = [
        row("A-1", "One", weeks=0, story_points=0.3),
        row("A-2", "Two", weeks=1, earlier_sprints=(NamedSprint("One"),)),
        row("B-1", "Two", weeks=1, resolved_at=CREATED + WEEK + timedelta(days=1)),
        row("C-1", "Two", weeks=1),
    ]
    second = load(*again, now=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=2)
    assert told_as_recounted(project, later) != [1.4, 0.7]

    runs.undo(second)
    told_as_recounted(project, later)
    issue = project.issues.get(external_id="B-1")
    update_issue(issue, by=None, now=later, status=project.statuses.get(name="To do"))
    told_as_recounted(project, later + timedelta(hours=1))


def test_a_way_through_sprints_that_only_the_next_file_tells_is_followed(project):
    rows = [row("A-1", "One", weeks=0), row("B-1", "Two", weeks=1, created_at=CREATED)]
    load(*rows)
    told_as_recounted(project)

    # The row is the same, the past is not.
    retold = row("B-1", "Two", weeks=1, created_at=CREATED, earlier_sprints=(NamedSprint("One"),))
    load(rows[0], retold, now=NOW + timedelta(hours=1))

    later = NOW + timedelta(hours=2)
    told_as_recounted(project, later)
    assert len(sprints.sprint_pasts(project.pk, now=later)[0].issues) == 2


def test_dates_that_a_source_tells_later_are_followed(project):
    load(row("A-1", "One", weeks=0), row("B-1", "Two", weeks=1))
    told_as_recounted(project)

    sprint = Sprint.objects.get(project=project, name="One")
    sprint.end_date, sprint.completed_at = CREATED.date() + timedelta(days=1), None
    sprint.save()

    assert told_as_recounted(project) == [0.0, 0.7]


def test_people_who_take_over_and_people_who_go_are_followed(project):
    load(row("A-1", "One", weeks=0, assignee=Person("Ann Miller", "ann@example.com")))
    told_as_recounted(project)
    placeholder = User.objects.get(is_placeholder=True)
    person = UserFactory(email=placeholder.named_address or "ann@example.com")

    take_over(TeamMemberFactory(project=project, user=person))
    told_as_recounted(project)

    person.delete()
    told_as_recounted(project)
    assert [record.people for record in TeamHistory(project.pk, now=NOW).records()] == [0]
