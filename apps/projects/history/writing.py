"""How the history writes a value: exactly, as text."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from apps.accounts.models import User
from apps.common.texts.cutting import cut_between_words
from apps.projects.history.moments import Moments
from apps.projects.models import Issue, IssueChange, IssueType, WorkflowStatus

#: Of a new description so much is kept beside the old one, to be read; nothing is told from it.
SHOWN_CHARACTERS = 200


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


def set_for_all(locked: Sequence[Issue], field: str, value: Any, *, by: User, at: Moments) -> None:
    """One tracked field of many issues, recorded for each, in two queries."""
    changes = [
        new_change(issue, field, getattr(issue, field), value, by=by, at=at.of(issue.pk, field)) for issue in locked
    ]
    IssueChange.objects.bulk_create(changes)
    Issue.objects.filter(pk__in=[issue.pk for issue in locked]).update(**{field: value, "updated_at": timezone.now()})
