"""The outbox is emptied: each delivery finished once, tried again where it failed, given up in the end."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event

import pytest
from django.db import connection, connections
from django.utils import timezone

from apps.accounts.tests.factories import UserFactory
from apps.notifications.channels import SENDERS, Outcome
from apps.notifications.models import Attempt, Channel, Delivery
from apps.notifications.selectors import longest_overdue_seconds
from apps.notifications.services import sending
from apps.notifications.services.announcing import announce, withdraw
from apps.notifications.services.inbox import choose
from apps.notifications.services.sending import GIVE_UP_AFTER, claim, send_due
from apps.notifications.tests.factories import WebhookFactory, news
from apps.notifications.waits import HARD_LIMIT_SECONDS, LEASE, MAX_ATTEMPTS, SOFT_LIMIT_SECONDS
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def webhook(project, receiver):
    return WebhookFactory(project=project, url=receiver.url)


@pytest.fixture
def delivery(webhook, now) -> Delivery:
    """One that is due."""
    announce(webhook.project, [news()], now=now)
    return Delivery.objects.get()


def state(delivery: Delivery) -> tuple[str, int]:
    delivery.refresh_from_db()
    return delivery.state, delivery.attempts


# --- Trying again -------------------------------------------------------------------------------------------------
def test_a_receiver_that_was_down_for_a_while_gets_it_once_with_the_same_bytes(receiver, delivery, work, now):
    receiver.answer = lambda posted: (503, {}, b"later")
    assert work(now) == 1
    assert state(delivery) == ("waiting", 1)
    assert (delivery.failure_reason, now < delivery.due_at) == ("The receiver answered 503.", True)
    assert work(now) == 0

    receiver.answer = lambda posted: (200, {}, b"")
    assert work(delivery.due_at) == 1
    assert work(now + timedelta(days=1)) == 0

    assert state(delivery) == ("delivered", 2)
    first, second = receiver.received
    assert first.body == second.body
    assert receiver.ids() == [str(delivery.id)] * 2
    assert list(Attempt.objects.values_list("number", "status_code", "excerpt")) == [(1, 503, "later"), (2, 200, "")]


def test_waits_double_from_half_a_minute_to_six_hours_and_end_after_a_day(receiver, delivery, now, work):
    receiver.answer = lambda posted: (500, {}, b"")
    moment, waits = now, []
    while state(delivery)[0] == "waiting":
        waits.append((delivery.due_at - moment).total_seconds())
        moment = delivery.due_at
        work(moment)

    assert state(delivery) == ("failed", MAX_ATTEMPTS)
    assert delivery.failure_reason == "The receiver answered 500."
    assert all(15 * 2**n <= wait <= 30 * 2**n for n, wait in enumerate(waits[1:10]))
    assert max(waits) <= 6 * 3600
    assert timedelta(hours=12) < moment - now < GIVE_UP_AFTER
    assert Attempt.objects.count() == MAX_ATTEMPTS


def test_what_is_older_than_two_days_gets_one_try(receiver, delivery, work, now):
    receiver.answer = lambda posted: (500, {}, b"")

    work(now + GIVE_UP_AFTER)

    assert state(delivery) == ("failed", 1)


def test_a_receiver_that_fails_rests_for_the_run_and_holds_up_nobody_else(project, receiver, webhook, work, now):
    WebhookFactory(project=project, url=receiver.url.replace("team=1", "team=2"))
    announce(project, [news(f"anomaly:{n}") for n in range(3)], now=now)
    receiver.answer = lambda posted: (500 if "team=1" in posted.path else 200, {}, b"")

    assert work(now) == 4

    assert [posted.path for posted in receiver.received].count("/hook?team=1") == 1
    assert Delivery.objects.filter(state="delivered").count() == 3


@pytest.mark.parametrize("status", [200, 500])
def test_whose_receivers_are_slow_is_asked_once_a_run_and_holds_up_nobody_else(
    receiver, work, now, status, monkeypatch
):
    monkeypatch.setattr(sending, "SLOW_SECONDS", 0.05)
    stranger = UserFactory(is_superuser=True)
    slow = [
        WebhookFactory(url=receiver.url.replace("team=1", f"slow={number}"), created_by=stranger) for number in range(6)
    ]
    for webhook in slow:
        announce(webhook.project, [news()], now=now - timedelta(hours=1))
    other = WebhookFactory(url=receiver.url.replace("team=1", "other"))
    announce(other.project, [news()], now=now)
    Delivery.objects.exclude(channel=Channel.WEBHOOK).delete()
    wait = Event()
    receiver.answer = lambda posted: (
        (status, {}, str(wait.wait(0.2)).encode()) if "slow" in posted.path else (200, {}, b"")
    )

    assert work(now) == 2

    assert Delivery.objects.get(webhook=other).state == "delivered"
    assert Delivery.objects.filter(webhook__in=slow, attempts=0).count() == 5


def test_a_bug_in_one_delivery_is_written_down_and_the_others_go_out(delivery, mails, work, now, monkeypatch):
    project = delivery.notification.project
    TeamMemberFactory(project=project, role="lead")
    announce(project, [news("anomaly:2")], now=now)

    def broken(*_: object) -> Outcome:
        raise ZeroDivisionError("with a secret in it")

    monkeypatch.setitem(SENDERS, Channel.WEBHOOK, broken)

    work(now)

    posts = Delivery.objects.filter(channel="webhook").values_list("state", "attempts", "failure_reason")
    assert set(posts) == {("waiting", 1, "Internal error (ZeroDivisionError); the log has the details.")}
    assert len(mails.received) == 1


# --- Nobody wants it any more -------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["left", "inactive", "chose"])
def test_who_left_lost_the_account_or_chose_otherwise_while_it_waited_gets_nothing(lead, mails, work, now, how):
    announce(lead.project, [news()], now=now)
    if how == "left":
        lead.delete()
    elif how == "chose":
        choose(lead.user, email=False)
    else:
        lead.user.is_active = False
        lead.user.save()

    work(now)

    assert mails.received == []
    mail = Delivery.objects.get(channel="email")
    assert (mail.state, bool(mail.failure_reason)) == ("dropped", True)


def test_a_webhook_that_was_switched_off_gets_nothing(receiver, webhook, delivery, work, now):
    webhook.is_active = False
    webhook.save()

    work(now)

    assert (receiver.received, state(delivery)) == ([], ("dropped", 1))


def test_a_webhook_that_was_deleted_while_it_was_posted_to_leaves_nothing_behind(
    receiver, webhook, delivery, work, now
):
    def deleted(*_: object) -> Outcome:
        webhook.delete()
        return Outcome(is_delivered=True, status_code=204)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SENDERS, Channel.WEBHOOK, deleted)
        assert work(now) == 1

    assert not Delivery.objects.exists()
    assert not Attempt.objects.exists()


def test_what_was_taken_back_is_not_sent(receiver, delivery, work, now):
    withdraw(delivery.notification.project_id, "anomaly:1", now=now)

    assert (work(now), receiver.received) == (0, [])


# --- Claims -------------------------------------------------------------------------------------------------------
def test_what_a_worker_has_begun_no_other_begins_until_the_lease_is_over(delivery, work, now):
    assert claim(delivery.id, now=now)

    assert claim(delivery.id, now=now) is None
    assert work(now + LEASE - timedelta(seconds=1)) == 0
    assert work(now + LEASE) == 1
    assert state(delivery) == ("delivered", 2)


@pytest.mark.parametrize("attempts", [0, 1, 2, 5])
def test_what_waits_for_a_moment_of_a_clock_that_was_ahead_is_sent_when_it_is_set_back(
    receiver, webhook, work, now, attempts
):
    ahead = now + timedelta(hours=1)
    announce(webhook.project, [news()], now=ahead)
    delivery = Delivery.objects.get()
    receiver.answer = lambda posted: (503, {}, b"later")
    for _ in range(attempts):
        assert work(ahead) == 1
        delivery.refresh_from_db()
        ahead = delivery.due_at
    # The last wait is what is left of it.
    receiver.answer = lambda posted: (200, {}, b"")

    assert work(now) == 1
    assert state(delivery) == ("delivered", attempts + 1)
    assert longest_overdue_seconds(now) == 0.0


def test_the_claim_of_a_clock_that_was_ahead_is_over_when_it_is_set_back(delivery, work, now):
    assert claim(delivery.id, now=now + timedelta(minutes=10))

    assert longest_overdue_seconds(now) == 0.0
    assert work(now) == 1
    assert state(delivery) == ("delivered", 2)


def test_a_worker_that_comes_back_from_the_dead_changes_nothing(delivery, work, now):
    dead = claim(delivery.id, now=now)
    work(now + LEASE)

    assert not dead.record(state="failed", finished_at=now)
    assert state(delivery) == ("delivered", 2)


def test_a_lease_outlives_every_worker_that_may_hold_it():
    assert SOFT_LIMIT_SECONDS < HARD_LIMIT_SECONDS < LEASE.total_seconds()
    assert sending.RUN_SECONDS + 3 * 3 + 10 < SOFT_LIMIT_SECONDS


def test_a_delivery_that_kills_its_workers_is_given_up(receiver, delivery, work, now):
    for n in range(MAX_ATTEMPTS):
        claim(delivery.id, now=now + n * LEASE)

    work(now + MAX_ATTEMPTS * LEASE)

    assert state(delivery) == ("failed", MAX_ATTEMPTS + 1)
    assert receiver.received == []


@pytest.mark.skipif(connection.vendor == "sqlite", reason="tests/test_outbox_worker.py has it with processes")
@pytest.mark.django_db(transaction=True)
def test_workers_at_once_send_each_delivery_once(project, receiver, webhook):
    announce(project, [news(f"anomaly:{n}") for n in range(12)], now=timezone.now())
    together = Barrier(4)

    def work_at_once(seed: int) -> int:
        try:
            together.wait(timeout=10)
            return send_due(rng=random.Random(seed))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        tried = list(pool.map(work_at_once, range(4)))

    assert sum(tried) == 12
    assert len(receiver.ids()) == len(set(receiver.ids())) == 12
    assert set(Delivery.objects.values_list("state", "attempts")) == {("delivered", 1)}
