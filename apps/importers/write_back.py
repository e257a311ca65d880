"""Figures into a tracker: off by default, shown before they are written, and only where they changed.

What somebody else wrote into the place is left alone: only what is empty, or what this wrote last, is replaced. What is
about to be written is noted before: whatever becomes of the answer, or of this process, it is known as ours afterwards.
Nothing is written twice without a look at what stands there by then, and by one connection one process writes.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from apps.common.exceptions import Conflict
from apps.importers.boxes import opened
from apps.importers.connections import alone_at, client_for
from apps.importers.models import Connection, WriteBack, WrittenValue
from apps.importers.records import ImportRefused
from apps.importers.sources.budget import Budget, BudgetSpent, growing_pause
from apps.importers.sources.client import (
    MOST_ATTEMPTS,
    AnswerUnusable,
    NotThere,
    TrackerRefused,
    TrackerUnreachable,
    WriteCutOff,
    WriteNotTold,
    WritePutOff,
)
from apps.importers.sources.labels import meet
from apps.importers.sources.registry import place_of
from apps.importers.sources.writers import Named, Target, Writer, writer_of
from apps.ml.selectors.issues import facts_of
from apps.ml.services.effort.answering import answer_effort
from apps.ml.services.points.answering import answer_points
from apps.ml.services.sprints.running import foresee
from apps.projects.leads import in_use
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, Project, Sprint, WorkflowStatus
from apps.projects.rows import all_or_nothing

Figure = WriteBack.Figure
ENDED = (WorkflowStatus.Category.DONE, WorkflowStatus.Category.DROPPED)
#: Hours are written to the quarter: more digits promise what no estimate holds.
QUARTERS = 4
#: Who refuses so many in a row refuses them all. Those that nobody may edit, closed ones say, lie anywhere: the order
#: is another each time.
MOST_REFUSED = 20
#: As many of them is one that it stumbles over: it was asked five times by then.
_STUMBLE = 7
#: After an import figures are written in its turn, and its person's other imports wait for that: so long a tracker is
#: waited for in all, and so long it goes on; the next import writes the rest.
WAITS_AFTER_IMPORT_SECONDS = 60.0
AFTER_IMPORT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Step:
    """One issue whose figure is to be written."""

    #: The tracker's: its key, and its own id.
    name: Named
    #: What this wrote last, '4 or 3' where nobody knows which; empty for nothing.
    old: str
    #: Empty to take it back.
    new: str


@dataclass(slots=True)
class WriteReport:
    """What was written, and what was left alone."""

    written: int = 0
    #: Keys of issues whose place holds what somebody else wrote.
    kept: list[str] = field(default_factory=list)
    #: Key and reason.
    refused: list[tuple[str, str]] = field(default_factory=list)
    #: Figures that are for the next time.
    left: int = 0

    def counts(self, ended_by: str) -> dict[str, Any]:
        """In numbers, which quote nobody, with the code of what ended it before its end."""
        kept, refused = len(self.kept), len(self.refused)
        return {"written": self.written, "kept": kept, "refused": refused, "left": self.left, "ended_by": ended_by}


@dataclass(slots=True)
class _Work:
    """A write-back that is carried out."""

    write_back: WriteBack
    writer: Writer
    report: WriteReport
    now: datetime
    #: Raises `Conflict` where it is to end.
    require_as_told: Callable[[], None]
    refused_in_a_row: int = 0


def prepared(connection: Connection, figure: str, target: Target, *, to_take_back: bool = False) -> WriteBack:
    """A write-back, as it is stored or would be; raises `ImportRefused` where the place cannot be written.

    Figures that are written already go on, are switched off and are taken back in a place, too, that an earlier version
    took.
    """
    if bool(target.field) == bool(target.label):
        raise ImportRefused("Name one place: a field, or what a label begins with.")
    found = WriteBack.objects.filter(connection=connection, figure=figure).first()
    if found is None:
        found = WriteBack(
            project=connection.project, place=connection.place, connection=connection, figure=figure
        )  # fmt: skip
    elif (found.field, found.label) != (target.field, target.label) and found.written.exists():
        raise ImportRefused(f"{figure} is written to {found.field or found.label} already: take that back first.")
    is_stored = not found._state.adding and (found.field, found.label) == (target.field, target.label)
    is_in_use = is_stored and (found.is_active or found.written.exists())
    found.field, found.label = target.field, target.label
    if not (is_in_use or (to_take_back and is_stored)):
        _writer(found).refuse()
        _refuse_anothers_place(found)
    return found


def _refuse_anothers_place(told: WriteBack) -> None:
    """Two figures in one place: each would be taken for what somebody else wrote, or replaced by the other."""
    in_use = Q(is_active=True) | Exists(WrittenValue.objects.filter(write_back=OuterRef("pk")))
    for other in told.connected.write_backs.filter(in_use).exclude(figure=told.figure):
        if told.field == other.field if told.field else bool(other.label) and meet(told.label, other.label):
            raise ImportRefused(
                f"{other.figure} is written to {other.field or other.label} already, where this cannot be told from "
                "it: name another place."
            )


def steps_of(write_back: WriteBack, *, now: datetime) -> list[Step]:
    """What has changed since it was written last; asks nothing of the tracker."""
    connection = write_back.connected
    # One without a key is no issue of the tracker's any more: another has its key now.
    issues = Issue.objects.filter(COUNTED, project=connection.project_id, source=connection.source)
    issues = issues.exclude(external_id="")
    still_open = issues.exclude(status__category__in=ENDED).select_related("issue_type").order_by("created_at", "id")
    written = _values_of(write_back)
    values = FIGURES[write_back.figure](connection.project, list(still_open), now)
    found = [Step(_name_of(issue), _noted(written, issue), values.get(issue.pk, "")) for issue in still_open]
    return [step for step in found if step.new and step.new != step.old]


def taken_back(write_back: WriteBack) -> list[Step]:
    """Everything that was written, to be removed."""
    written = write_back.written.values_list("external_id", "source_id", "value")
    return [Step((key, own_id), value, "") for key, own_id, value in written]


def carry_out(
    write_back: WriteBack,
    steps: Sequence[Step],
    *,
    now: datetime,
    rng: random.Random,
    since: "Connected | None" = None,
    report: WriteReport | None = None,
    budget: Budget | None = None,
    ends_at: float | None = None,
) -> WriteReport:
    """Write; each issue is asked first what stands there.

    What a tracker refuses of one issue, or stumbles over, stops no other; where it refuses `MOST_REFUSED` in a row, it
    refuses them all.

    Parameters
    ----------
    rng : random.Random
        Says whose comes first: what is left alone and refused each time keeps no other from its turn.
    since : Connected, optional
        As its connection was before the steps were worked out, which takes its time; as it is now if not given.
    report : WriteReport, optional
        To be gone on with; it holds what was done when this raises, too.
    ends_at : float, optional
        By the clock `time.monotonic`.

    Raises
    ------
    Conflict
        If since then its token is another, or it is gone or switched off: it takes as long as the tracker likes. And
        if somebody else writes by this connection.
    BudgetSpent
        If the tracker wants more patience than there is, or its time is over.
    """
    connection, report = write_back.connected, report or WriteReport()
    since = since or connected(connection)
    report.left += len(steps)
    with alone_at(connection) as require_alone:

        def require_as_told() -> None:
            require_alone()
            own = WriteBack.objects.filter(pk=write_back.pk, is_active=write_back.is_active)
            if not own.exists() or since is None or connected(connection) != since:
                raise Conflict(
                    "Its connection, or what is written, was changed meanwhile: what is left is not written "
                    f"(written: {report.written})."
                )

        work = _Work(write_back, _writer(write_back, budget), report, now, require_as_told)
        for step in rng.sample(steps, len(steps)):
            if ends_at is not None and time.monotonic() > ends_at:
                raise BudgetSpent("The time is over for figures that are written after an import.")
            _carried_out(work, step)
    return report


def _carried_out(work: _Work, step: Step) -> None:
    """One step; what is refused of it is told."""
    report, written = work.report, work.write_back.written.filter(_is(step.name))
    try:
        _written(work, step)
        work.refused_in_a_row = 0
    except WritePutOff:
        # A limit of rate is of all.
        raise
    except (TrackerRefused, AnswerUnusable, TrackerUnreachable) as error:
        report.refused.append((step.name[0], error.message))
        if not step.new and isinstance(error, NotThere) and not _is_ours(work.write_back, step.name):
            # Gone here and there, it would keep the place from ever being another.
            written.delete()
        work.refused_in_a_row += _STUMBLE if isinstance(error, TrackerUnreachable) else 1
        if work.refused_in_a_row >= MOST_REFUSED:
            raise
    report.left -= 1


class Connected(NamedTuple):
    """What it takes to write by a connection; sealed anew a token is the same."""

    is_used: bool
    token: str


def connected(connection: Connection) -> Connected | None:
    """As its row is now; None where it is gone."""
    used = Exists(in_use(Connection.objects.filter(pk=OuterRef("pk"))))
    row = Connection.objects.filter(pk=connection.pk).annotate(used=used).values_list("used", "sealed_token").first()
    return Connected(row[0], row[1] and opened(row[1])) if row else None


def _written(work: _Work, step: Step) -> None:
    """Look, and write; where nobody knows what became of it look again: somebody may have written there by then."""
    name, wanted, report = step.name, frozenset({step.new} - {""}), work.report
    unsure: WriteCutOff | WriteNotTold | None = None
    sent = failures = 0
    while True:
        work.require_as_told()
        held, row = work.writer.read(name), work.write_back.written.filter(_is(name)).first()
        ours = held & row.values if row else frozenset[str]()
        if ours == wanted or (wanted and held != ours):
            break
        if unsure is not None and (isinstance(unsure, WriteNotTold) or failures == MOST_ATTEMPTS):
            raise unsure
        sent, unsure = sent + 1, _sent(work, name, ours, step.new)
        if unsure is None:
            held, ours = held - ours | wanted, wanted
            break
        if isinstance(unsure, WritePutOff):
            # Nothing came of it: what stands there by the next time is not ours for that.
            _note(work.write_back, name, [row.value] if row else [], work.now)
        else:
            failures += 1
        if isinstance(unsure, WriteCutOff):
            work.writer.client.pause(unsure.seconds or growing_pause(failures))
    if held != ours:
        report.kept.append(name[0])
    if ours == wanted:
        report.written += sent > 0
        _note(work.write_back, name, sorted(wanted), work.now)


def _sent(work: _Work, name: Named, ours: frozenset[str], new: str) -> WriteCutOff | WriteNotTold | None:
    """Write in the place of what is ours there, noted before; gives why it is not sure that it came to that."""
    replaced = ours - {new}
    may_stand = [new, *(sorted(replaced) or [WrittenValue.NOTHING])] if new else sorted(ours)
    _note(work.write_back, name, may_stand, work.now)
    try:
        work.writer.write(name, replaced, new)
    except (WriteCutOff, WriteNotTold) as error:
        return error
    except (TrackerRefused, AnswerUnusable):
        # Where nothing came of it nothing is to be taken back; where this is refused, too, it stays noted.
        _note(work.write_back, name, sorted(work.writer.read(name) & {new, *replaced}), work.now)
        raise
    return None


def _note(write_back: WriteBack, name: Named, values: Sequence[str], now: datetime) -> None:
    """What may stand there of ours; raises `Conflict` where the project was deleted while the tracker was asked."""
    noted = write_back.written.filter(_is(name))
    if not values:
        noted.delete()
        return
    told = {"value": WrittenValue.OR.join(values), "written_at": now}
    with all_or_nothing():
        if not noted.update(external_id=name[0], source_id=name[1], **told):
            WrittenValue.objects.update_or_create(
                write_back=write_back, external_id=name[0], source_id=name[1], defaults=told
            )


def _is(name: Named) -> Q:
    """Of the notes, that of an issue: by the tracker's own id, which stays, or by its key where none was told yet."""
    key, own_id = name
    by_key = Q(source_id="", external_id=key)
    return Q(source_id=own_id) | by_key if own_id else by_key


def _name_of(issue: Issue) -> Named:
    return issue.external_id, issue.source_id


def _values_of(write_back: WriteBack) -> dict[Named, str]:
    """What is noted, by the one of the two names that it is found by."""
    if write_back._state.adding:
        return {}
    written = write_back.written.values_list("external_id", "source_id", "value")
    return {("" if own_id else key, own_id): value for key, own_id, value in written}


def _noted(written: Mapping[Named, str], issue: Issue) -> str:
    return written.get(("", issue.source_id)) or written.get((issue.external_id, ""), "")


def _is_ours(write_back: WriteBack, name: Named) -> bool:
    """Whether the project has the issue still."""
    key, own_id = name
    same = Q(source_id=own_id) if own_id else Q(external_id=key)
    return Issue.objects.filter(same, project=write_back.project_id, source=write_back.connected.source).exists()


def write_all(connection: Connection, *, now: datetime, report: WriteReport, rng: random.Random) -> None:
    """After an import: everything that is switched on, while its connection is in use and there is time."""
    switched_on = connection.write_backs.filter(is_active=True)
    budget, ends_at = Budget(wait_seconds=WAITS_AFTER_IMPORT_SECONDS), time.monotonic() + AFTER_IMPORT_SECONDS
    for pk in list(switched_on.values_list("pk", flat=True)):
        # Each as it is by then: those before it take as long as the tracker likes.
        since = connected(connection)
        write_back = switched_on.select_related("connection__project").filter(pk=pk).first()
        if write_back is not None and since and since.is_used:
            steps = steps_of(write_back, now=now)
            carry_out(write_back, steps, now=now, rng=rng, since=since, report=report, budget=budget, ends_at=ends_at)


def _writer(write_back: WriteBack, budget: Budget | None = None) -> Writer:
    connection, target = write_back.connected, Target(write_back.field, write_back.label)
    place = place_of(connection.kind, connection.base_url, connection.scope)
    client = client_for(place, opened(connection.sealed_token), budget=budget)
    return writer_of(connection.kind, client, connection.scope, target)


# --- Figures ----------------------------------------------------------------------------------------------------------
def _points(project: Project, issues: Sequence[Issue], now: datetime) -> dict[UUID, str]:
    """What the project's own model recommends; a fallback is not worth a place in somebody's tracker."""
    answers = ((issue.pk, answer_points(facts_of(issue), project.pk)) for issue in issues)
    return {pk: f"{given.answer.recommended_points:g}" for pk, given in answers if given.model is not None}


def _hours(project: Project, issues: Sequence[Issue], now: datetime) -> dict[UUID, str]:
    answers = ((issue.pk, answer_effort(facts_of(issue), project.pk)) for issue in issues)
    rounded = ((pk, round(given.answer.predicted_hours * QUARTERS) / QUARTERS) for pk, given in answers if given.model)
    return {pk: f"{max(hours, 1 / QUARTERS):g}" for pk, hours in rounded}


def _forecast_dates(project: Project, issues: Sequence[Issue], now: datetime) -> dict[UUID, str]:
    """Of an issue the day by which all of its running or planned sprint is done in 85 of 100 futures."""
    ahead = Sprint.objects.filter(project=project).exclude(status=Sprint.Status.COMPLETED)
    asked = ahead.filter(pk__in={issue.sprint_id for issue in issues if issue.sprint_id})
    days: dict[UUID, str] = {}
    for each in foresee(list(asked.select_related("snapshot", "project")), now=now):
        forecast = each.future.forecast()
        if forecast is not None and forecast.promised.day is not None:
            days[each.sprint.pk] = f"{forecast.promised.day:%Y-%m-%d}"
    return {issue.pk: days[issue.sprint_id] for issue in issues if issue.sprint_id in days}


FIGURES: Mapping[str, Callable[[Project, Sequence[Issue], datetime], dict[UUID, str]]] = {
    Figure.POINTS: _points,
    Figure.HOURS: _hours,
    Figure.FORECAST_DATE: _forecast_dates,
}
