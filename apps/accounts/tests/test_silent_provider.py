"""A provider of single sign-on that is silent, slow or endless: few wait, for a short time, and nobody else does."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from apps.accounts.single_sign_on import provider as provider_module
from apps.accounts.single_sign_on.provider import MOST_AT_ONCE, ProviderFault, addresses
from apps.accounts.tests.test_single_sign_on import START, to_the_provider_and_back, who_is_in

DISCOVERY = "/.well-known/openid-configuration"
PATHS = [DISCOVERY, "/token", "/jwks", "/userinfo"]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#: Longer than any test waits for the end of a log-in.
FOR_EVER_SECONDS = 600


def dripping(beginning: bytes) -> Callable[[BinaryIO], None]:
    """A piece before each read of the socket gives up, for ever."""

    def talk(sent: BinaryIO) -> None:
        sent.write(beginning)
        while True:
            sent.write(b" ")
            sent.flush()
            time.sleep(0.05)

    return talk


SLOW = {
    "silent": lambda sent: time.sleep(FOR_EVER_SECONDS),
    "body": dripping(HEAD + b"Content-Length: 200000\r\n\r\n"),
    "endless body": dripping(HEAD + b"\r\n"),
    "header": dripping(HEAD + b"X: "),
}


@pytest.fixture
def slowness_is_remembered(monkeypatch):
    monkeypatch.setattr(provider_module, "SILENT_SECONDS", 600.0)


@pytest.mark.django_db
@pytest.mark.usefixtures("slowness_is_remembered")
@pytest.mark.parametrize("how", SLOW)
@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_does_not_end_ends_the_log_in_and_is_not_waited_for_again(client, provider, ada, path, how):
    way_back = "" if path == DISCOVERY else to_the_provider_and_back(client)
    provider.talks[path] = SLOW[how]

    with pytest.MonkeyPatch.context() as impatient:
        impatient.setattr(provider_module, "EXCHANGE_SECONDS", 0.5)
        answer = client.get(way_back or START, follow=True)

    assert answer.redirect_chain == [("/login/", 302)]
    assert "Single sign-on did not work" in answer.content.decode()
    assert who_is_in(client) is None
    provider.talks.clear()
    provider.asked.clear()
    assert client.get(to_the_provider_and_back(client) if way_back else START)["Location"] == "/login/"
    assert [asked for asked in provider.asked if asked != "/authorize"] == [], "Not so soon."
    provider_module._silent_until.clear()
    client.get(to_the_provider_and_back(client))
    assert who_is_in(client) == ada


@pytest.mark.django_db
@pytest.mark.parametrize("begun", [b"\r\n", b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"])
@pytest.mark.parametrize("path", PATHS)
def test_of_an_endless_answer_a_little_is_read(client, provider, ada, path, begun):
    way_back = "" if path == DISCOVERY else to_the_provider_and_back(client)
    sent_bytes = 0
    ended = threading.Event()

    def pour(sent: BinaryIO) -> None:
        nonlocal sent_bytes
        sent.write(HEAD + begun)
        try:
            for _ in range(300):
                sent.write(b" " * 2**20)
                sent_bytes += 2**20
        finally:
            ended.set()

    provider.talks[path] = pour

    assert client.get(way_back or START)["Location"] == "/login/"

    assert ended.wait(30)
    assert sent_bytes < 32 * 2**20, "What was not read lies in the buffers of two sockets."


def test_of_many_at_once_two_wait_for_a_silent_provider(provider, monkeypatch):
    may_answer = threading.Event()
    monkeypatch.setattr(provider_module, "EXCHANGE_SECONDS", 60.0)
    provider.talks[DISCOVERY] = lambda sent: may_answer.wait(60)
    told = threading.Semaphore(0)

    def ask() -> str:
        try:
            addresses()
        except ProviderFault as fault:
            told.release()
            return str(fault)
        return ""

    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(ask) for _ in range(12)]
        try:
            assert all(told.acquire(timeout=30) for _ in range(12 - MOST_AT_ONCE)), "They are told at once."
        finally:
            may_answer.set()
        answers = [each.result() for each in asked]

    assert answers.count("Too many others wait for the provider.") == 12 - MOST_AT_ONCE
    assert provider.asked == [DISCOVERY] * MOST_AT_ONCE


@pytest.mark.django_db
def test_who_finds_no_place_comes_again_with_the_same_code_and_is_let_in(client, provider, ada, monkeypatch):
    places = threading.BoundedSemaphore(1)
    monkeypatch.setattr(provider_module, "_places", places)
    way_back = to_the_provider_and_back(client)
    places.acquire()

    waiting = client.get(way_back)

    assert (waiting.status_code, waiting["Refresh"]) == (503, "1")
    assert who_is_in(client) is None
    places.release()
    client.get(way_back)
    assert who_is_in(client) == ada


@pytest.mark.django_db
def test_what_the_provider_refuses_at_once_closes_the_door_to_nobody(client, provider, ada):
    other = Client()
    way_back = to_the_provider_and_back(other)
    other.get(way_back.replace("code=", "code=x"))
    provider.talks["/token"] = lambda sent: None
    other.get(to_the_provider_and_back(other))
    provider.talks.clear()

    client.get(to_the_provider_and_back(client))

    assert who_is_in(client) == ada


@pytest.mark.django_db
def test_a_session_that_ends_while_the_provider_is_asked_leads_to_the_log_in(client, provider, ada):
    back = to_the_provider_and_back(client)

    def end_it(execute, sql, *told):
        if sql.startswith("UPDATE"):
            Session.objects.all().delete()
        return execute(sql, *told)

    with connection.execute_wrapper(end_it):
        answer = client.get(back)

    assert (answer.status_code, answer["Location"], who_is_in(client)) == (302, "/login/", None)
