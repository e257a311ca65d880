"""Mails go to the mailbox that an address is by our rule, or nowhere: told by a real server, as it is asked."""

import logging

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.accounts.mailboxes import mailbox
from apps.accounts.mails import MailKind, send_mail_to
from apps.accounts.models import User
from apps.accounts.posting import NoSuchHost, Unreachable, message_to, posted
from apps.accounts.tests.factories import PASSWORD
from apps.common.operations.metrics import DELIVERIES
from tests.receivers import mail_server

#: An address, and what a mail server is told.
REACHED = {
    "kim@example.com": "kim@example.com",
    " Kim.Smith+1@EXAMPLE.com": "kim.smith+1@example.com",
    "kim@localhost": "kim@localhost",
    "kim@[127.0.0.1]": "kim@[127.0.0.1]",
    '"kim smith"@example.com': '"kim smith"@example.com',
    "kim@stra\u00dfe.example": "kim@xn--strae-oqa.example",
    "kim@XN--STRAE-OQA.example": "kim@xn--strae-oqa.example",
    "kim@strasse.example": "kim@strasse.example",
    "nik@\u03bd\u03af\u03ba\u03bf\u03c2.example": "nik@xn--kxawhkp.example",
    "nik@\u03bd\u03af\u03ba\u03bf\u03c3.example": "nik@xn--kxawhku.example",
    "sam@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example": "sam@xn--mgba3gch31f060k.example",
    "kim@MU\u0308LLER.a_b.example": "kim@xn--mller-kva.a_b.example",
    "kim@\u4f8b\u3048.\u30c6\u30b9\u30c8": "kim@xn--r8jz45g.xn--zckzah",
}
#: Hosts whose letters no host has: other programs take most of them for English ones.
NO_HOSTS = [
    "kim@\u212aelvin.example",  # sign of Kelvin
    "kim@xn--elvin-r74b.example",  # the same
    "kim@\u017ftreet.example",  # long s
    "kim@\uff45xample.com",  # full width
    "kim@example\u3002com",  # a dot of Chinese
    "kim@stra\u1e9ee.example",  # capital sharp s
    "kim@exam\u00adple.com",  # a hyphen that is not seen
    "kim@a\u200db.example",  # a joiner that joins nothing
    "kim@\u0456" + "x" * 70 + ".example",  # longer than a name of name servers
]
#: What Django would write to somebody else, or cannot write at all.
NO_NAMES = ["zo\u00eb@example.com", '"kim"@example.com', "kim(smith)@example.com", "kim@", "", "a@b@c"]


@pytest.fixture
def server(settings):
    """A real mail server, which the settings name."""
    with mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        settings.DEFAULT_FROM_EMAIL = "Scrum ML <ml@example.com>"
        yield server


@pytest.fixture
def told(server):
    """What it is asked to bring where."""
    lines = []
    server.reply = lambda line: lines.append(line.decode().strip())
    return lambda word: [line.partition(":")[2] for line in lines if line.upper().startswith(word)]


@pytest.mark.parametrize(("address", "written"), REACHED.items())
def test_a_server_is_told_the_mailbox_that_the_address_is(told, address, written):
    message_to(address, subject="s", body="b").send()

    assert told("RCPT") == [f"<{written}>"]
    assert mailbox(written) == mailbox(address)


@pytest.mark.parametrize("address", NO_HOSTS)
def test_a_host_that_is_none_gets_no_mail(address):
    with pytest.raises(NoSuchHost, match="IDNA 2008"):
        posted(address)


@pytest.mark.parametrize("address", NO_NAMES)
def test_what_would_be_changed_on_the_way_gets_no_mail(address):
    with pytest.raises(Unreachable):
        posted(address)


def test_whatever_character_a_host_has_its_mail_goes_nowhere_else():
    for code in range(0x80, 0x2200):
        address = f"kim@x{chr(code)}y.example"
        try:
            written = posted(address)
        except Unreachable:
            continue
        assert written.isascii()
        assert mailbox(written) == mailbox(address)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", MailKind)
def test_a_code_goes_to_its_own_host_and_what_reaches_nobody_is_told_to_the_operator(told, settings, caplog, kind):
    settings.OIDC_ISSUER = ""
    strasse, kelvin = (
        User.objects.create_user(email, PASSWORD) for email in ("kim@stra\u00dfe.example", "kim@\u212aelvin.example")
    )
    for other in ("kim@strasse.example", "kim@kelvin.example"):
        User.objects.create_user(other, PASSWORD)
    failed = DELIVERIES.labels(channel="email", result="failed")
    before = failed._value.get()

    with caplog.at_level(logging.WARNING):
        for user in (strasse, kelvin):
            send_mail_to(kind, user.email)

    assert told("RCPT") == ["<kim@xn--strae-oqa.example>"]
    assert failed._value.get() == before + 1
    assert f"Mail failed kind={kind} user={kelvin.pk} reason=No mail is sent to this address" in caplog.text
    assert kelvin.email not in caplog.text


def test_what_comes_back_goes_to_the_senders_own_host(told, settings):
    settings.DEFAULT_FROM_EMAIL = "Scrum \u00fcber ML <ml@stra\u00dfe.example>"

    message_to("kim@example.com", subject="s", body="b").send()

    assert told("MAIL")[0].startswith("<ml@xn--strae-oqa.example>")
    settings.DEFAULT_FROM_EMAIL = "ml@\u212aelvin.example"
    with pytest.raises(ImproperlyConfigured, match="DEFAULT_FROM_EMAIL"):
        message_to("kim@example.com", subject="s", body="b")


#: What a server answers to what, and what the operator is told of it.
REFUSALS = {
    "the address": ({b"RCPT": b"550 no such ann@example.org"}, "The mail server answered 550."),
    "the text": ({b".": b"554 of ann@example.org nothing"}, "The mail server answered 554."),
    "the sender": ({b"MAIL": b"451 later, ann@example.org"}, "The mail server answered 451."),
    "us": ({b"": b"554 ann@example.org who"}, "The mail server answered 554."),
    "every word": (
        {b"EHLO": b"250-x\r\n250 AUTH CRAM-MD5", b"AUTH": b"334 a"},
        "The mail server cannot be used: binascii.Error.",
    ),
    "any reply": ({b"RCPT": b"what"}, "The mail server answered -1."),
}


@pytest.mark.django_db
@pytest.mark.parametrize("refused", REFUSALS)
def test_a_mail_that_a_server_refuses_is_told_by_type_and_code_and_quotes_nobody(server, settings, caplog, refused):
    replies, reason = REFUSALS[refused]
    server.reply = lambda line: next(
        (reply for word, reply in replies.items() if (line.upper().startswith(word) if word else not line)), None
    )
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = ("ml", "secret") if b"AUTH" in replies else ("", "")
    user = User.objects.create_user("ann@example.org", PASSWORD)
    failed = DELIVERIES.labels(channel="email", result="failed")
    before = failed._value.get()

    send_mail_to(MailKind.RESET, user.email)

    assert failed._value.get() == before + 1
    assert f"Mail failed kind=reset user={user.pk} reason={reason}" in caplog.text
    assert "ann@" not in caplog.text


@pytest.mark.django_db
def test_a_server_that_is_away_is_told_too(server, settings, caplog):
    settings.EMAIL_PORT = 1
    user = User.objects.create_user("ann@example.org", PASSWORD)

    send_mail_to(MailKind.RESET, user.email)

    assert "reason=The mail server cannot be used: ConnectionRefusedError." in caplog.text
