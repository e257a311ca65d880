"""Posting to a real receiver: signed, to the checked address only, within a deadline, following nothing."""

import contextlib
import gc
import hashlib
import hmac
import json
import re
import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.notifications.channels import webhook as channel
from apps.notifications.channels.signature import SecretLost, derived_secret, digest_of, secret_with
from apps.notifications.channels.webhook import post
from apps.notifications.models import Attempt, Delivery
from apps.notifications.services.announcing import announce
from apps.notifications.tests.certificate import CERTIFICATE, NAME, server_context
from apps.notifications.tests.factories import WebhookFactory, news, secret_of
from apps.notifications.tests.test_addresses import resolver
from tests.receivers import BAD_SIZES, chunked, speaking, webhook_receiver


def posted(url: str, **fields):
    return post(url, b"{}", {"X-Scrum-ML-Delivery": "1"}, **fields)


# --- What arrives -------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_arrives_is_signed_named_and_what_was_stored(receiver, project, work, now):
    webhook = WebhookFactory(project=project, url=receiver.url)
    announce(project, [news()], now=now)

    assert work(now) == 1

    [got], delivery = receiver.received, Delivery.objects.get()
    fields = dict(part.split("=") for part in got.headers["X-Scrum-ML-Signature"].split(","))
    mac = hmac.new(secret_of(webhook).encode(), f"{fields['t']}.".encode() + got.body, hashlib.sha256)
    assert fields["v1"] == mac.hexdigest()
    assert int(fields["t"]) == now.timestamp()
    assert (got.path, got.headers["X-Scrum-ML-Event"]) == ("/hook?team=1", "anomaly_detected")
    assert got.headers["X-Scrum-ML-Delivery"] == str(delivery.id)
    assert got.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert got.body.decode() == delivery.notification.payload
    content = json.loads(got.body)
    assert (content["severity"], content["project"]["key"], content["url"]) == ("high", "APOLLO", None)
    assert (delivery.state, delivery.attempts, delivery.failure_reason) == ("delivered", 1, "")
    attempt = Attempt.objects.get()
    assert (attempt.delivery, attempt.number, attempt.status_code, attempt.error) == (delivery, 1, 204, "")


# --- Where it goes ------------------------------------------------------------------------------------------------
def test_a_private_address_is_refused_without_a_connection(receiver, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = []

    outcome = posted(receiver.url)

    assert (
        outcome.error
        == "This name leads to an address that may not be reached from here; the operator can allow its network."
    )
    assert receiver.received == []


def test_a_name_that_turns_private_after_its_check_is_never_connected_to(receiver):
    """The name is asked for once; the connection goes to the address that was checked."""
    asked = []

    def turning(host, port, type):
        asked.append(host)
        return resolver("127.0.0.1" if len(asked) == 1 else "10.0.0.1")(host, port, type)

    outcome = posted(f"http://turning.example:{receiver.port}/", resolve=turning)

    assert (outcome.is_delivered, asked) == (True, ["turning.example"])
    assert receiver.received[0].headers["Host"] == f"turning.example:{receiver.port}"
    assert not posted(f"http://turning.example:{receiver.port}/", resolve=turning).is_delivered
    assert len(receiver.received) == 1


def test_a_redirect_is_not_followed(receiver):
    with webhook_receiver() as secret_service:
        receiver.answer = lambda posted: (307, {"Location": secret_service.url}, b"over there")

        outcome = posted(receiver.url)

        assert (outcome.is_delivered, outcome.status_code) == (False, 307)
        assert (outcome.error, outcome.excerpt) == ("The receiver answered 307.", "over there")
        assert secret_service.received == []


def test_of_several_addresses_the_first_that_takes_a_connection_is_used(receiver, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    closed_then_open = resolver("127.0.0.2", "127.0.0.1")

    assert posted(f"http://two.example:{receiver.port}/", resolve=closed_then_open).is_delivered
    assert len(receiver.received) == 1


def test_tls_is_checked_against_the_name_and_not_the_address(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    trusting = ssl.create_default_context(cadata=CERTIFICATE)
    with webhook_receiver(context=server_context()) as receiver:
        here, wrong = (f"https://{name}:{receiver.port}/" for name in (NAME, "other.example"))

        assert posted(here, resolve=resolver("127.0.0.1"), context=trusting).is_delivered
        for url, context in ((wrong, trusting), (here, None)):
            assert (
                posted(url, resolve=resolver("127.0.0.1"), context=context).error
                == "No answer: SSLCertVerificationError."
            )
        assert len(receiver.received) == 1


# --- What comes back ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (b"\x1b[31mno\r\nmore " + b"x" * 10_000_000, "[31mno more"),
        (b"no " * 3_000_000, "no " * 66 + "no"),
        # Where the part that is read ends, and where the excerpt would.
        (b"\n" * 4_080 + b"ask Ann Smithson", "ask Ann"),
        (b"\n" * 1_000 + b"x " * 95 + b"Ann Smithson", "x " * 95 + "Ann"),
    ],
)
def test_of_an_answer_a_short_printable_beginning_is_kept_up_to_the_end_of_a_word(receiver, told, kept):
    receiver.answer = lambda posted: (500, {}, told)

    outcome = posted(receiver.url)

    assert (outcome.status_code, outcome.excerpt) == (500, kept)
    assert len(kept) <= 200


@contextmanager
def raw_server(talk, scheme="http"):
    """A server that says what `talk` sends on each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(5)


def drip(connection) -> None:
    """A header that never ends."""
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)


def drip_handshake(connection) -> None:
    """A record of TLS, one byte of many thousand at a time."""
    with contextlib.suppress(OSError):
        for byte in b"\x16\x03\x03\x3f\xff" + b"\x02" * 16_000:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)


@pytest.mark.parametrize(
    ("talk", "scheme"),
    [(drip, "http"), (lambda connection: time.sleep(0.6), "http"), (drip_handshake, "https")],
    ids=["dripping", "silent", "handshake"],
)
def test_a_slow_answer_ends_at_the_deadline(settings, monkeypatch, talk, scheme):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    monkeypatch.setattr(channel, "ANSWER_SECONDS", 0.3)
    with raw_server(talk, scheme) as url:
        outcome = posted(url)

    assert not outcome.is_delivered
    assert outcome.error.startswith("No answer: ")


@pytest.mark.filterwarnings("error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_socket_stays_open_when_the_receiver_breaks_off(settings, scheme):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]

    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with raw_server(reset, scheme) as url:
        assert posted(url).error.startswith("No answer: ")
    gc.collect()


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 999999 ?\r\n\r\n", b"HTTP/1.1 500 no\r\n"])
def test_what_is_no_answer_is_a_failure_like_any_other(settings, answer):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with raw_server(lambda connection: connection.sendall(answer)) as url:
        assert not posted(url).is_delivered


def test_nobody_listening_is_a_failure(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]

    assert posted("http://127.0.0.1:1/").error == "No answer: ConnectionRefusedError."


# --- Secrets ------------------------------------------------------------------------------------------------------
def test_a_secret_outlives_the_rotation_of_the_servers_key_and_not_its_loss():
    secret = derived_secret("salt", key="old")

    assert secret_with("salt", digest_of(secret), keys=["new", "old"]) == secret
    with pytest.raises(SecretLost):
        secret_with("salt", digest_of(secret), keys=["new"])


def test_every_salt_and_every_key_makes_another_secret():
    assert len({derived_secret(salt, key=key) for salt in ("a", "b") for key in ("c", "d")}) == 4


# --- The other side -----------------------------------------------------------------------------------------------
@pytest.fixture
def is_genuine():
    """The verifier that the documentation gives to receivers."""
    page = (Path(__file__).resolve().parents[3] / "docs/how-to/receive-notifications.md").read_text()
    names: dict = {}
    exec(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1], names)
    return names["is_genuine"]


@pytest.mark.django_db
def test_a_receiver_that_follows_the_documentation_knows_ours_from_anybodys(receiver, project, work, now, is_genuine):
    webhook = WebhookFactory(project=project, url=receiver.url)
    announce(project, [news()], now=now)
    work(now)

    [got], secret = receiver.received, secret_of(webhook)
    given = got.headers["X-Scrum-ML-Signature"]
    soon = now.timestamp() + 2
    assert is_genuine(got.body, given, secret, now=soon)
    assert not is_genuine(got.body + b" ", given, secret, now=soon)
    assert not is_genuine(got.body, given, secret_of(WebhookFactory()), now=soon)
    assert not is_genuine(got.body, given, secret, now=soon + 300)
    assert not is_genuine(got.body, given, secret)
    for forged in ("", "t=,v1=", f"t=1,{given.split(',')[1]}", f"{given.split(',')[0]},v1=", "v1=ü", "t=x,v1=y"):
        assert not is_genuine(got.body, forged, secret, now=soon)


@pytest.mark.parametrize("size", BAD_SIZES)
def test_of_a_chunk_without_a_size_no_byte_is_read_and_the_status_is_told(size, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with speaking(chunked(b"HTTP/1.1 500 X\r\n", size) + b"x" * 100_000) as port:
        outcome = posted(f"http://127.0.0.1:{port}/")

    assert (outcome.is_delivered, outcome.status_code, outcome.excerpt) == (False, 500, "")
    assert outcome.error == "The receiver answered 500."
