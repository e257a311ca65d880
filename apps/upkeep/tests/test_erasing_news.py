"""News of what was read before somebody was erased are not written after it, nor what a receiver says of them."""

import json
import random
from functools import partial
from typing import Any

import pytest
from django.db import connection

from apps.accounts.tests.factories import UserFactory
from apps.ml.models import AnomalyDetection
from apps.ml.services import AnomalyDetectionService, anomaly_service
from apps.notifications.channels import SENDERS, Outcome
from apps.notifications.channels.outcome import excerpt_of
from apps.notifications.models import Attempt, Channel, Delivery, Event, Notification, Webhook
from apps.notifications.services.announcing import News, announce, ping
from apps.notifications.services.sending import send_due
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.demo import story
from apps.projects.erasures import NEVER, ErasedMeanwhile
from apps.projects.models import Issue, Project, Sprint
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.upkeep import erasing
from apps.upkeep.erasing import erase_person
from apps.upkeep.models import ErasureRecord
from apps.upkeep.texts import found_in_database
from tests.at_once import in_the_midst_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ada@example.com", "Ada Lovelace"
NAMED = f"Ask {NAME} {EMAIL}"
#: A project keeps the name of somebody, and not the address.
CALLED = f"Team of {EMAIL}"
#: What is asked between the reading and the writing, by who tells the news.
READERS = {"sprints": "sprint_risks", "anomalies": "project_snapshot"}
on_postgresql = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer")


def said(**fields: Any) -> News:
    return News(**{"event": Event.SPRINT_AT_RISK, "severity": "high", "about": "a", "topic": "t"} | fields)


@pytest.fixture
def webhook():
    """Of a project that is called by the address, led by who made it."""
    project = ProjectFactory(name=CALLED)
    TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME))
    return WebhookFactory(project=project, created_by=TeamMemberFactory(project=project, role="lead").user)


@pytest.fixture
def team(now, monkeypatch):
    """Some months of work, of which there is something to tell."""
    monkeypatch.setattr(story, "COMPLETED_SPRINTS", 8)
    project, _ = story.seed_demo_team(now=now)
    TeamMemberFactory(project=project, role="lead")
    TeamMemberFactory(project=project, user=UserFactory(email=EMAIL, full_name=NAME))
    running = project.sprints.get(status="active")
    Sprint.objects.filter(pk=running.pk).update(name=NAMED)
    Issue.objects.filter(sprint=running).update(title=NAMED)
    Project.objects.filter(pk=project.pk).update(name=CALLED)
    project.refresh_from_db()
    return project


@pytest.fixture
def look(team, now):
    """By what is told: how many news there are."""
    service = AnomalyDetectionService()
    return {
        "sprints": lambda: service.watch_sprints(team, now=now),
        "anomalies": lambda: len(service.detect_project_anomalies(team.pk, now=now)),
    }


@pytest.mark.parametrize("what", READERS)
def test_news_of_what_was_read_before_an_erasure_are_told_anew(look, now, monkeypatch, what):
    true_read, done = getattr(anomaly_service, READERS[what]), []

    def read(*args: Any, **kwargs: Any) -> Any:
        found = true_read(*args, **kwargs)
        if not done:
            done.append(erase_person(EMAIL, now=now))
        return found

    monkeypatch.setattr(anomaly_service, READERS[what], read)

    n_new = look[what]()

    assert (len(done), found_in_database([EMAIL, NAME])) == (1, {})
    assert n_new == Notification.objects.count() > 0


@pytest.mark.parametrize("what", READERS)
def test_where_somebody_is_erased_again_and_again_nothing_is_told(look, now, monkeypatch, what):
    true_read, moments = getattr(anomaly_service, READERS[what]), []

    def read(*args: Any, **kwargs: Any) -> Any:
        found = true_read(*args, **kwargs)
        moments.append(now.replace(microsecond=len(moments) + 1))
        erasing.forget_what_was_read(moments[-1])
        return found

    monkeypatch.setattr(anomaly_service, READERS[what], read)

    with pytest.raises(ErasedMeanwhile):
        look[what]()

    assert len(moments) == 3
    assert not Notification.objects.exists()
    assert not AnomalyDetection.objects.exists()


def test_a_test_of_a_webhook_calls_the_project_as_it_is_called_by_then(webhook, now):
    read_before = Webhook.objects.select_related("project").get(pk=webhook.pk)
    erase_person(EMAIL, now=now)

    ping(read_before, now=now)

    assert found_in_database([EMAIL, NAME]) == {}
    assert Notification.objects.count() == 1


def answering(monkeypatch: pytest.MonkeyPatch, *, before: Any = lambda: None, is_delivered: bool = False) -> list[str]:
    """A receiver that repeats what it was sent, once something was done; what it was sent."""
    sent: list[str] = []

    def answer(delivery: Delivery, _: Any) -> Outcome:
        sent.append(json.loads(delivery.notification.payload)["text"])
        before()
        if is_delivered:
            return Outcome(is_delivered=True, status_code=200)
        told = f"No channel: {sent[-1]}"
        return Outcome(is_delivered=False, status_code=500, error=told, excerpt=excerpt_of(told.encode()))

    monkeypatch.setitem(SENDERS, Channel.WEBHOOK, answer)
    return sent


@pytest.mark.parametrize("is_delivered", [False, True])
def test_what_a_receiver_says_of_what_was_erased_meanwhile_is_not_kept(webhook, now, monkeypatch, is_delivered):
    announce(webhook.project, [said(sentence=NAMED)], now=now)
    sent = answering(monkeypatch, before=partial(erase_person, EMAIL, now=now), is_delivered=is_delivered)

    send_due(rng=random.Random(0), clock=lambda: now)

    assert sent == [NAMED]
    assert found_in_database([EMAIL, NAME]) == {}
    attempt, delivery = Attempt.objects.get(), Delivery.objects.get(channel=Channel.WEBHOOK)
    assert (attempt.status_code, attempt.excerpt) == (200 if is_delivered else 500, "")
    assert (attempt.error == delivery.failure_reason == "") is is_delivered
    assert delivery.state == ("delivered" if is_delivered else "waiting")


def test_what_is_sent_again_after_an_erasure_is_sent_without_the_name_and_recorded(webhook, now, monkeypatch):
    announce(webhook.project, [said(sentence=NAMED)], now=now)
    answering(monkeypatch, before=partial(erase_person, EMAIL, now=now))
    send_due(rng=random.Random(0), clock=lambda: now)
    sent = answering(monkeypatch)
    Delivery.objects.filter(state="waiting").update(due_at=now)

    send_due(rng=random.Random(0), clock=lambda: now)

    assert len(sent) == 1
    assert NAME not in sent[0]
    assert Attempt.objects.last().excerpt == f"No channel: {sent[0]}"


@on_postgresql
@pytest.mark.parametrize("before", ["", "INSERT"])
@pytest.mark.parametrize("what", ["news", "ping", "answer"])
def test_the_last_search_waits_for_what_is_just_being_written(webhook, now, monkeypatch, what, before):
    """With the name, and not yet committed when the erasure is; or looked for an erasure and not yet written."""
    elsewhere = ProjectFactory()
    if what == "answer":
        announce(webhook.project, [said(sentence=NAMED)], now=now)
    answering(monkeypatch)
    write = {
        "news": lambda: announce(elsewhere, [said(sentence=f"Ask {EMAIL}")], now=now, erased_at=NEVER),
        "ping": lambda: ping(webhook, now=now),
        "answer": lambda: send_due(rng=random.Random(0), clock=lambda: now),
    }

    record = in_the_midst_of(write[what], lambda: erase_person(EMAIL, now=now), before=before)

    assert isinstance(record, ErasureRecord)
    assert found_in_database([EMAIL]) == {}
    assert (Notification.objects.count(), Attempt.objects.count()) == (1, int(what == "answer"))
