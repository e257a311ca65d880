"""Mails about an account, sent by a worker: an answer takes as long for unknown addresses as for known ones."""

import logging
from typing import Any
from uuid import uuid4

from axes.models import AccessAttempt
from celery import Task, shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings

from apps.accounts.mails import MailKind, mail_failed, send_mail_to
from apps.accounts.models import LogIn, User
from apps.common.broker import is_handed_over
from apps.common.counters import count
from apps.common.heartbeat import silent
from apps.common.operations.database_faults import by_itself
from apps.common.turns import MinuteShare

logger = logging.getLogger(__name__)
#: Whoever needs more of one kind has other troubles; strangers ask for others from any number of addresses.
MOST_MAILS_AN_HOUR = 5
#: One takes a tenth of a second. For so long a minute, and one mail more, all else that is due waits for a slow server.
SHARE = MinuteShare(seconds=10.0)
#: Two times EMAIL_TIMEOUT: a server that says a word now and then is never silent for so long, and comes to no end.
SOFT_LIMIT_SECONDS = 20
#: A mail is put off nearly as long as its message lives, so that of many at once a healthy server gets all. The last
#: try comes some minutes before the end, for it waits in the queue, too.
LIVES_SECONDS, PUT_OFF_SECONDS = 3_600, 60
MOST_PUT_OFF = LIVES_SECONDS // PUT_OFF_SECONDS - 5


# Nobody asks for a mail again, and no mail outgrows a worker.
@shared_task(
    bind=True,
    max_retries=MOST_PUT_OFF,
    soft_time_limit=SOFT_LIMIT_SECONDS,
    time_limit=3 * SOFT_LIMIT_SECONDS,
    reject_on_worker_lost=True,
)
def send_account_mail(self: "Task[Any, None]", kind: str, person: str) -> None:
    """Write to this person, if there is one who can log in; minutes later where the server has let others wait."""
    user = User.objects.filter(pk=person).first()
    if user is None:
        return
    if SHARE.is_spent:
        if self.request.retries < MOST_PUT_OFF:
            raise self.retry(countdown=PUT_OFF_SECONDS)
        mail_failed(MailKind(kind), user, "The mail server lets others wait.")
        return
    n, _ = count(f"mail:{kind}:{person}", window_seconds=3600, now=timezone.now().timestamp())
    if n > MOST_MAILS_AN_HOUR:
        logger.warning("No more mails this hour kind=%s user=%s", kind, person)
        return
    try:
        with SHARE.spending():
            send_mail_to(MailKind(kind), user.email)
    except SoftTimeLimitExceeded:
        mail_failed(MailKind(kind), user, "It took longer than a mail may take.")


@shared_task(time_limit=300)
def forget_log_ins() -> None:
    """Failed log-ins that count no more, open ones that nobody can renew, and sessions that are over."""
    for step in (_forget_failed, _forget_open, SessionStore.clear_expired):
        with by_itself("forget_log_ins", step):
            step()


def _forget_failed() -> None:
    over = silent("attempt_time", now=timezone.now(), after=settings.AXES_COOLOFF_TIME)
    failed, _ = AccessAttempt.objects.filter(over).delete()
    if failed:
        logger.info("Log-ins that failed were forgotten failed=%d", failed)


def _forget_open() -> None:
    over, _ = LogIn.objects.filter(renewed_at__lt=timezone.now() - api_settings.REFRESH_TOKEN_LIFETIME).delete()
    if over:
        logger.info("Log-ins that nobody can renew were forgotten over=%d", over)


def mail_soon(kind: MailKind, email: str) -> None:
    """Have a worker write it. Without a broker it is lost, which is logged; whoever waits for it asks again.

    A message names nobody: where it lies an erasure does not reach. For an unknown address goes one like any other.
    """
    person = User.objects.with_email(email).values_list("pk", flat=True).first() or uuid4()
    if not is_handed_over(send_account_mail, kind.value, str(person), expires=LIVES_SECONDS):
        logger.warning("A mail could not be queued kind=%s", kind.value)
