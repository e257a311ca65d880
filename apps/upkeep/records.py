"""The signed records of erasures: written, verified, found by whoever names whom they are about."""

import hashlib
import hmac
import json
import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models

from apps.accounts.mailboxes import mailbox
from apps.upkeep.models import ErasureRecord

logger = logging.getLogger(__name__)

_PURPOSE = "scrum-ml erasure 1"


def new_record(kind: str, name: str, counts: dict[str, int], now: datetime) -> ErasureRecord:
    """Write what stays of an erasure."""
    key = settings.ML_SIGNING_KEYS[0]
    record = ErasureRecord(kind=kind, subject=subject_of(key, kind, name), erased_at=now, counts=counts)
    record.signature = _signature(key, record)
    record.save()
    logger.info("Erased kind=%s record=%s", kind, record.pk)
    return record


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
