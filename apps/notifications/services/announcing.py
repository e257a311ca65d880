"""Putting news into the outbox: once, to whom it concerns, in the transaction of what they are about."""

import json
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.common.exceptions import Conflict
from apps.common.texts.cutting import cut_between_words
from apps.notifications import selectors
from apps.notifications.models import Channel, Delivery, Event, Notification, Webhook
from apps.notifications.selectors import OF_LEADS, Recipient, rank
from apps.projects.erasures import ErasedMeanwhile, is_erased_since
from apps.projects.leads import in_use
from apps.projects.models import Project
from apps.projects.rows import all_or_nothing, enter, lock

logger = logging.getLogger(__name__)

#: After news of a topic there is silence about it for a day, as the seed's alerts had it, unless it becomes worse.
COOLDOWN = timedelta(hours=24)
#: A subject longer than this is cut off by most programs that show a list of mails.
MOST_SUBJECT_CHARACTERS = 150
#: Rows written at once; SQLite takes a limited number of values a statement.
BATCH_ROWS = 500
#: What a thing is called that was announced before and is worse now.
_WORSENED = {Event.ANOMALY_DETECTED: Event.ANOMALY_WORSENED}


@dataclass(frozen=True, slots=True)
class News:
    """Something that happened in a project."""

    event: Event
    severity: str
    #: What it is about, down to the row: the same at every repetition.
    about: str
    #: What kind of thing that is: news of a topic are followed by silence for a while.
    topic: str
    #: One sentence with the numbers in it.
    sentence: str
    #: What can be done.
    advice: Sequence[str] = ()
    #: Where in the service it can be seen, from the root.
    path: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@contextmanager
def one_at_a_time(project: Project, *, erased_at: datetime | None = None) -> Iterator[None]:
    """A transaction in which nobody else announces anything in this project; rows that only refer to it do not wait.

    Raises `ErasedMeanwhile` where texts were erased since, see `announce`.
    """
    with transaction.atomic():
        # Not `lock`, which would read anew what the caller tells of it.
        held = Project.objects.select_for_update(no_key=True).filter(pk=project.pk)
        if held.values_list("pk").first() is None:
            raise Conflict("Somebody else has just deleted this.")
        if erased_at is not None and is_erased_since(erased_at, project.pk):
            raise ErasedMeanwhile
        yield


def announce(project: Project, news: Sequence[News], *, now: datetime, erased_at: datetime | None = None) -> int:
    """Write down what is new of these; returns how many that were. Repeating it changes nothing.

    Called inside the transaction that stores what the news are about, so that both happen or neither. It takes the same
    few queries for one news as for a thousand.

    Parameters
    ----------
    erased_at : datetime, optional
        When texts of the project had last been erased before any was read for these news, or the project itself, see
        `texts_erased_at`: if somebody was erased since, nothing is written. Without it all was read under its lock.

    Raises
    ------
    ErasedMeanwhile
        If so: they are told anew.
    """
    if not news:
        return 0
    with one_at_a_time(project, erased_at=erased_at):
        fresh = _fresh(project, news, now=now)
        if not fresh:
            return 0
        people, webhooks = selectors.recipients(project), list(in_use(selectors.webhooks_of(project)))
        rows = [_row(project, each, now=now) for each in fresh]
        Notification.objects.bulk_create(rows, batch_size=BATCH_ROWS)
        deliveries = [delivery for row in rows for delivery in _deliveries(row, people, webhooks, now=now)]
        Delivery.objects.bulk_create(deliveries, batch_size=BATCH_ROWS)
    logger.info("Announced project=%s news=%d deliveries=%d", project.pk, len(rows), len(deliveries))
    return len(rows)


class PingWaits(Conflict):
    """A test of this webhook is under way already."""

    code = "ping_waits"


def ping(webhook: Webhook, *, now: datetime) -> Delivery:
    """Put a test for one webhook into the outbox; raises `PingWaits`, so that nobody can be flooded with tests."""
    delivery = Delivery(channel=Channel.WEBHOOK, webhook=webhook, due_at=now, created_at=now)
    news = News(
        event=Event.PING,
        severity="low",
        about=f"ping:{delivery.id}",
        topic="ping",
        sentence="A test: this webhook works",
    )
    with all_or_nothing():
        enter(webhook.project_id)
        lock(webhook)
        waiting = Delivery.objects.filter(webhook=webhook, state=Delivery.State.WAITING)
        if waiting.filter(notification__event=Event.PING).exists():
            raise PingWaits
        # As it is called by now: whoever asks has read it before.
        project = Project.objects.get(pk=webhook.project_id)
        delivery.notification = _row(project, news, now=now)
        delivery.notification.save(force_insert=True)
        delivery.save(force_insert=True)
    return delivery


def withdraw(project_id: UUID, about: str, *, now: datetime) -> int:
    """Take back what still waits about something that turned out to be nothing; returns how many deliveries."""
    waiting = Delivery.objects.filter(
        state=Delivery.State.WAITING, notification__project_id=project_id, notification__about=about
    )
    return waiting.update(
        state=Delivery.State.DROPPED, finished_at=now, failure_reason="It was called a false alarm before it was sent."
    )


def _fresh(project: Project, news: Iterable[News], *, now: datetime) -> list[News]:
    """What is worse than all that was said of this thing ever, and of its topic lately."""
    news = list(news)
    worst_of, worst_lately = selectors.announced(
        project,
        abouts=(each.about for each in news),
        topics=(each.topic for each in news),
        within=COOLDOWN,
        now=now,
    )
    fresh = []
    for each in news:
        said_of, said_lately = worst_of.get(each.about, -1), worst_lately.get(each.topic, -1)
        if rank(each.severity) > max(said_of, said_lately):
            event = _WORSENED.get(each.event, each.event) if said_of >= 0 else each.event
            fresh.append(replace(each, event=event))
            worst_of[each.about] = worst_lately[each.topic] = rank(each.severity)
    return fresh


def _row(project: Project, news: News, *, now: datetime) -> Notification:
    sentence, url = one_line(news.sentence), settings.PUBLIC_URL + news.path if settings.PUBLIC_URL else None
    row = Notification(
        project=project,
        event=news.event,
        severity=news.severity,
        about=news.about,
        topic=news.topic,
        subject=_subject(project, news, sentence),
        body=_body(project, news, sentence, url),
        data=news.data,
        created_at=now,
    )
    row.payload = _payload(row, project, sentence, url)
    return row


def _subject(project: Project, news: News, sentence: str) -> str:
    marked = f"[{project.key}] {news.severity}: {sentence}"
    if len(marked) <= MOST_SUBJECT_CHARACTERS:
        return marked
    return cut_between_words(marked, MOST_SUBJECT_CHARACTERS - 1) + "…"


def _body(project: Project, news: News, sentence: str, url: str | None) -> str:
    lines = [f"{one_line(project.name)} ({project.key})", "", f"{sentence.rstrip('.')}.", f"Severity: {news.severity}."]
    lines += ["", *(f"- {one_line(advice)}" for advice in news.advice)] if news.advice else []
    lines += ["", url] if url else []
    return "\n".join([*lines, ""])


def _payload(row: Notification, project: Project, sentence: str, url: str | None) -> str:
    """The body of a webhook; the bytes that are stored are the bytes that are signed and sent, however often."""
    content = {
        "notification_id": str(row.id),
        "event": row.event,
        "created_at": row.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "project": {"id": str(project.id), "key": project.key, "name": project.name},
        "severity": row.severity,
        "text": sentence,
        "url": url,
        "data": row.data,
    }
    return json.dumps(content, ensure_ascii=True, allow_nan=False)


def _deliveries(
    row: Notification, people: Iterable[Recipient], webhooks: Iterable[Webhook], *, now: datetime
) -> Iterable[Delivery]:
    for person in people:
        if row.event in OF_LEADS and not person.is_lead:
            continue
        # It is there as soon as it is written.
        yield Delivery(
            notification=row,
            channel=Channel.IN_APP,
            user_id=person.user_id,
            state=Delivery.State.DELIVERED,
            created_at=now,
            finished_at=now,
        )
        if settings.EMAIL_URL and _reaches(row.severity, person.email_from):
            yield Delivery(notification=row, channel=Channel.EMAIL, user_id=person.user_id, due_at=now, created_at=now)
    for webhook in webhooks:
        if _reaches(row.severity, webhook.least_severity):
            yield Delivery(notification=row, channel=Channel.WEBHOOK, webhook=webhook, due_at=now, created_at=now)


def _reaches(severity: str, least: str | None) -> bool:
    return least is not None and rank(severity) >= rank(least)


def one_line(text: str) -> str:
    """Without line breaks, control and direction characters: names that people gave may hold any."""
    printable = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    return " ".join(printable.split())
