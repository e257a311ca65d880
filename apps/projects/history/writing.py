"""How the history writes values: exactly, as text, and of replaced descriptions the newest only."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import F, QuerySet, Sum, Window
from django.db.models.functions import Length
from django.utils import timezone

from apps.accounts.models import User
from apps.common.texts.cutting import cut_between_words
from apps.projects.history.moments import Moments
from apps.projects.models import Issue, IssueChange, IssueType, WorkflowStatus

#: Of a new description so much is kept beside the old one, to be read; nothing is told from it.
SHOWN_CHARACTERS = 200
#: Of an issue, characters of replaced descriptions that are kept: ten of the longest, or years of usual ones. Without a
#: bound whoever rewrites one text fills the database's disk, 23 GB an hour.
MOST_KEPT_CHARACTERS = 1_000_000
#: What stands in place of those before; what each had begun with stands beside the one that it replaced.
LET_GO = "…"


def as_history_text(value: Any) -> str:
    """A status or type by name, a person or sprint by id, a number exactly, labels as JSON, none as empty."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, WorkflowStatus | IssueType):
        return value.name
    if isinstance(value, models.Model):
        return str(value.pk)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return repr(float(value)).removesuffix(".0")


def new_change(issue: Issue, field: str, old: Any, new: Any, *, by: User | None, at: datetime) -> IssueChange:
    """An entry of the history, not yet stored."""
    text = as_history_text(new)
    if field == IssueChange.Field.DESCRIPTION and len(text) > SHOWN_CHARACTERS:
        text = f"{cut_between_words(text, SHOWN_CHARACTERS)}…"
    return IssueChange(
        issue=issue, field=field, old_value=as_history_text(old), new_value=text, changed_at=at, changed_by=by
    )


def store_changes(changes: Sequence[IssueChange]) -> list[IssueChange]:
    """Store entries of the history; each issue's replaced descriptions are kept from the newest to a bound."""
    stored: list[IssueChange] = IssueChange.objects.bulk_create(changes)
    _bound_descriptions({change.issue_id for change in stored if _is_long_description(change)})
    return stored


def _is_long_description(change: IssueChange) -> bool:
    return change.field == IssueChange.Field.DESCRIPTION and len(change.old_value) > SHOWN_CHARACTERS


def _bound_descriptions(issue_ids: Collection[UUID]) -> None:
    """What is replaced is read by nobody here, so that no text comes back that an erasure changes meanwhile."""
    if not issue_ids:
        return
    entries: QuerySet[IssueChange] = QuerySet(IssueChange).filter(issue_id__in=issue_ids)
    long = entries.filter(field=IssueChange.Field.DESCRIPTION).annotate(characters=Length("old_value"))
    newest_first = [F("changed_at").desc(), F("id").desc()]
    with_newer = Window(Sum("characters"), partition_by=F("issue_id"), order_by=newest_first)
    over = long.filter(characters__gt=SHOWN_CHARACTERS).annotate(kept=with_newer).filter(kept__gt=MOST_KEPT_CHARACTERS)
    if ids := list(over.values_list("pk", flat=True)):
        entries.filter(pk__in=ids).update(old_value=LET_GO)


def set_for_all(locked: Sequence[Issue], field: str, value: Any, *, by: User, at: Moments) -> None:
    """One tracked field of many issues, recorded for each, in two queries."""
    changes = [
        new_change(issue, field, getattr(issue, field), value, by=by, at=at.of(issue.pk, field)) for issue in locked
    ]
    store_changes(changes)
    Issue.objects.filter(pk__in=[issue.pk for issue in locked]).update(**{field: value, "updated_at": timezone.now()})
