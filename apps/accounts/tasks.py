"""Mails about an account, sent by a worker: an answer takes as long for unknown addresses as for known ones."""

import logging

from celery import shared_task

from apps.accounts.mails import MailKind, send_mail_to
from apps.common.broker import BROKER_FAULTS

logger = logging.getLogger(__name__)


@shared_task(time_limit=60)
def send_account_mail(kind: str, email: str) -> None:
    """Write to this address, if somebody who can log in has it."""
    send_mail_to(MailKind(kind), email)


def mail_soon(kind: MailKind, email: str) -> None:
    """Have a worker write it. Without a broker it is lost, which is logged; whoever waits for it asks again."""
    try:
        send_account_mail.apply_async((kind.value, email), retry=False, expires=3600)
    except BROKER_FAULTS as error:
        logger.warning("A mail could not be queued kind=%s: %s", kind.value, type(error).__name__)
