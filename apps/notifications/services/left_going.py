"""What a lead set going and leads no more is stopped: the others are told, and whoever switches it on takes it over.

Webhooks carry a team's record to an address, and connections bring issues in by a token, that perhaps only their maker
controls. What lets somebody in (invitations, share links) ends by the same rule, see `apps.projects.leads`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import models, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.common.models import Severity
from apps.common.operations.database_faults import by_itself
from apps.notifications.models import Event, Webhook
from apps.notifications.services.announcing import News, announce
from apps.projects.leads import in_use, set_going_by_a_lead
from apps.projects.models import Project
from apps.projects.rows import few_of_each

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows with `project`, `is_active` and `created_by` that do something by themselves."""

    model: type[models.Model]
    #: In a sentence, which one: no secret that its address may hold.
    called: Callable[[Any], str]
    #: In the API, below its project.
    path: str
    #: Which can do nothing any more, whoever set them going, and why, in a sentence.
    spent: models.Q | None = None
    why_spent: str = ""


#: Apps above add their own.
KINDS = [Kind(Webhook, lambda webhook: f"The webhook to {urlsplit(webhook.url).hostname}", "webhooks")]


_SET_GOING = "_set_going"
#: Of a kind, every minute: one who leads nothing any more may have set thousands going, and it does nothing by then.
MOST_AT_ONCE = 200


def becomes_theirs(row: Any, by: User | None, *, is_new: bool) -> dict[str, Any]:
    """Whose a row is from now on: of who gives it what is new, and of who sets it going again."""
    return {"created_by": by} if by and (is_new or not in_use(_rows_of(type(row)).filter(pk=row.pk)).exists()) else {}


def stop_what_no_lead_made(*, now: datetime) -> int:
    """Switch off what is not to go on, and tell who leads its project; how many.

    So many at a time, of each project in turn.
    """
    n_stopped = 0
    for kind in KINDS:
        few = list(few_of_each(_to_stop(kind), MOST_AT_ONCE, order=["?"]))
        for row in _to_stop(kind).filter(pk__in=few).select_related("project"):
            with by_itself("stop_what_no_lead_made", row):
                # Once more where it is written: perhaps somebody has just taken it over.
                n_stopped += _stop(kind, row, _to_stop(kind), now=now)
    return n_stopped


def note_what_goes_with_its_maker(*, instance: User, **_: Any) -> None:
    """An account is about to be deleted: afterwards nobody knows what it set going."""
    # Nothing is written yet, for an erasure that comes with it waits for others first.
    instance.__dict__[_SET_GOING] = [
        (kind, row)
        for kind in KINDS
        for row in _rows_of(kind.model).filter(created_by=instance, is_active=True).select_related("project")
    ]


def stop_what_goes_with_its_maker(*, instance: User, **_: Any) -> None:
    """An account is deleted: what it set going would be nobody's, like the operator's."""
    for kind, row in instance.__dict__.pop(_SET_GOING, ()):
        # Perhaps off already: its token went with whoever gave it.
        _stop(kind, row, _rows_of(kind.model), now=timezone.now())


def _to_stop(kind: Kind) -> "QuerySet[Any]":
    stops = ~set_going_by_a_lead() | kind.spent if kind.spent else ~set_going_by_a_lead()
    return _rows_of(kind.model).filter(stops, is_active=True).order_by("pk")


def _rows_of(model: type[models.Model]) -> "QuerySet[Any]":
    return models.QuerySet(model)


@transaction.atomic
def _stop(kind: Kind, row: Any, among: "QuerySet[Any]", *, now: datetime) -> bool:
    # First, as everybody does who writes in it; with it the row is gone.
    project = Project.objects.select_for_update(no_key=True).filter(pk=row.project_id).first()
    if project is None or not among.filter(pk=row.pk).update(is_active=False):
        return False
    # As it is by now: an erasure may have changed how it is called since it was read.
    row = _rows_of(kind.model).select_related("project").get(pk=row.pk)
    is_spent = kind.spent is not None and _rows_of(kind.model).filter(kind.spent, pk=row.pk).exists()
    why = kind.why_spent if is_spent else "whoever set it going leads this project no more"
    does = "Give it another" if is_spent else "Switch it on again"
    about = f"stopped:{row.pk}:{now.timestamp():.0f}"
    news = News(
        event=Event.STOPPED,
        severity=Severity.HIGH,
        about=about,
        topic=about,
        sentence=f"{kind.called(row)} is stopped: {why}",
        advice=[f"{does} if the team goes on using it: from then on it is yours.", "Or delete it."],
        path=f"/api/v1/projects/{row.project_id}/{kind.path}/{row.pk}/",
        data={"kind": kind.path, "id": str(row.pk)},
    )
    announce(project, [news], now=now)
    logger.warning("Stopped kind=%s id=%s project=%s: %s", kind.path, row.pk, row.project_id, why)
    return True
