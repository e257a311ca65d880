"""Handing a mail to a real SMTP server: what it holds, what a refusal does, and that a repetition can be told."""

import pytest

from apps.notifications.models import Attempt, Delivery
from apps.notifications.services.announcing import announce
from apps.notifications.services.sending import LEASE, claim
from apps.notifications.tests.factories import news

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(project, lead, mails, now) -> Delivery:
    announce(project, [news(sentence="Überlast in 'Prüfung\r\nBcc: x@example.com'")], now=now)
    return Delivery.objects.get(channel="email")


def test_a_mail_is_plain_text_to_one_person_with_an_id_of_its_own(delivery, lead, mails, work, now):
    work(now)

    [mail] = mails.received
    assert (mail["From"], mail["To"]) == ("Scrum ML <ml@example.com>", lead.user.email)
    # A reader leaves out the blank of the fold before the first word.
    assert mail["Subject"].strip() == "[APOLLO] high: Überlast in 'Prüfung Bcc: x@example.com'"
    assert mail["Message-ID"] == f"<{delivery.id}@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail.get_content_type(), mail["Bcc"]) == ("text/plain", None)
    assert "Severity: high." in mail.get_content()
    assert Delivery.objects.get(channel="email").state == "delivered"


def test_a_mail_that_is_sent_again_is_the_same_mail(delivery, mails, work, now):
    work(now)
    Delivery.objects.filter(pk=delivery.pk).update(state="waiting", finished_at=None)
    work(now + LEASE)

    first, second = mails.received
    assert first.items() == second.items()
    assert first.get_content() == second.get_content()


def test_a_server_that_accepts_and_then_breaks_off_is_not_asked_again(delivery, mails, work, now):
    mails.is_rude = True

    work(now)

    assert (len(mails.received), Delivery.objects.get(pk=delivery.pk).state) == (1, "delivered")


@pytest.mark.parametrize(
    ("reply", "state"), [(b"550 5.1.1 nobody of this name", "failed"), (b"450 4.2.1 not now", "waiting")]
)
def test_a_refusal_that_stays_is_final_and_one_that_passes_is_tried_again(delivery, mails, work, reply, state):
    mails.recipient_reply = reply

    work(delivery.due_at)

    attempt = Attempt.objects.get()
    assert Delivery.objects.get(pk=delivery.pk).state == state
    assert (attempt.status_code, attempt.excerpt) == (int(reply[:3]), reply[4:].decode())


def test_a_mail_server_that_is_down_is_tried_again_and_gets_it_once(delivery, mails, work, now, settings):
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    work(now)
    waiting = Delivery.objects.get(pk=delivery.pk)
    assert (waiting.state, waiting.failure_reason) == (
        "waiting",
        "The mail server cannot be used: ConnectionRefusedError.",
    )

    settings.EMAIL_PORT = port
    work(waiting.due_at)

    assert len(mails.received) == 1


def test_a_line_that_would_become_a_header_is_a_failure_and_no_header(delivery, mails, work, now):
    """Should a line break ever get into a subject: the library refuses, and the others go out."""
    delivery.notification.subject = "One\nBcc: x@example.com"
    delivery.notification.save()

    work(now)

    assert mails.received == []
    assert Delivery.objects.get(pk=delivery.pk).failure_reason.startswith("Internal error (BadHeaderError)")
    assert claim(delivery.id, now=now) is None
