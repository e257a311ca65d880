"""Imported records into the domain: new ones are inserted, changed ones updated, the rest left alone.

Bulk writes of the domain's tables, because one service call an issue is too slow for ten thousand. What holds there
holds here: an issue with a time of resolution is done, one that is not done has none. History is not invented: a
new issue comes without changes, one that is there gets those that the import makes (`changes`).
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice

from django.core.exceptions import ValidationError
from django.db.models import Count, Q

from apps.accounts.models import User
from apps.importers.keeping import begun, each_step, ended, failing, shown, step
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, ImportRefused, ReadAgain, RowError, UnreadRow
from apps.importers.report import ImportReport, LedgerLine
from apps.importers.sprint_dates import SprintRhythm
from apps.importers.telling.file_gaps import gaps_of_file
from apps.importers.telling.understanding import board_of, features_of
from apps.importers.writing.batches import BatchWriter
from apps.importers.writing.dry_run import undone_at_the_end
from apps.importers.writing.texts import fitted
from apps.importers.writing.traces import Traces
from apps.projects.history.moments import When, moment_of
from apps.projects.levels import COUNTED, roll_up
from apps.projects.models import Issue, Project, Sprint, TeamMember
from apps.projects.rows import insert
from apps.projects.services import add_default_workflow
from apps.projects.unknown_past import keep_unknown

BATCH_ROWS = 1_000
#: The constraint of the table (projects_project_key_shape) and its width.
KEY_SHAPE = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")
NONE_CLOSED = "rows may be of issues that the file seems not to name: none is closed as removed"


@dataclass(slots=True)
class _Refused:
    """Rows that are not imported: the ids that they name, and how many may be of any issue."""

    ids: set[str] = field(default_factory=set)
    unread: int = 0


def import_issues(
    rows: Iterable[ImportedIssue | RowError],
    *,
    project_key: str,
    mapped: Collection[str],
    now: When,
    create_as: str | None = None,
    lead: User | None = None,
    source: str = "csv",
    scope_is_recorded: bool = True,
    time_zone: str = "",
    dry_run: bool = False,
    on_error: Callable[[RowError], None] | None = None,
    rhythm: SprintRhythm | None = None,
    mark_missing: bool = False,
    run: ImportRun | None = None,
) -> ImportReport:
    """Write records into a project, batch by batch, each in its own transaction; a dry run does it all and undoes it.

    Parameters
    ----------
    mapped : collection of str
        The fields the source has. Only these can be emptied; what the source does not have stays as it is.
    scope_is_recorded : bool
        Whether the source tells all sprints that an issue was in; a file that names the last one only does not.
    time_zone : str
        Of a project that is made; UTC without one.
    rhythm : SprintRhythm, optional
        When sprints without dates ran, as the user says; else it is told from names and ends as far as these tell.
    mark_missing : bool
        Whether open issues of earlier imports that the source does not name any more are closed as removed.
    on_error : callable, optional
        Hears every row that is not imported, and every cell that could not be read.
    create_as : str, optional
        The name under which an unknown project is made, with the default workflow.
    lead : User, optional
        Who is to lead the project, besides those who do.
    run : ImportRun, optional
        Where to keep what is done to each issue; one is made where none waits.

    Raises
    ------
    ImportRefused
        If there is no such project and none is to be made, or if the key cannot be one.
    """
    report, began = ImportReport(project_key, dry_run), moment_of(now)

    def refuse(error: RowError) -> None:
        report.refuse(error)
        if on_error is not None:
            on_error(error)

    with led_project(
        project_key, create_as=create_as, lead=lead, now=began, dry_run=dry_run, time_zone=time_zone
    ) as project:
        writer = BatchWriter(
            project, frozenset(mapped), source, now, report,
            scope_is_recorded=scope_is_recorded, rhythm=rhythm, refuse=refuse,
        )  # fmt: skip
        run = run or begun(project, source, now=began, is_dry_run=dry_run)
        refused = _Refused()
        with failing(run):
            _write(writer, _batches(_issues_only(rows, report, on_error, refuse, refused)), run, report)
            if mark_missing and refused.unread:
                report.remarks[NONE_CLOSED] = refused.unread
            _settle(writer, run, refused.ids, mark_missing=mark_missing and not refused.unread)
            roll_up(project.pk)
            report.ledger = list(gaps_of_file(mapped, scope_is_recorded=scope_is_recorded))
            with step(run, writer.traces):
                tell_unknown(project, source, report.ledger, writer.traces, is_whole=True)
        report.people_added, report.erased = writer.team.added, writer.team.erased
        sum_up(report, project, began)
        report.import_id = "" if dry_run else str(run.pk)
        ended(run, ImportRun.Status.COMPLETED, report=report.as_dict())
    return report


def _write(writer: BatchWriter, batches: Iterable[list[ImportedIssue]], run: ImportRun, report: ImportReport) -> None:
    """Each batch is whole or not there, with what was done to its issues."""
    for batch in batches:
        with step(run, writer.traces) as touches:
            touches.extend(writer.write(batch))
        shown(run, report.rows)


def _settle(writer: BatchWriter, run: ImportRun, refused: Set[str], *, mark_missing: bool) -> None:
    """What all records together tell; in steps, so that others write in between."""
    with step(run, writer.traces) as touches:
        touches.extend(writer.settle_sprints())
    each_step(run, writer.traces, writer.ties())
    with step(run, writer.traces) as touches:
        touches.extend(writer.settle_missing(named=refused, mark=mark_missing))


def tell_unknown(
    project: Project, source: str, ledger: Iterable[LedgerLine], traces: Traces, *, is_whole: bool
) -> None:
    """Write down what this source could not tell."""
    traces.before(Project.objects.filter(pk=project.pk))
    project.refresh_from_db(fields=["unknown_past"])
    keep_unknown(project, source, map(asdict, ledger), is_whole=is_whole)


@contextmanager
def led_project(
    key: str, *, create_as: str | None, lead: User | None, now: datetime, dry_run: bool, time_zone: str = ""
) -> Iterator[Project]:
    """The project an import goes to, made and given a lead where that is asked for; a dry run undoes it all."""
    with undone_at_the_end() if dry_run else nullcontext():
        project = _project(key, create_as, now, time_zone)
        if lead is not None:
            _give_lead(project, lead, now)
        yield project


def _give_lead(project: Project, lead: User, now: datetime) -> None:
    TeamMember.objects.update_or_create(
        project=project,
        user=lead,
        defaults={"role": TeamMember.Role.LEAD},
        create_defaults={"role": TeamMember.Role.LEAD, "joined_at": now},
    )


def _project(key: str, create_as: str | None, now: datetime, time_zone: str) -> Project:
    project = Project.objects.filter(key=key).first()
    if project is not None:
        return project
    if create_as is None:
        raise ImportRefused(f'There is no project {key}. To make it: --create-project "A name for it".')
    if not KEY_SHAPE.fullmatch(key):
        raise ImportRefused(
            f"There can be no project {key!r}: a key is capital letters, digits, - and _, begins with a letter and has "
            "at most 32 characters."
        )
    project = Project(key=key, name=create_as.strip() or key, created_at=now, time_zone=time_zone or "UTC")
    try:
        insert(project)
    except ValidationError as error:
        raise ImportRefused(f"There can be no such project: {' '.join(error.messages)}") from error
    add_default_workflow(project)
    return project


def _issues_only(
    rows: Iterable[ImportedIssue | RowError],
    report: ImportReport,
    on_error: Callable[[RowError], None] | None,
    refuse: Callable[[RowError], None],
    refused: _Refused,
) -> Iterator[ImportedIssue]:
    """The issues among the rows; errors are counted, the first ones kept, all of them passed on, as are bad cells."""
    for row in map(fitted, rows):
        if isinstance(row, ImportedIssue):
            report.hear(row)
            if on_error is not None:
                for told in row.unread:
                    on_error(RowError(row.line, row.external_id, f"{told} (the cell is left empty)"))
            yield row
            continue
        if not isinstance(row, ReadAgain):
            refused.ids.add(row.external_id)
        refused.unread += isinstance(row, UnreadRow)
        refuse(row)


def _batches(issues: Iterator[ImportedIssue]) -> Iterator[list[ImportedIssue]]:
    while batch := list(islice(issues, BATCH_ROWS)):
        yield batch


def sum_up(report: ImportReport, project: Project, now: datetime) -> None:
    """What the project holds now, what its board was understood as, and what all that suffices for."""
    report.with_hours, report.with_points = completed_counts(project)
    report.sprints, report.sprints_with_a_start = sprint_counts(project)
    report.board, report.features = board_of(project), features_of(project, now)


def completed_counts(project: Project) -> tuple[int, int]:
    """Completed issues with hours, and with points."""
    counts = Issue.objects.filter(COUNTED, project=project, resolved_at__isnull=False).aggregate(
        hours=Count("pk", filter=Q(worked_hours__gt=0)), points=Count("pk", filter=Q(story_points__isnull=False))
    )
    return counts["hours"], counts["points"]


def sprint_counts(project: Project) -> tuple[int, int]:
    """All sprints, and those of which it is known when they began: only these tell how long a sprint takes."""
    began = Q(start_date__isnull=False) | Q(started_at__isnull=False)
    counts = Sprint.objects.filter(project=project).aggregate(all=Count("pk"), began=Count("pk", filter=began))
    return counts["all"], counts["began"]
