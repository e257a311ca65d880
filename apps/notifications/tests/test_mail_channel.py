"""Handing a mail to a real SMTP server: what it holds, what a refusal does, and that a repetition can be told."""

import random
import smtplib

import pytest
from django.core.mail.backends.smtp import EmailBackend

from apps.notifications.models import Attempt, Delivery
from apps.notifications.services.announcing import announce
from apps.notifications.services.sending import claim, send_due
from apps.notifications.tests.factories import news
from apps.notifications.waits import LEASE
from apps.projects.tests.factories import TeamMemberFactory

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


def saying(to: bytes, reply: bytes):
    """A server that answers lines which begin like this in its own way; an empty one is the greeting."""
    return lambda line: reply if (line.upper().startswith(to) if to else not line) else None


@pytest.mark.parametrize("to", [b"RCPT", b"."])
@pytest.mark.parametrize(("reply", "state"), [(b"550 5.1.1 no such thing", "failed"), (b"450 4.2.1 later", "waiting")])
def test_a_mail_that_is_refused_is_given_up_or_tried_again_as_the_server_says(delivery, mails, to, reply, state):
    mails.reply = saying(to, reply)

    send_due(rng=random.Random(0), clock=lambda: delivery.due_at)

    attempt = Attempt.objects.get()
    assert Delivery.objects.get(pk=delivery.pk).state == state
    assert (attempt.status_code, attempt.excerpt) == (int(reply[:3]), reply[4:].decode())


@pytest.mark.parametrize("to", [b"", b"MAIL", b"EHLO"])
def test_a_server_that_refuses_us_loses_no_mail_however_finally_it_says_so(delivery, mails, work, now, to):
    announce(delivery.notification.project, [news("anomaly:2")], now=now)
    mails.reply = lambda line: saying(to, b"554 5.7.1 not you")(line) or saying(b"HELO", b"554 no")(line)

    assert work(now) == 1
    assert set(Delivery.objects.filter(channel="email").values_list("state", flat=True)) == {"waiting"}

    mails.reply = saying(b"none", b"")
    work(now + LEASE)
    assert len(mails.received) == 2


def test_one_person_whose_mail_is_put_off_holds_up_no_other(project, people, mails, work, now):
    TeamMemberFactory.create_batch(3, project=project, role="lead")
    announce(project, [news()], now=now)
    mails.reply = saying(f"RCPT TO:<{people['lead'].email}>".upper().encode(), b"450 4.7.1 greylisted")

    assert work(now) == 4

    assert len(mails.received) == 3


def test_news_go_to_their_own_host_and_who_is_reached_by_none_holds_up_nobody(project, people, mails, work, now):
    for email in ("kim@\u212aelvin.example", "kim@stra\u00dfe.example"):
        TeamMemberFactory(project=project, role="lead", user__email=email)
    announce(project, [news()], now=now)

    assert work(now) == 3

    assert {mail["To"] for mail in mails.received} == {people["lead"].email, "kim@xn--strae-oqa.example"}
    [failed] = Delivery.objects.filter(state="failed")
    assert failed.user.email == "kim@\u212aelvin.example"
    assert (failed.attempts, failed.failure_reason) == (1, Attempt.objects.get(delivery=failed).error)
    assert "no host has" in failed.failure_reason


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


def test_a_server_whose_challenge_nobody_can_read_is_asked_once_a_run(delivery, mails, work, now, settings):
    announce(delivery.notification.project, [news("anomaly:2")], now=now)
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ml", "secret"
    greeting = saying(b"EHLO", b"250-x\r\n250 AUTH CRAM-MD5")
    mails.reply = lambda line: greeting(line) or saying(b"AUTH", b"334 a")(line)

    assert work(now) == 1

    [attempt] = Attempt.objects.all()
    assert attempt.error == "The mail server cannot be used: binascii.Error."


def test_a_line_that_would_become_a_header_is_a_failure_and_no_header(delivery, mails, work, now):
    """Should a line break ever get into a subject: the library refuses, and the others go out."""
    delivery.notification.subject = "One\nBcc: x@example.com"
    delivery.notification.save()

    work(now)

    assert mails.received == []
    assert Delivery.objects.get(pk=delivery.pk).failure_reason.startswith("Internal error (")
    assert claim(delivery.id, now=now) is None


def test_a_mail_server_that_answers_without_a_code_fails_one_attempt(delivery, work, now, monkeypatch):
    def refuse(self, message):
        # What the library makes of a line that begins with no number.
        raise smtplib.SMTPDataError(-1, b"\x00\xff no")

    monkeypatch.setattr(EmailBackend, "_send", refuse)
    work(now)

    [attempt] = Attempt.objects.filter(delivery__channel="email")
    assert (attempt.status_code, attempt.excerpt) == (None, "\ufffd no")
    assert Delivery.objects.get(channel="email").state == "waiting"
