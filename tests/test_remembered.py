"""What pages and answers take from the memory of a process is what a process that remembers nothing would show.

For each field of each row that they read: it is changed after all pages were opened, and each page is compared with the
one of a process that has just begun. So is each after an erasure of who is named in every text, and after whatever
becomes of an issue of another project that one of the project waits for.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.dashboard import memory
from apps.dashboard.services import sharing
from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue
from apps.importers.services import import_issues
from apps.ml.models import KeptPast
from apps.ml.services.forecasts.frozen_sprints import VERSIONS
from apps.ml.services.forecasts.history import HISTORIES
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
from apps.ml.tests.factories import MLModelFactory
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team
from apps.projects.links.row import IssueLink
from apps.projects.models import DayOff, Issue, IssueType, Project, Sprint, TeamMember, WorkedHoliday, WorkflowStatus
from apps.projects.names.references import sprint_references
from apps.projects.services import delete_issue, delete_project, update_issue
from apps.projects.tests.factories import DayOffFactory, IssueFactory, SprintFactory, TeamMemberFactory
from apps.upkeep.erasing import erase_person, erase_project
from conftest import NOW

pytestmark = pytest.mark.django_db
#: Who is named in all texts of a row, with a name like none of the others.
NAMED_IN: dict[type[models.Model], tuple[str, str]] = {
    Project: ("annabel.smithson@example.com", "Annabel Smithson"),
    Sprint: ("bertram.oakley@example.com", "Bertram Oakley"),
    Issue: ("clara.whitfield@example.com", "Clara Whitfield"),
    IssueType: ("dorian.pemberton@example.com", "Dorian Pemberton"),
    WorkflowStatus: ("edith.lockwood@example.com", "Edith Lockwood"),
}
#: What differs from answer to answer, whatever is remembered.
_NEW_EACH_TIME = re.compile(rb'csrfmiddlewaretoken" value="\w+"|hx-headers=\'[^\']*\'|X-CSRFToken&quot;: &quot;\w+')
#: What is no text of people: codes and keys.
_MEANT_FOR_PROGRAMS = ("key", "time_zone", "holiday_country", "holiday_region", "source", "source_id", "external_id")
#: Of people, what pages show or figures rest on.
_OF_PEOPLE = ("full_name", "is_active")


class World:
    """A team with a running, a planned and past sprints, whose every kind of row is there, and who looks at it."""

    def __init__(self) -> None:
        self.project = project = a_team(NOW)
        project.holiday_country, project.target_date = "DE", (NOW + timedelta(days=40)).date()
        project.waiting_statuses, project.blocked_labels = ["In progress"], ["stuck"]
        project.save()
        self.running = a_running_sprint(project, NOW, n=4)
        start = NOW.date() + timedelta(days=10)
        self.planned = SprintFactory(project=project, start_date=start)
        self.closed = project.sprints.filter(status="completed").order_by("start_date").last()
        self.member = TeamMemberFactory(project=project, user__full_name="Mo Member")
        self.lead = TeamMemberFactory(project=project, role="lead", user__full_name="Lea Lead").user
        done = project.issues.filter(resolved_at__isnull=False).order_by("-resolved_at", "id")
        done.filter(pk__in=list(done.values_list("pk", flat=True)[:30])).update(assignee=self.member.user)
        self.done = done.filter(assignee=self.member.user).first()
        self.open = project.issues.filter(sprint=self.running).order_by("id").first()
        self.begun = IssueFactory(
            project=project, in_progress=True, sprint=self.running, assignee=self.member.user, component="Shop",
            labels=["stuck", "web"], story_points=3, parent=self.open, created_at=NOW - timedelta(days=3),
        )  # fmt: skip
        elsewhere = IssueFactory(title="Elsewhere", source="csv", external_id="F-1")
        TeamMemberFactory(project=elsewhere.project, user=self.lead)
        self.link = IssueLink.objects.create(blocker=self.open, blocked=self.begun)
        self.foreign = elsewhere
        IssueLink.objects.create(blocker=elsewhere, blocked=self.begun)
        self.day_off = DayOffFactory(project=project, day=NOW.date() + timedelta(days=2))
        self.worked = WorkedHoliday.objects.create(project=project, day=date(2026, 4, 3))
        self.tokens = [
            sharing.token_of(sharing.share(project, sprint, days=30, shows_people=True, by=self.lead, now=NOW))
            for sprint in (None, self.running)
        ]
        self.browser, self.api = Client(), APIClient()
        self.browser.force_login(self.lead)
        self.api.force_authenticate(self.lead)

    tables = (
        Project, Sprint, Issue, IssueType, WorkflowStatus, TeamMember, User, DayOff, WorkedHoliday,
    )  # fmt: skip

    def rows(self) -> dict[type[models.Model], models.Model]:
        """Of each table one."""
        return {
            Project: self.project, Sprint: self.running, Issue: self.begun, IssueType: self.begun.issue_type,
            WorkflowStatus: self.begun.status, TeamMember: self.member, User: self.member.user, DayOff: self.day_off,
            WorkedHoliday: self.worked,
        }  # fmt: skip

    def shown(self) -> dict[str, bytes]:
        """Pages by address, one of each kind that remembers something, and an answer told from the same past."""
        names = list(Sprint.objects.filter(project=self.project).values_list("id", "name"))
        pages = (
            "", f"sprints/{sprint_references(names)[self.running.pk]}/", "backlog/?order=hours", "flow/", "moved/",
            "parts/?by=type", "references/",
        )  # fmt: skip
        found = {page: self.browser.get(f"/projects/{self.project.key}/{page}") for page in pages}
        found |= {f"shared {token[:4]}": self.browser.get(f"/shared/{token}/") for token in self.tokens}
        found["API"] = self.api.get(f"/api/v1/ml/projects/{self.project.pk}/parts/?by=component")
        assert max(answer.status_code for answer in found.values()) < 500
        return {page: _NEW_EACH_TIME.sub(b"", answer.content) for page, answer in found.items()}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Any) -> Iterator[World]:
    """As of a moment that goes on by a microsecond with each look at the clock, so that each edit has its own."""
    settings.MODEL_STORE_DIR = tmp_path / "models"
    ticks = count()
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(microseconds=next(ticks)))
    _begin_anew()
    yield World()
    _begin_anew()


def _begin_anew() -> None:
    """As a process that has just begun, which no other one has left anything."""
    _let_seconds_pass()
    memory.forget()
    HISTORIES.clear()
    VERSIONS.clear()
    KeptPast.objects.all().delete()


def _let_seconds_pass() -> None:
    """What is trusted for seconds is asked for again."""
    for known in (EFFORT_OUTCOMES, POINTS_OUTCOMES, TERMS, FINISHED_WORK, ISSUE_TEXTS):
        known.clear()
    ModelLoader().clear_cache()


def _others(field: Any, value: Any, project: Project) -> list[Any]:  # noqa: PLR0911 - a line for each kind of column
    """Other values that a field may have."""
    if field.name == "time_zone":
        return ["Pacific/Kiritimati"]
    if field.name == "holiday_country":
        return ["US"]
    if field.is_relation:
        rows = field.related_model._default_manager.exclude(pk=value)
        own = rows.filter(project=project) if hasattr(field.related_model, "project") else rows
        return [*([None] if field.null and value else []), *own.order_by("pk").values_list("pk", flat=True)[:4]]
    if field.choices:
        return [each for each, _ in field.choices if each != value]
    if isinstance(field, models.BooleanField):
        return [not value]
    if isinstance(field, models.DateTimeField):
        return [(value or NOW) - timedelta(days=2)]
    if isinstance(field, models.DateField):
        return [(value or NOW.date()) + timedelta(days=1)]
    if isinstance(field, (models.FloatField, models.IntegerField)):
        return [(value or 0) + 2]
    if isinstance(field, models.JSONField):
        return [{}] if isinstance(value, dict) else [["Done"]]
    return [f"{value}zz"]


def _changes(project: Project, row: models.Model) -> Iterator[tuple[str, list[Any]]]:
    """Columns of a row that somebody can change, each with other values."""
    for field in row._meta.concrete_fields:
        is_open = field.editable and not field.primary_key and field.name not in ("project", "key", "user")
        if field.name in _OF_PEOPLE if isinstance(row, User) else is_open:
            yield field.attname, _others(field, getattr(row, field.attname), project)


def _set(row: models.Model, name: str, values: list[Any]) -> bool:
    for value in values:
        before = getattr(row, name)
        try:
            with transaction.atomic():
                setattr(row, name, value)
                row.save()
        except IntegrityError:
            setattr(row, name, before)
        else:
            return True
    return False


def _makes_another_state(world: World, row: models.Model, name: str, values: list[Any]) -> bool:
    """Whether a change does, or no value is taken by the database; it is taken back."""
    before = memory.state_of(world.project, now=NOW)
    with transaction.atomic():
        row.refresh_from_db()
        is_taken = _set(row, name, values)
        # Fields of the project itself come with it.
        after = memory.state_of(Project.objects.get(pk=world.project.pk), now=NOW)
        transaction.set_rollback(True)
    return before != after or not is_taken


Change = tuple[models.Model, str, list[Any]]


def _looks(world: World) -> list[list[Change]]:
    """What is changed between two looks at the pages.

    Each edit of an issue has a moment by which it is known, whichever column it changes. Of the columns of another
    table that are part of the state one stands for all: in another one all is told anew. All that are no part of it
    are changed at once, since none of them hides what another one leaves.
    """
    looks, together, of_issues = [], [], []
    for table, row in world.rows().items():
        row.refresh_from_db()
        changes = [(row, name, values) for name, values in _changes(world.project, row)]
        if table is Issue:
            of_issues = [changes[start : start + 12] for start in range(0, len(changes), 12)]
        else:
            unknown = [each for each in changes if not _makes_another_state(world, *each)]
            together += unknown
            looks += [[each] for each in changes[:1] if each not in unknown]
    return [*looks, together, *of_issues]


def test_whatever_is_changed_is_shown_at_once(world: World) -> None:
    assert world.rows().keys() == set(World.tables)
    stale: list[str] = []
    looks = _looks(world)
    world.shown()
    for changes in looks:
        for row, name, values in changes:
            row.refresh_from_db()
            assert _set(row, name, values), name
        _let_seconds_pass()
        remembered = world.shown()
        _begin_anew()
        # The next change finds these pages remembered.
        fresh = world.shown()
        changed = [f"{type(row).__name__}.{name}" for row, name, _ in changes]
        stale += [f"{changed}: {page}" for page in fresh if fresh[page] != remembered[page]]

    assert not stale, "\n".join(stale)


def test_who_was_erased_is_on_no_page_from_then_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, each named in all texts of a row of another table."""
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))
    for table, (email, name) in NAMED_IN.items():
        UserFactory(email=email, full_name=name)
        row = world.rows()[table]
        row.refresh_from_db()
        for field in table._meta.concrete_fields:
            is_free = isinstance(field, (models.CharField, models.TextField)) and field.editable and not field.choices
            # A sprint by its goal alone: its name is part of what figures are told by.
            if is_free and field.name not in _MEANT_FOR_PROGRAMS and (table, field.name) != (Sprint, "name"):
                setattr(row, field.name, f"for {email}")
        row.save()
    fresh = world.shown()

    for table, (email, _) in NAMED_IN.items():
        assert any(email.encode() in page for page in fresh.values()), table
        erase_person(email, now=timezone.now())
        remembered = world.shown()
        _begin_anew()
        fresh = world.shown()

        assert [page for page, text in remembered.items() if email.encode() in text] == [], table
        assert [page for page, text in fresh.items() if text != remembered[page]] == [], table


def end(blocker: Issue, category: str = "done") -> None:
    """As its team does."""
    status = blocker.project.statuses.get(category=category)
    update_issue(blocker, by=None, now=timezone.now, status=status)


def told_as_done(blocker: Issue) -> None:
    """By the tracker of its project."""
    row = ImportedIssue(
        line=2, external_id="F-1", title=blocker.title, created_at=blocker.created_at, status="Done", resolved_at=NOW
    )
    import_issues([row], project_key=blocker.project.key, mapped={"status", "resolved_at"}, now=timezone.now())


def taken_back(blocker: Issue) -> None:
    """What the tracker told."""
    runs.undo(ImportRun.objects.get(project=blocker.project))


#: What happens before pages are opened, and then: none of it touches a row of the project that waits.
BECOMES: dict[str, tuple[Callable[[Issue], object] | None, Callable[[Issue], object]]] = {
    "done": (None, end),
    "dropped": (None, lambda blocker: end(blocker, "dropped")),
    "opened again": (end, lambda blocker: end(blocker, "to_do")),
    "its status is an end": (None, lambda blocker: blocker.project.statuses.update(category="dropped")),
    "deleted": (None, delete_issue),
    "deleted in the administration": (None, lambda blocker: Issue.objects.filter(pk=blocker.pk).delete()),
    "deleted with its project": (None, lambda blocker: delete_project(blocker.project)),
    "erased with its project": (None, lambda blocker: erase_project(blocker.project.key, now=timezone.now())),
    "imported": (None, told_as_done),
    "its import taken back": (told_as_done, taken_back),
}


def _require_news(world: World, first: dict[str, bytes]) -> None:
    """Remembered pages are as a new process makes them, and other ones than before: else it would show nothing."""
    _let_seconds_pass()
    remembered = world.shown()
    _begin_anew()
    fresh = world.shown()

    assert [page for page in fresh if fresh[page] != remembered[page]] == []
    assert fresh != first


@pytest.mark.parametrize("what", BECOMES)
def test_what_becomes_of_a_blocker_of_another_project_is_shown_at_once(world: World, what: str) -> None:
    before, becomes = BECOMES[what]
    if before is not None:
        before(Issue.objects.get(pk=world.foreign.pk))
    first = world.shown()

    becomes(Issue.objects.get(pk=world.foreign.pk))

    _require_news(world, first)


def test_whatever_the_same_people_do_in_another_project_is_shown_at_once(world: World) -> None:
    other, member = world.foreign.project, world.member.user
    there = TeamMemberFactory(project=other, user=member)
    sprint = a_running_sprint(other, NOW, n=4)
    work = other.issues.filter(sprint=sprint).first()
    other.issues.update(assignee=member)
    rows = (other, sprint, work, work.issue_type, work.status, there, DayOffFactory(project=other, day=NOW.date()))
    world.shown()

    for row in rows:
        row.refresh_from_db()
        # Not all that is open to change is so in each state of a sprint.
        assert sum(_set(row, *each) for each in _changes(other, row))
    changed = world.shown()
    # What the reader saw of it is seen no more.
    TeamMember.objects.filter(project=other, user=world.lead).delete()
    unseen = world.shown()
    _begin_anew()
    fresh = world.shown()

    assert "F-1" in changed["backlog/?order=hours"].decode()
    assert [page for page in fresh if fresh[page] != unseen[page]] == []


def test_whose_account_is_deleted_has_no_work_on_any_page_from_then_on(world: World) -> None:
    former = UserFactory(full_name="Ford Former")
    for issue in (world.open, world.begun, world.done):
        Issue.objects.filter(pk=issue.pk).update(assignee=former)
    first = world.shown()

    former.delete()

    _require_news(world, first)


def test_a_model_of_all_projects_makes_another_state_once_it_serves_and_once_it_does_not(world: World) -> None:
    states = [memory.state_of(world.project, now=NOW)]
    model = MLModelFactory(project=None, is_active=True)
    states.append(memory.state_of(world.project, now=NOW))
    MLModelFactory(project=world.foreign.project, is_active=True)
    assert memory.state_of(world.project, now=NOW) == states[-1]
    model.delete()
    assert memory.state_of(world.project, now=NOW) == states[0] != states[1]


def test_what_is_told_right_after_a_change_is_told_once_more_when_other_memories_know_of_it() -> None:
    told, now = count(), 100.0
    memory.forget()

    def shown() -> int:
        return memory.remembered("state", "figure", lambda: next(told), clock=lambda: now)

    assert (shown(), shown()) == (0, 0)
    now += memory.SETTLED_SECONDS
    assert (shown(), shown()) == (1, 1)
    now += 3600.0
    assert shown() == 1
