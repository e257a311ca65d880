"""What trackers tell, into a project: batch by batch, so that what is written stays when an import is stopped.

A batch is whole or not there. Only an import that reached its end moves `Connection.synced_until`; one that was killed
is done again from where the last whole one ended, and changes nothing of what is there already.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.importers.keeping import each_step, shown, step
from apps.importers.models import ImportRun
from apps.importers.records import RowError
from apps.importers.report import ImportReport, LedgerLine
from apps.importers.services import sum_up, tell_unknown
from apps.importers.tracked import EVERYTHING, Gap, Told, TrackedIssue, TrackedSprint, without_ahead
from apps.importers.writing.dry_run import read_before, undone_at_the_end
from apps.importers.writing.texts import fitted
from apps.importers.writing.tracked import TrackedWriter
from apps.projects.history.moments import When, moment_of
from apps.projects.levels import roll_up
from apps.projects.models import Project

#: Small enough that a killed import loses little, large enough for few statements.
BATCH_ISSUES = 250
#: Nor more changes, with the labels that they bear: each is a row, made in memory before it is written.
BATCH_WEIGHT = 25_000
SHOWN_EXAMPLES = 5


@dataclass(slots=True)
class GapLedger:
    """Gaps, gathered by what they are."""

    _seen: dict[tuple[str, tuple[str, ...]], list[str]] = field(default_factory=dict)

    def add(self, gap: Gap) -> None:
        self._seen.setdefault((gap.what, gap.touches), []).extend(gap.seen_at)

    @property
    def lacks_pages(self) -> bool:
        """Whether issues may be there that were not given: what touches everything and names none."""
        return any(touches == EVERYTHING and not seen for (_, touches), seen in self._seen.items())

    def lines(self) -> list[LedgerLine]:
        return [
            LedgerLine(what, touches, len(set(seen)), tuple(dict.fromkeys(seen))[:SHOWN_EXAMPLES])
            for (what, touches), seen in self._seen.items()
        ]


def import_told(
    told: Iterable[Told],
    *,
    project: Project,
    source: str,
    fields: Collection[str],
    now: When,
    dry_run: bool = False,
    run: ImportRun | None = None,
    on_row: Callable[[TrackedIssue | RowError], None] | None = None,
    is_whole: bool = True,
    mark_missing: bool = False,
) -> ImportReport:
    """Write what a tracker tells; a dry run does it all and undoes it.

    Parameters
    ----------
    fields : collection of str
        What the tracker knows of issues: only this can be emptied.
    run : ImportRun, optional
        Where to keep what is done to each issue, and how far the import is.
    on_row : callable, optional
        Hears every issue and every error.
    is_whole : bool
        Whether everything is told, so that what is missing is what the ledger says and no more; then issues that came
        from this source before and are not told are counted, unless pages are missing.
    mark_missing : bool
        Whether these are closed as removed where they are open.
    """
    report, ledger, began = ImportReport(project.key, dry_run), GapLedger(), moment_of(now)
    refused = set[str]()
    told = read_before(told) if dry_run else told
    with undone_at_the_end() if dry_run else nullcontext():
        writer = TrackedWriter(project, fields, source, now, report)
        batch, weight = list[TrackedIssue](), 0
        for each in _possible(told, ledger, now):
            if isinstance(each, TrackedSprint):
                writer.take_sprint(each)
            else:
                if on_row is not None:
                    on_row(each)
                if isinstance(each, RowError):
                    report.refuse(each)
                    refused.add(each.external_id)
                    continue
                report.hear(each)
                batch.append(each)
                weight += _weight(each)
                if len(batch) == BATCH_ISSUES or weight >= BATCH_WEIGHT:
                    _write(writer, batch, run, report)
                    batch, weight = [], 0
        _write(writer, batch, run, report)
        each_step(run, writer.traces, writer.ties())
        if is_whole and not ledger.lacks_pages:
            with step(run, writer.traces) as touches:
                touches.extend(writer.settle_missing(named=refused, mark=mark_missing))
        roll_up(project.pk)
        report.ledger = ledger.lines()
        with step(run, writer.traces):
            writer.settle_sprints()
            tell_unknown(project, source, report.ledger, writer.traces, is_whole=is_whole)
        report.people_added, report.erased = writer.team.added, writer.team.erased
        sum_up(report, project, began)
    return report


def _possible(told: Iterable[Told], ledger: GapLedger, now: When) -> Iterator[TrackedIssue | TrackedSprint | RowError]:
    """What is told, as every table takes it and without what lies ahead; of what is left out the ledger tells."""
    for each in map(fitted, told):
        if isinstance(each, Gap):
            ledger.add(each)
        elif isinstance(each, TrackedIssue):
            issue, gaps = without_ahead(each, moment_of(now) + CLOCKS_DIFFER)
            for gap in gaps:
                ledger.add(gap)
            yield issue
        else:
            yield each


def _weight(issue: TrackedIssue) -> int:
    values = (value for change in issue.changes for value in (change.old, change.new))
    return len(issue.changes) + sum(len(value) for value in values if isinstance(value, tuple))


def _write(writer: TrackedWriter, batch: list[TrackedIssue], run: ImportRun | None, report: ImportReport) -> None:
    if not batch:
        return
    with step(run, writer.traces) as touches:
        touches.extend(writer.write(batch))
    if run is not None:
        shown(run, report.rows)
