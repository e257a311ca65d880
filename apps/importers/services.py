"""Imported records into the domain: new ones are inserted, changed ones updated, the rest left alone.

Bulk writes of the domain's tables, because one service call an issue is too slow for ten thousand. What holds there
holds here: an issue with a time of resolution is done, one that is not done has none. History is not invented: a
new issue comes without changes, one that is there gets those that the import makes (`changes`).
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import Count, Q

from apps.accounts.models import User
from apps.importers.models import ImportRun
from apps.importers.records import ImportedIssue, ImportRefused, RowError
from apps.importers.report import SHOWN_ERRORS, ImportReport
from apps.importers.sprint_dates import SprintRhythm
from apps.importers.touches import keep
from apps.importers.writing.batches import BatchWriter
from apps.importers.writing.changes import Touch
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, Project, Sprint, TeamMember
from apps.projects.services import add_default_workflow

BATCH_ROWS = 1_000
#: The constraint of the table (projects_project_key_shape) and its width.
KEY_SHAPE = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")


def import_issues(
    rows: Iterable[ImportedIssue | RowError],
    *,
    project_key: str,
    mapped: Collection[str],
    now: datetime,
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
    run : ImportRun, optional
        Where to keep what is done to each issue, so that the import can be taken back.
    on_error : callable, optional
        Hears every row that is not imported, and every cell that could not be read.
    create_as : str, optional
        The name under which an unknown project is made, with the default workflow.
    lead : User, optional
        Who is to lead the project, besides those who do.

    Raises
    ------
    ImportRefused
        If there is no such project and none is to be made, or if the key cannot be one.
    """
    report = ImportReport(project_key, dry_run)
    with led_project(
        project_key, create_as=create_as, lead=lead, now=now, dry_run=dry_run, time_zone=time_zone
    ) as project:
        writer = BatchWriter(
            project, frozenset(mapped), source, now, report, scope_is_recorded=scope_is_recorded, rhythm=rhythm
        )
        refused: set[str] = set()
        for batch in _batches(_issues_only(rows, report, on_error, refused)):
            with transaction.atomic():
                _keep(run, writer.write(batch), writer, dry_run=dry_run)
        with transaction.atomic():
            _keep(run, writer.settle_sprints(), writer, dry_run=dry_run)
        writer.settle_levels()
        writer.settle_missing(named=refused, mark=mark_missing)
        report.people_added = writer.team.added
        report.with_hours, report.with_points = completed_counts(project)
        report.sprints, report.sprints_with_a_start = sprint_counts(project)
    return report


def _keep(run: ImportRun | None, touches: Sequence[Touch], writer: BatchWriter, *, dry_run: bool) -> None:
    if run is not None and not dry_run:
        keep(run, touches, writer.sprints_made)


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


@contextmanager
def undone_at_the_end() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


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
    project.save(force_insert=True)
    add_default_workflow(project)
    return project


def _issues_only(
    rows: Iterable[ImportedIssue | RowError],
    report: ImportReport,
    on_error: Callable[[RowError], None] | None,
    refused: set[str],
) -> Iterator[ImportedIssue]:
    """The issues among the rows; errors are counted, the first ones kept, all of them passed on, as are bad cells."""
    for row in rows:
        if isinstance(row, ImportedIssue):
            if on_error is not None:
                for told in row.unread:
                    on_error(RowError(row.line, row.external_id, f"{told} (the cell is left empty)"))
            yield row
            continue
        refused.add(row.external_id)
        report.error_count += 1
        if len(report.errors) < SHOWN_ERRORS:
            report.errors.append(row)
        if on_error is not None:
            on_error(row)


def _batches(issues: Iterator[ImportedIssue]) -> Iterator[list[ImportedIssue]]:
    while batch := list(islice(issues, BATCH_ROWS)):
        yield batch


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
