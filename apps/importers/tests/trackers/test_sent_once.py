"""A write is sent once: whoever has it repeated looks first, since a person may have written there meanwhile."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from apps.common.exceptions import Conflict
from apps.importers.models import Connection
from apps.importers.sources.client import Client, WriteCutOff, WritePutOff
from apps.importers.tests.trackers.server import Reply, client_of, tracker

FIRST, SECOND, PERSONS = "2026-03-12", "2026-04-13", "2026-05-14"
#: What is not done for a limit, and what nobody knows of.
REPLIES = {
    "429": lambda: Reply(status=429, headers={"Retry-After": "3600"}),
    "403": lambda: Reply(status=403, headers={"Retry-After": "3600"}),
    "503": lambda: Reply({}, 503),
    "cut": lambda: Reply({"ok": "yes"}, cut=True),
}
LIMITS = {"429", "403"}


class Meanwhile(NamedTuple):
    """What is to be done in each pause, and how long those were."""

    then: Callable[[Callable[[], object]], None]
    paused: list[float]


@pytest.fixture
def meanwhile(monkeypatch):
    done, paused = [], []

    def pause(client, seconds):
        paused.append(seconds)
        for each in done:
            each()

    monkeypatch.setattr(Client, "pause", pause)
    return Meanwhile(done.append, paused)


def writes(writing):
    return [each.method for each in writing.served.requests if each.method != "GET"]


@pytest.mark.django_db
@pytest.mark.parametrize("how", REPLIES)
@pytest.mark.parametrize("before", ["", FIRST])
def test_what_a_person_writes_while_we_wait_is_left_alone(before, how, writing, meanwhile):
    if before:
        writing.write(before)
    sent = len(writes(writing))
    writing.answer_writes(REPLIES[how])
    meanwhile.then(lambda: writing.person(PERSONS))

    report = writing.write(SECOND)

    assert (writing.standing, report.written, report.kept) == (PERSONS, 0, [writing.key])
    assert len(writes(writing)) == sent + 1
    if how in LIMITS:
        assert writing.noted == ([before] if before else []), "Nothing was written."
    writing.take_back()
    assert (writing.standing, writing.noted) == (PERSONS, [])


@pytest.mark.django_db
@pytest.mark.parametrize("how", REPLIES)
def test_what_a_person_writes_while_it_is_taken_back_is_left_alone(how, writing, meanwhile):
    writing.write(FIRST)
    writing.answer_writes(REPLIES[how])
    meanwhile.then(lambda: writing.person(PERSONS))

    report = writing.take_back()

    assert (writing.standing, report.kept, writing.noted) == (PERSONS, [writing.key], [])


@pytest.mark.django_db
@pytest.mark.parametrize("how", REPLIES)
def test_what_is_put_off_is_written_after_as_long_as_the_tracker_says(how, writing, meanwhile):
    writing.answer_writes(REPLIES[how])

    report = writing.write(FIRST)

    assert (report.written, writing.standing, writing.noted) == (1, FIRST, [FIRST])
    assert len(writes(writing)) == 2
    assert (meanwhile.paused == [3600]) is (how in LIMITS)


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["503", "cut"])
@pytest.mark.usefixtures("meanwhile")
def test_what_was_done_though_its_answer_was_lost_is_not_sent_again(how, writing):
    writing.answer_writes(REPLIES[how], is_done=True)

    report = writing.write(FIRST)

    assert (report.written, writing.standing, writing.noted, len(writes(writing))) == (1, FIRST, [FIRST], 1)


@pytest.mark.django_db
def test_a_server_that_only_stumbles_is_given_up_and_both_are_ours(writing, meanwhile):
    writing.write(FIRST)
    sent = len(writes(writing))
    writing.answer_writes(REPLIES["503"], times=99)

    [(key, reason)] = writing.write(SECOND).refused

    assert (key, "answered 503" in reason) == (writing.key, True)
    assert (writing.noted, writing.standing, len(writes(writing)) - sent) == ([f"{SECOND} or {FIRST}"], FIRST, 5)
    assert len(meanwhile.paused) == 5


@pytest.mark.django_db
def test_what_is_switched_off_while_we_wait_is_not_written(writing, meanwhile):
    writing.answer_writes(REPLIES["429"])
    meanwhile.then(lambda: Connection.objects.update(is_active=False))

    with pytest.raises(Conflict, match="was changed meanwhile"):
        writing.write(FIRST)

    assert (writing.standing, len(writes(writing))) == ("", 1)


@pytest.mark.parametrize("how", REPLIES)
@pytest.mark.parametrize("write", ["put", "add", "delete"])
def test_the_client_sends_a_write_once(write, how):
    with tracker(lambda request: REPLIES[how]()) as served:
        client = client_of(served)
        with pytest.raises(WritePutOff if how in LIMITS else WriteCutOff) as refused:
            getattr(client, write)("x", *([{}] if write != "delete" else []))
    assert len(served.requests) == 1
    assert refused.value.seconds == (3600 if how in LIMITS else 0)
