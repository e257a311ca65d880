"""Sending what is due: claimed by a conditional UPDATE, tried once, recorded; a dead worker's claim expires.

In the database every delivery is finished exactly once. Over the wire, a worker that dies between sending and recording
leaves a delivery that is sent again, under the same id.
"""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from apps.common.backoff import retry_wait_seconds
from apps.common.operations.database_faults import by_itself
from apps.common.operations.metrics import DELIVERIES
from apps.notifications.channels import SENDERS, Outcome
from apps.notifications.models import Attempt, Channel, Delivery, Webhook
from apps.notifications.selectors import due, may_still_be_told, preference_of
from apps.notifications.waits import FIRST_RETRY_SECONDS, LEASE, LONGEST_RETRY_SECONDS, MAX_ATTEMPTS
from apps.projects.erasures import ERASED_AT, NEVER, is_erased_since
from apps.projects.leads import in_use
from apps.projects.rows import entered

logger = logging.getLogger(__name__)

#: A run begins nothing more after this: what is left comes with the next minute's, and trainings wait for the same
#: worker.
RUN_SECONDS = 20.0
#: A receiver takes far less; who makes us wait longer is asked once a run, so that others come to their turn in it.
SLOW_SECONDS = 2.0
#: News of two days ago are history: what waited behind a receiver that is away gets one try then.
GIVE_UP_AFTER = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
    """A worker's right to one try; worth nothing once the delivery has another."""

    delivery_id: UUID
    attempt: int

    def record(self, **fields: object) -> bool:
        """Write what came of it; False if another worker has taken over, or nobody wants it any more."""
        mine = Delivery.objects.filter(id=self.delivery_id, attempts=self.attempt, state=Delivery.State.WAITING)
        return bool(mine.update(**fields))


def claim(delivery_id: UUID, *, now: datetime) -> DeliveryClaim | None:
    """Begin a delivery that is due; None if another worker has, or it is over."""
    mine = due(now).filter(id=delivery_id)
    if not mine.update(attempts=F("attempts") + 1, due_at=now + LEASE):
        return None
    attempt = Delivery.objects.filter(id=delivery_id).values_list("attempts", flat=True).first()
    return DeliveryClaim(delivery_id, attempt) if attempt else None


#: With the moment that belongs to the texts: one statement reads both.
_ROWS = Delivery.objects.select_related("notification", "user", "webhook").annotate(
    erased_at=F(f"notification__project__{ERASED_AT}")
)
#: Of what the receiver said nothing is kept: it may repeat what it was sent.
_ERASED = "Somebody was erased while it was sent: what came of it is not kept."


def send_due(*, rng: random.Random, clock: Callable[[], datetime] = timezone.now) -> int:
    """Send what is due, oldest first, for `RUN_SECONDS` at most; returns how many deliveries were tried.

    A receiver that fails is left alone for the rest of the run, so that it holds up nobody else; where one is slow,
    failing or not, so are all webhooks that the same person made, since anybody may make as many as they like.
    """
    until = time.monotonic() + RUN_SECONDS
    resting, tried = Q(), 0
    while time.monotonic() < until:
        waiting = due(clock()).exclude(resting) if resting else due(clock())
        delivery_id = waiting.order_by("due_at", "id").values_list("id", flat=True).first()
        if delivery_id is None:
            break
        # Of two workers that look at the same one, the UPDATE lets one have it; the other looks on.
        mine = claim(delivery_id, now=clock())
        delivery = _ROWS.filter(id=delivery_id).first() if mine else None
        if mine and delivery:
            tried += 1
            began = time.monotonic()
            is_open = True
            # What cannot be recorded is tried again once its claim is over, as after a worker that died.
            with by_itself("send_deliveries", delivery):
                is_open = _send(mine, delivery, delivery.erased_at or NEVER, rng=rng, clock=clock)
            is_slow = delivery.channel == Channel.WEBHOOK and time.monotonic() - began > SLOW_SECONDS
            if is_slow or not is_open:
                resting |= _everything_for(delivery)
            if is_slow and delivery.webhook and delivery.webhook.created_by_id:
                resting |= Q(webhook__created_by=delivery.webhook.created_by_id)
    return tried


def _everything_for(delivery: Delivery) -> Q:
    """All that goes the way on which this one failed."""
    if delivery.channel == Channel.WEBHOOK:
        return Q(webhook_id=delivery.webhook_id)
    return Q(channel=delivery.channel)


def _send(
    mine: DeliveryClaim, delivery: Delivery, erased_at: datetime, *, rng: random.Random, clock: Callable[[], datetime]
) -> bool:
    """One try to send what was read when texts had last been erased then; whether the way to the receiver is open."""
    if reason := _why_unwanted(delivery):
        _finish(mine, delivery, Delivery.State.DROPPED, reason, now=clock())
        return True
    if mine.attempt > MAX_ATTEMPTS:
        _finish(mine, delivery, Delivery.State.FAILED, f"Its worker died; given up after {MAX_ATTEMPTS}.", now=clock())
        return True
    started_at, began = clock(), time.monotonic()
    outcome = _tried(delivery, started_at)
    duration_ms = round((time.monotonic() - began) * 1000)
    with transaction.atomic():
        # Gone in, since an erasure waits for who writes there; with the project all of it is gone.
        entered([delivery.notification.project_id])
        if is_erased_since(erased_at, delivery.notification.project_id):
            outcome = replace(outcome, error=_ERASED if outcome.error else "", excerpt="")
        _record(mine, delivery, outcome, rng=rng, now=clock())
        # The webhook may have been deleted meanwhile, with all that was sent there.
        if Delivery.objects.filter(id=delivery.id).exists():
            Attempt.objects.create(
                delivery=delivery,
                number=mine.attempt,
                started_at=started_at,
                duration_ms=duration_ms,
                status_code=outcome.status_code,
                error=outcome.error,
                excerpt=outcome.excerpt,
            )
    return not outcome.is_way_blocked


def _tried(delivery: Delivery, now: datetime) -> Outcome:
    try:
        return SENDERS[delivery.channel](delivery, now)
    except SoftTimeLimitExceeded:
        return Outcome(is_delivered=False, error="It took longer than a worker may take.", is_way_blocked=True)
    except Exception as error:
        # A bug in one delivery must not keep the others waiting: it is tried again, and given up like any other.
        logger.exception("Delivery failed by a bug delivery=%s", delivery.id)
        return Outcome(is_delivered=False, error=f"Internal error ({type(error).__name__}); the log has the details.")


def _why_unwanted(delivery: Delivery) -> str:
    """Looked at just before it is sent: people leave and change their minds while news wait."""
    if delivery.webhook is not None:
        is_wanted = in_use(Webhook.objects.filter(pk=delivery.webhook.pk)).exists()
        return "" if is_wanted else "The webhook was switched off."
    user = delivery.user
    if user is None or not user.is_active:
        return "The account was closed."
    if not may_still_be_told(user, delivery.notification):
        return "The person left the project, or leads it no more."
    if delivery.channel == Channel.EMAIL and not preference_of(user).email:
        return "The person wants no e-mails any more."
    return ""


def _record(mine: DeliveryClaim, delivery: Delivery, outcome: Outcome, *, rng: random.Random, now: datetime) -> None:
    if outcome.is_delivered:
        _finish(mine, delivery, Delivery.State.DELIVERED, "", now=now)
    elif outcome.is_final or mine.attempt >= MAX_ATTEMPTS or now - delivery.created_at >= GIVE_UP_AFTER:
        _finish(mine, delivery, Delivery.State.FAILED, outcome.error, now=now)
    else:
        wait = retry_wait_seconds(
            mine.attempt, first_seconds=FIRST_RETRY_SECONDS, longest_seconds=LONGEST_RETRY_SECONDS, rng=rng
        )
        if mine.record(due_at=now + timedelta(seconds=wait), failure_reason=outcome.error):
            _count(delivery, "retried", outcome.error)


def _finish(mine: DeliveryClaim, delivery: Delivery, state: Delivery.State, reason: str, *, now: datetime) -> None:
    if mine.record(state=state, finished_at=now, failure_reason=reason):
        _count(delivery, state, reason)
    else:
        logger.warning(
            "Delivery was taken over, withdrawn or deleted delivery=%s attempt=%d", mine.delivery_id, mine.attempt
        )


def _count(delivery: Delivery, result: str, reason: str) -> None:
    DELIVERIES.labels(channel=delivery.channel, result=result).inc()
    level = logging.WARNING if result in ("retried", Delivery.State.FAILED) else logging.INFO
    logger.log(
        level,
        "Delivery %s delivery=%s channel=%s attempts=%d reason=%s",
        result, delivery.id, delivery.channel, delivery.attempts, reason or "-",
    )  # fmt: skip
