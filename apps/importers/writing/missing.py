"""What an earlier import brought and a later full export does not: reported, and closed as removed if that is asked."""

from collections.abc import Collection, Set
from uuid import UUID

from django.utils import timezone

from apps.importers.report import SHOWN_ERRORS, ImportReport
from apps.importers.tracked import Stage
from apps.importers.writing.board import TrackedBoard
from apps.importers.writing.changes import Edit, Touch
from apps.importers.writing.changes import record as record_changes
from apps.importers.writing.traces import Traces
from apps.importers.writing.workflow import DONE, DROPPED
from apps.projects.history.moments import When, moments_after
from apps.projects.models import Issue, Project, WorkflowStatus
from apps.projects.rows import lock_issues

REMOVED = Stage("Removed", DROPPED)


def settle_missing(
    project: Project,
    source: str,
    *,
    seen: Collection[UUID],
    named: Set[str],
    mark: bool,
    now: When,
    report: ImportReport,
    traces: Traces,
) -> list[Touch]:
    """Count the issues of a source that are neither among those seen nor named by a row that could not be read.

    Called where everything was read. Nothing is looked for all the same where nothing came, or where a row that could
    not be read says not which issue it is: an answer that is empty, or holds who knows what, closes nothing.

    What was done to those that are closed is given back, so that it can be undone.

    What is done stays done: it was delivered, whatever became of it in the tracker.
    """
    if not seen or "" in named:
        return []
    there = Issue.objects.filter(project=project, source=source).exclude(status__category=DROPPED)
    rows = there.order_by("external_id").values_list("pk", "external_id", "source_id", "status__category")
    missing = [row for row in rows if row[0] not in seen and named.isdisjoint(row[1:3])]
    report.missing = len(missing)
    # Whose key another one has now is known by its id.
    report.missing_shown = [key or own for _, key, own, _ in missing[:SHOWN_ERRORS]]
    open_ids = [pk for pk, *_, category in missing if category != DONE]
    if not (mark and open_ids):
        return []
    status = TrackedBoard(project, source, now, report, traces).status(REMOVED)
    closed = _close(project, open_ids, status, now)
    report.removed = len(closed)
    return closed


def _close(project: Project, issue_ids: Collection[UUID], status: WorkflowStatus, now: When) -> list[Touch]:
    # What somebody deleted or closed by now is left to them.
    lock_issues(issue_ids)
    edits = []
    is_over = WorkflowStatus.objects.filter(project=project, category__in=(DONE, DROPPED))
    over = set(is_over.values_list("pk", flat=True))
    open_still = [issue for issue in Issue.objects.in_bulk(list(issue_ids)).values() if issue.status_id not in over]
    at = moments_after(open_still, now).now
    for issue in open_still:
        before = {"status_id": issue.status_id, "dropped_at": issue.dropped_at}
        issue.status, issue.dropped_at, issue.updated_at = status, at, timezone.now()
        edits.append(Edit(issue, before))
    Issue.objects.bulk_update([edit.issue for edit in edits], ["status", "dropped_at", "updated_at"], batch_size=500)
    touches = {edit.issue.pk: Touch(edit.issue, edit.before) for edit in edits}
    for change in record_changes(project, edits, now=at):
        touches[change.issue_id].change_ids.append(change.pk)
    return list(touches.values())
