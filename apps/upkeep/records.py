"""The signed records of erasures: written, verified, found by whoever names whom they are about."""

import hashlib
import hmac
import json
import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError, models

from apps.accounts.mailboxes import mailbox
from apps.importers.models import Connection
from apps.upkeep.models import ErasureRecord

logger = logging.getLogger(__name__)

_PURPOSE = "scrum-ml erasure 1"


def new_record(kind: str, name: str, now: datetime) -> ErasureRecord:
    """What will stay of an erasure that has begun; not stored yet, and not signed."""
    return ErasureRecord(kind=kind, subject=subject_of(settings.ML_SIGNING_KEYS[0], kind, name), erased_at=now)


def sign(record: ErasureRecord) -> None:
    """It is over: what was still to be looked for is forgotten with it."""
    record.unfinished, record.signature = None, _signature(settings.ML_SIGNING_KEYS[0], record)
    record.save(force_update=True)
    logger.info("Erased kind=%s record=%s", record.kind, record.pk)


def subject_of(key: str, kind: str, name: str) -> str:
    """What stands for an address or key: whoever names it finds it."""
    return _mac(key, [_PURPOSE, "subject", kind, mailbox(name)])


def _signature(key: str, record: ErasureRecord) -> str:
    facts: list[Any] = [_PURPOSE, str(record.pk), record.kind, record.subject, record.erased_at.isoformat()]
    return _mac(key, [*facts, record.counts])


def _mac(key: str, facts: list[Any]) -> str:
    told = json.dumps(facts, sort_keys=True)
    return hmac.new(key.encode(), told.encode(), hashlib.sha256).hexdigest()


def verify_record(record: ErasureRecord) -> bool:
    """Whether a record is as it was written here."""
    return any(hmac.compare_digest(_signature(key, record), record.signature) for key in settings.ML_SIGNING_KEYS)


def was_erased(kind: str, name: str) -> models.QuerySet[ErasureRecord]:
    """Records about this address or key."""
    subjects = [subject_of(key, kind, name) for key in settings.ML_SIGNING_KEYS]
    return ErasureRecord.objects.filter(kind=kind, subject__in=subjects)


@register(Tags.security, deploy=True)
def tokens_have_a_key_of_their_own(**_: Any) -> list[CheckMessage]:
    """Where there are any; here, since what broke off is sealed with the same keys."""
    if settings.CONNECTION_KEYS[0] != settings.SECRET_KEY:
        return []
    try:
        if not Connection.objects.exclude(sealed_token="").exists():
            return []
    except DatabaseError:
        # As below.
        return []
    return [
        Warning(
            "Tokens of trackers are sealed with SECRET_KEY: who learns one secret has both, and changing it loses "
            "every token.",
            hint="Set CONNECTION_KEYS to a key of its own, and until each connection has imported to both: new,old.",
            id="upkeep.W002",
        )
    ]


@register(Tags.compatibility, deploy=True)
def erasures_are_proven(**_: Any) -> list[CheckMessage]:
    """What `./run manage check --deploy` says of what broke off, or is under way."""
    try:
        begun = ErasureRecord.objects.exclude(unfinished=None).order_by("erased_at")
        told = list(begun.values_list("kind", "erased_at", "pk"))
    except DatabaseError:
        # common.E004 says what is wrong, or the migrations are missing.
        return []
    return [
        Warning(
            f"An erasure (of a {kind}, {at:%Y-%m-%d %H:%M} UTC) is not proven yet: it is under way, or it broke off.",
            hint=f"The worker goes on with it every hour, and logs what is left under record={record}; so does the "
            "command that began it, run again.",
            id="upkeep.W001",
        )
        for kind, at, record in told
    ]
