"""What a process remembers of completed sprints and of finished work equals what a recount says, whatever happens."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.core.past.recent import FinishedIssue, RecentWork
from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.core.size import bytes_of
from apps.ml.models import KeptPast
from apps.ml.selectors import forecasts, sprints
from apps.ml.selectors.calendars import working_calendar
from apps.ml.services.forecasts import frozen_sprints, recent_work
from apps.ml.services.forecasts import history as histories
from apps.ml.services.forecasts.history import HISTORIES, TeamHistory
from apps.ml.services.forecasts.kept_pasts import Part
from apps.ml.services.models.memory import BoundedCache, StateMemory
from apps.projects.models import DayOff, Issue, IssueType, Project, Sprint
from apps.projects.services import (
    close_sprint,
    create_issue,
    create_issue_type,
    delete_issue,
    delete_sprint,
    start_sprint,
    update_issue,
    update_issue_type,
)
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
STEP = timedelta(hours=31)


@pytest.fixture(autouse=True)
def no_overlap(monkeypatch):
    """In a test everything was touched within the last minute, and all of it would be read again."""
    for module in (frozen_sprints, recent_work):
        monkeypatch.setattr(module, "EDIT_OVERLAP", timedelta(0))


@pytest.fixture(autouse=True)
def edits_bear_moments_of_the_past(monkeypatch):
    """Those of the team: what lies ahead of it is taken for a slip."""
    ticks = count()
    monkeypatch.setattr(timezone, "now", lambda: START + timedelta(microseconds=next(ticks)))


@pytest.fixture(autouse=True)
def kept_from_the_first_issue_on(monkeypatch):
    monkeypatch.setattr(frozen_sprints, "FEWEST_LINES", 1)
    monkeypatch.setattr(recent_work, "FEWEST_KEPT", 1)


@pytest.fixture
def read(monkeypatch) -> list[UUID]:
    """Sprints that are read from their issues."""
    read, recorded_of = [], frozen_sprints.recorded_of

    def noted(sprints: Sequence[Sprint]) -> Any:
        read.extend(sprint.pk for sprint in sprints)
        return recorded_of(sprints)

    monkeypatch.setattr(frozen_sprints, "recorded_of", noted)
    return read


def told(project: Project, now: datetime) -> tuple[Any, ...]:
    history = TeamHistory(project.pk, now=now)
    pasts = history.sprints(sprints.HISTORY_SPRINTS)
    return (
        as_asked(pasts),
        as_asked(history.sprints(2)),
        history.records(),
        history.throughput(),
        (
            history.created_by_week(),
            history.unfinished(),
        ),
    )


def as_asked(pasts: Sequence[SprintTimeline]) -> list[tuple[Any, ...]]:
    """All that is told of completed sprints: how they stood at many moments, and the rest."""
    return [
        (
            replace(past, issues=(), curve=None),
            past.has_changes,
            *(past.scope_at(moment) for moment in moments_of(past)),
        )
        for past in pasts
    ]


def moments_of(past: SprintTimeline) -> list[datetime]:
    planned, end = past.planning_ended_at, past.window.ended_at
    if planned is None or end is None:
        return []
    start = min(planned, end)
    return [start + share / 60 * (end - start) for share in range(61)]


def recounted(project: Project, now: datetime) -> tuple[Any, ...]:
    return (
        as_asked(sprints.sprint_pasts(project.pk, now=now)),
        as_asked(sprints.sprint_pasts(project.pk, now=now, newest=2)),
        sprints.completed_sprints(project.pk, now=now),
        forecasts.throughput(project.pk, now=now, calendar=working_calendar(project.pk, now=now)),
        (forecasts.created_by_week(project.pk, now=now), forecasts.unfinished(project.pk)),
    )


class Team:
    """A team that does anything to its issues and sprints, some of which an import brought."""

    def __init__(self, seed: int) -> None:
        self.random, self.now = random.Random(seed), START
        self.lead: User = TeamMemberFactory(project=ProjectFactory(), role="lead").user
        self.project: Project = self.lead.projects.get()
        self.people = [self.lead, TeamMemberFactory(project=self.project).user]
        self.part = create_issue_type(self.project, name="Sub-task", level="sub_task")
        for number in range(4):
            self._imported_sprint(START - timedelta(days=14 * (4 - number)))
        self.running = self._next_sprint()

    def act(self) -> str:
        self.now += STEP
        acts = (
            [self._edit] * 12 + [self._create] * 3 + [self._delete, self._close, self._counts, self._dates, self._off]
        )
        return str(self.random.choice([*acts, self._zone, self._hours_of_a_part, self._drop_sprint])())

    def _imported_sprint(self, begin: datetime) -> None:
        end = begin + timedelta(days=13)
        sprint = SprintFactory(
            project=self.project, source="csv", status="completed", start_date=begin.date(), end_date=end.date(),
            started_at=begin, completed_at=self.random.choice([end, None]),
        )  # fmt: skip
        for _ in range(4):
            created = begin + self.random.random() * (end - begin)
            over = self.random.random() < 0.7
            IssueFactory(
                project=self.project, sprint=sprint, source="csv", story_points=self.random.choice([None, 0.1, 0.7, 3]),
                created_at=created, assignee=self.random.choice(self.people), completed=over,
                **({"started_at": created, "resolved_at": min(created + timedelta(days=2), end)} if over else {}),
            )  # fmt: skip

    def _next_sprint(self) -> Sprint:
        first = self.now.date()
        sprint = SprintFactory(project=self.project, start_date=first, end_date=first + timedelta(days=13))
        return start_sprint(sprint, now=self.now)

    def _any_issue(self) -> Issue:
        return self.random.choice(list(Issue.objects.filter(project=self.project).order_by("created_at", "id")))

    def _edit(self) -> str:
        field = self.random.choice(["status", "status", "story_points", "sprint", "assignee", "actual_hours", "title"])
        value: Any = {
            "status": lambda: self.random.choice(list(self.project.statuses.order_by("id"))),
            "story_points": lambda: self.random.choice([None, 0.1, 0.2, 0.7, 5.0]),
            "sprint": lambda: self.random.choice([None, self.running]),
            "assignee": lambda: self.random.choice([None, *self.people]),
            "actual_hours": lambda: self.random.choice([None, 0.3, 2.7]),
            "title": lambda: f"Title {self.random.random()}",
        }[field]()
        update_issue(self._any_issue(), by=self.lead, now=self.now, **{field: value})
        return field

    def _create(self) -> str:
        sprint = self.random.choice([None, self.running])
        create_issue(self.project, title="New", by=self.lead, now=self.now, issue_type=self._story(), sprint=sprint)
        return "create"

    def _story(self) -> IssueType:
        return self.project.issue_types.exclude(pk=self.part.pk).order_by("id")[0]

    def _hours_of_a_part(self) -> str:
        parts = list(Issue.objects.filter(project=self.project, issue_type=self.part).order_by("id"))
        wholes = list(Issue.objects.filter(project=self.project, issue_type=self._story()).order_by("created_at", "id"))
        if not wholes:
            return "nothing"
        if not parts:
            create_issue(
                self.project, title="Part", by=self.lead, now=self.now, issue_type=self.part, actual_hours=1.1,
                parent=self.random.choice(wholes),
            )  # fmt: skip
        else:
            update_issue(parts[0], by=self.lead, now=self.now, parent=self.random.choice(wholes))
        return "part"

    def _delete(self) -> str:
        delete_issue(self._any_issue())
        return "delete"

    def _close(self) -> str:
        close_sprint(self.running, by=self.lead, now=self.now)
        self.running = self._next_sprint()
        return "close"

    def _drop_sprint(self) -> str:
        planned = SprintFactory(project=self.project)
        update_issue(self._any_issue(), by=self.lead, now=self.now, sprint=planned)
        delete_sprint(planned, by=self.lead, now=self.now)
        return "sprint deleted"

    def _counts(self) -> str:
        some = self.random.choice(list(self.project.issue_types.order_by("id")))
        update_issue_type(some, counts=not some.counts)
        return "counts"

    def _dates(self) -> str:
        """An import tells other dates of a sprint."""
        sprint = self.random.choice(list(Sprint.objects.filter(project=self.project, source="csv").order_by("id")))
        sprint.end_date = (sprint.end_date or date(2026, 1, 1)) + timedelta(days=1)
        sprint.completed_at = None
        sprint.save()
        return "dates"

    def _off(self) -> str:
        DayOff.objects.get_or_create(
            project=self.project, day=self.now.date() - timedelta(days=self.random.randrange(30))
        )
        return "day off"

    def _zone(self) -> str:
        self.project.time_zone = self.random.choice(["UTC", "Asia/Tokyo", "America/Sao_Paulo"])
        self.project.save()
        return "zone"


def begin_anew() -> None:
    """As another process does, which remembers nothing."""
    HISTORIES.clear()
    frozen_sprints.VERSIONS.clear()


def told_by_another_process(project: Project, now: datetime) -> tuple[Any, ...]:
    """By one that remembers nothing, while this one goes on with what it remembers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(histories, "HISTORIES", StateMemory())
        patch.setattr(frozen_sprints, "VERSIONS", BoundedCache(size=bytes_of, keeps_last=True))
        return told(project, now)


@pytest.mark.parametrize("seed", range(2))
def test_what_is_remembered_and_what_another_process_begins_with_equal_a_recount_after_every_act(seed):
    team = Team(seed)
    done = []
    for _ in range(35):
        done.append(team.act())
        asked = team.now + timedelta(minutes=1)
        truth = recounted(team.project, asked)
        assert told(team.project, asked) == truth, done
        assert told_by_another_process(team.project, asked) == truth, done
    assert KeptPast.objects.filter(project=team.project).exists()


def test_another_process_reads_only_the_sprints_that_were_touched_since(read):
    team = Team(0)
    asked = team.now + STEP
    IssueFactory(project=team.project, sprint=team.running, created_at=START)
    told(team.project, asked)
    inside = Issue.objects.filter(project=team.project, source="csv").order_by("id")[0]
    update_issue(inside, by=team.lead, now=team.now, story_points=8.0)
    begin_anew()
    read.clear()

    assert told(team.project, asked) == recounted(team.project, asked)
    assert read == [inside.sprint_id]


def test_what_is_kept_names_nobody():
    team = Team(0)
    Sprint.objects.filter(project=team.project).update(name="Sprint of Marlene Mustermann")
    told(team.project, team.now + STEP)
    kept = list(KeptPast.objects.filter(project=team.project))
    assert {each.part for each in kept} == {"sprints", "work"}
    for each in kept:
        assert b"Marlene" not in bytes(each.data)
        assert not any(
            name in bytes(each.data) for who in team.people for name in (str(who.pk).encode(), who.pk.hex.encode())
        )


def damaged(kept: KeptPast) -> bytes:
    return b"damaged"


def one_bit_flipped(kept: KeptPast) -> bytes:
    data = bytearray(kept.data)
    data[-100] ^= 1
    return bytes(data)


def of_another_part(kept: KeptPast) -> bytes:
    return bytes(KeptPast.objects.exclude(part=kept.part).get().data)


@pytest.mark.parametrize("how", [damaged, one_bit_flipped, of_another_part])
def test_what_is_kept_and_not_as_we_wrote_it_is_told_anew(caplog, how):
    team = Team(0)
    asked = team.now + STEP
    told(team.project, asked)
    for kept, data in [(kept, how(kept)) for kept in KeptPast.objects.all()]:
        KeptPast.objects.filter(pk=kept.pk).update(data=data)
    wrong = {bytes(kept.data) for kept in KeptPast.objects.all()}
    begin_anew()

    assert told(team.project, asked) == recounted(team.project, asked)
    assert "What was kept is told anew" in caplog.text
    assert how is of_another_part or not wrong & {bytes(kept.data) for kept in KeptPast.objects.all()}


@pytest.mark.parametrize("fault", [ArtifactCorrupted("x"), KeyError("x"), TypeError("x")])
def test_what_another_state_of_the_code_kept_is_told_anew(caplog, monkeypatch, fault):
    team = Team(0)
    asked = team.now + STEP
    told(team.project, asked)
    begin_anew()

    def fail(*_):
        raise fault

    monkeypatch.setattr(frozen_sprints, "from_bytes", fail)
    monkeypatch.setattr(recent_work.RecentWork, "from_bytes", fail)

    assert told(team.project, asked) == recounted(team.project, asked)
    assert {part for part in Part if f"told anew project={team.project.pk} part={part}" in caplog.text} == set(Part)


def test_an_edit_elsewhere_reads_no_sprint_and_an_edit_inside_reads_that_one(read):
    team = Team(0)
    asked = team.now + STEP
    outside = IssueFactory(project=team.project, sprint=team.running, created_at=START)
    told(team.project, asked)
    read.clear()
    inside = Issue.objects.filter(project=team.project, source="csv").order_by("id")[0]

    update_issue(outside, by=team.lead, now=team.now, title="Another title")
    told(team.project, asked)
    assert read == []

    update_issue(inside, by=team.lead, now=team.now, story_points=8.0)
    assert told(team.project, asked) == recounted(team.project, asked)
    assert read == [inside.sprint_id]


def test_what_is_to_come_is_told_anew_when_it_has_come():
    """A source with a clock that is ahead: until then an issue of a completed sprint was not begun."""
    team = Team(1)
    issue = Issue.objects.filter(project=team.project, source="csv", resolved_at=None).order_by("id")[0]
    ahead = team.now + timedelta(hours=1)
    in_progress = team.project.statuses.get(category="in_progress")
    Issue.objects.filter(pk=issue.pk).update(status=in_progress, started_at=ahead)

    for moment in (team.now, ahead + timedelta(hours=2), ahead + timedelta(days=2)):
        assert told(team.project, moment) == recounted(team.project, moment)


@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo", "Atlantic/Azores", "Pacific/Apia"])
def test_weeks_end_at_the_teams_midnight(zone):
    """Borders as moments put each end into the week that its day lies in, in the hours when clocks change too."""
    rng, place = random.Random(zone), ZoneInfo(zone)
    now = datetime(2019, 4, 1, 12, tzinfo=UTC)
    ends = [
        FinishedIssue(str(number), now - timedelta(minutes=rng.randrange(60 * 24 * 7 * 110)), 1.0, None)
        for number in range(4_000)
    ]
    ends += [replace(ends[0], resolved_at=datetime(2018, 11, 4, 2, minute, tzinfo=UTC)) for minute in range(0, 60, 7)]
    ends += [replace(ends[0], resolved_at=datetime(2018, 10, 28, hour, tzinfo=UTC)) for hour in range(4)]
    today = now.astimezone(place).date()
    expected = [0.0] * 104
    for end in ends:
        week = 103 - (today - end.resolved_at.astimezone(place).date() - timedelta(days=1)) // timedelta(days=7)
        if 0 <= week <= 103 and end.resolved_at.astimezone(place).date() < today:
            expected[week] += 1

    found = forecasts.throughput_of(RecentWork.of(now - timedelta(days=900), ends), now=now, zone=place)

    assert list(found.issues) == expected
