"""News are said once, to whom they concern, with the row they are about."""

import json
from datetime import timedelta

import pytest
from django.db import transaction

from apps.common.models import Severity
from apps.notifications.models import Delivery, Notification, Preference
from apps.notifications.services.announcing import COOLDOWN, announce, one_line, withdraw
from apps.notifications.tests.factories import WebhookFactory, news
from apps.projects.models import TeamMember
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


def told(channel: str) -> set[str]:
    return set(Delivery.objects.filter(channel=channel).values_list("user__email", flat=True))


def said() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("created_at").values_list("event", "severity"))


# --- To whom ------------------------------------------------------------------------------------------------------
def test_leads_and_members_who_asked_are_told_and_nobody_else(project, people, settings, now):
    settings.EMAIL_URL = "smtp://mail"
    asked = TeamMemberFactory(project=project, role="viewer").user
    Preference.objects.create(user=asked, as_member=True)
    TeamMemberFactory(project=project, role="lead", user__is_active=False)

    announce(project, [news()], now=now)

    assert told("in_app") == told("email") == {people["lead"].email, asked.email}


@pytest.mark.parametrize(
    ("preference", "mailed"),
    [
        (None, ["high", "critical"]),
        ({"least_severity": "low"}, ["low", "medium", "high", "critical"]),
        ({"least_severity": "critical"}, ["critical"]),
        ({"email": False}, []),
    ],
)
def test_a_person_is_mailed_from_the_severity_on_that_they_chose(lead, settings, now, preference, mailed):
    settings.EMAIL_URL = "smtp://mail"
    if preference is not None:
        Preference.objects.create(user=lead.user, **preference)

    announce(lead.project, [news(severity, severity=severity) for severity in Severity.values], now=now)

    sent = Delivery.objects.filter(channel="email").values_list("notification__severity", flat=True)
    assert sorted(sent) == sorted(mailed)
    assert Delivery.objects.filter(channel="in_app").count() == 4


def test_without_a_mail_server_no_mail_waits_for_one(project, lead, now):
    announce(project, [news()], now=now)

    assert [each.channel for each in Delivery.objects.all()] == ["in_app"]


def test_active_webhooks_of_the_project_get_what_is_severe_enough_for_them(project, now):
    wanted = WebhookFactory(project=project, least_severity="high")
    WebhookFactory(project=project, least_severity="critical")
    WebhookFactory(project=project, is_active=False)
    WebhookFactory()

    announce(project, [news(severity="high")], now=now)

    [delivery] = Delivery.objects.all()
    assert (delivery.webhook, delivery.channel, delivery.state, delivery.due_at) == (wanted, "webhook", "waiting", now)


# --- How often ----------------------------------------------------------------------------------------------------
def test_announcing_the_same_again_changes_nothing_however_late(project, lead, now):
    for days in (0, 0, 2, 30):
        announce(project, [news()], now=now + timedelta(days=days))

    assert said() == [("anomaly_detected", "high")]
    assert Delivery.objects.count() == 1


def test_what_became_worse_is_said_as_that_and_what_became_milder_is_not_said(project, lead, now):
    for hours, severity in enumerate(["medium", "high", "medium", "low", "high", "critical", "high"]):
        announce(project, [news(severity=severity)], now=now + timedelta(hours=hours))

    assert said() == [
        ("anomaly_detected", "medium"),
        ("anomaly_worsened", "high"),
        ("anomaly_worsened", "critical"),
    ]


def test_another_thing_of_the_same_topic_waits_for_the_end_of_the_silence_and_is_said_then(project, lead, now):
    """Resolved, and back an hour later: nothing. Still there a day after the first news: worth a word."""
    announce(project, [news("anomaly:1", topic="velocity_drop")], now=now)
    back = news("anomaly:2", topic="velocity_drop")

    assert announce(project, [back], now=now + timedelta(hours=1)) == 0
    assert announce(project, [back], now=now + COOLDOWN) == 0
    assert announce(project, [back], now=now + COOLDOWN + timedelta(minutes=1)) == 1
    assert said() == [("anomaly_detected", "high"), ("anomaly_detected", "high")]


def test_what_a_clock_that_was_ahead_told_silences_nothing_once_it_is_set_back(project, lead, now):
    announce(project, [news("anomaly:1", topic="velocity_drop")], now=now + timedelta(days=10))

    assert announce(project, [news("anomaly:2", topic="velocity_drop")], now=now) == 1


def test_the_silence_ends_early_for_what_is_worse(project, lead, now):
    announce(project, [news("anomaly:1", topic="velocity_drop", severity="medium")], now=now)

    later = now + timedelta(hours=1)
    assert announce(project, [news("anomaly:2", topic="velocity_drop", severity="high")], now=later) == 1


def test_other_topics_and_other_projects_are_not_silenced(project, lead, now):
    announce(project, [news("anomaly:1")], now=now)

    assert announce(project, [news("anomaly:2")], now=now) == 1
    assert announce(ProjectFactory(), [news("anomaly:1")], now=now) == 1


def test_what_is_rolled_back_was_never_said(project, lead, now):
    with transaction.atomic():
        announce(project, [news()], now=now)
        transaction.set_rollback(True)

    assert not Notification.objects.exists()
    assert announce(project, [news()], now=now) == 1


@pytest.mark.parametrize("count", [1, 40])
def test_many_news_take_as_many_queries_as_one(project, people, now, django_assert_num_queries, count):
    WebhookFactory(project=project)
    many = [news(f"anomaly:{n}") for n in range(count)]

    # Savepoint twice, the lock, what was said, people, webhooks, two inserts.
    with django_assert_num_queries(8):
        announce(project, many, now=now)

    assert Delivery.objects.count() == 2 * count


def test_a_thousand_news_are_all_written_once(project, people, now):
    WebhookFactory(project=project)
    many = [news(f"anomaly:{n}") for n in range(1000)]

    assert (announce(project, many, now=now), announce(project, many, now=now)) == (1000, 0)
    assert Delivery.objects.filter(state="waiting").count() == 1000


# --- Taking back --------------------------------------------------------------------------------------------------
def test_what_waits_about_a_false_alarm_is_taken_back_and_what_was_delivered_stays(project, lead, now):
    WebhookFactory(project=project)
    announce(project, [news("anomaly:1"), news("anomaly:2")], now=now)

    assert withdraw(project.id, "anomaly:1", now=now) == 1

    states = Delivery.objects.order_by("notification__about", "channel").values_list("channel", "state")
    assert list(states) == [
        ("in_app", "delivered"),
        ("webhook", "dropped"),
        ("in_app", "delivered"),
        ("webhook", "waiting"),
    ]


# --- The words ----------------------------------------------------------------------------------------------------
def test_names_that_people_gave_can_break_no_line(project, lead, now):
    project.name = "Apollo\r\nBcc: everybody@example.com\u2028\u202egnp.exe\x00"
    sentence = "Most work stands in 'Review\r\nSubject: You won'\x1b[2J" + "!" * 500

    announce(project, [news(sentence=sentence, advice=["Look\nthere"])], now=now)

    row = Notification.objects.get()
    assert row.subject.startswith("[APOLLO] high: Most work stands in 'Review Subject: You won' [2J!!!")
    assert len(row.subject) == 150
    assert row.body.splitlines()[0] == "Apollo Bcc: everybody@example.com gnp.exe (APOLLO)"
    assert "- Look there" in row.body.splitlines()
    assert json.loads(row.payload)["project"]["name"] == project.name


def test_a_line_is_what_can_be_seen():
    assert one_line(" a\tb\n\u200bc\u2029\x7fd\ud800 ü ") == "a b c d ü"


def test_a_link_is_there_where_the_address_of_the_service_is_known(project, lead, settings, now):
    settings.PUBLIC_URL = "https://scrum.example.com"

    announce(project, [news(path="/api/v1/ml/x/")], now=now)

    row = Notification.objects.get()
    assert row.body.endswith("\n\nhttps://scrum.example.com/api/v1/ml/x/\n")
    assert json.loads(row.payload)["url"] == "https://scrum.example.com/api/v1/ml/x/"


def test_a_person_who_joins_later_is_not_told_of_before(project, lead, now):
    announce(project, [news()], now=now)
    TeamMemberFactory(project=project, role=TeamMember.Role.LEAD)

    assert announce(project, [news()], now=now) == 0
    assert told("in_app") == {lead.user.email}
