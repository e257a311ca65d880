"""Replays of a project's past that pages show: asked for, and kept until there is a newer one."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.ml.models import Replay
from apps.projects.models import Project

logger = logging.getLogger(__name__)

#: What was asked for so long ago and is not there was lost: it may be asked for again. A replay takes some minutes.
LOST_AFTER = timedelta(minutes=30)


@transaction.atomic
def ask_for_replays(project_id: UUID, *, now: datetime) -> bool:
    """Note that the past shall be replayed; False where that is under way already."""
    # What two at once meet at: the second finds what the first has asked for.
    Project.objects.select_for_update(no_key=True).filter(pk=project_id).first()
    if any(is_under_way(each, now=now) for each in Replay.objects.filter(project_id=project_id)):
        return False
    for kind in Replay.Kind:
        asked = {"asked_at": now, "begun_at": None, "progress_percent": 0, "failure_reason": ""}
        Replay.objects.update_or_create(project_id=project_id, kind=kind, defaults=asked)
    return True


@transaction.atomic
def take_back(project_id: UUID) -> None:
    """Forget what was asked for and reached nobody; what an earlier replay showed stays."""
    unbegun = Replay.objects.filter(project_id=project_id, begun_at=None, failure_reason="")
    unbegun.filter(made_at=None).delete()
    unbegun.update(asked_at=F("made_at"), begun_at=F("made_at"), progress_percent=100)


def is_under_way(replay: Replay, *, now: datetime) -> bool:
    """Whether it was asked for, is not there yet, and may still come."""
    is_made = replay.made_at is not None and replay.made_at >= replay.asked_at
    # What a clock asked for that was ahead says nothing once it is set back.
    is_lately = now - LOST_AFTER < replay.asked_at <= now + CLOCKS_DIFFER
    return is_lately and not is_made and not replay.failure_reason


def keep_replay(project_id: UUID, kind: str, found: Mapping[str, Any], *, now: datetime) -> None:
    """Keep what a replay showed in place of the earlier one."""
    made = {"made_at": now, "figures": dict(found), "failure_reason": "", "progress_percent": 100}
    Replay.objects.update_or_create(
        project_id=project_id, kind=kind, defaults=made, create_defaults=made | {"asked_at": now, "begun_at": now}
    )
    logger.info("Replay kept project=%s kind=%s", project_id, kind)
