"""What the operator sees and does: failed deliveries, old rows, metrics, checks, the administration."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.common.operations.metrics import DELIVERIES, OUTBOX_GAUGES
from apps.common.operations.scrape import exposition
from apps.notifications import live_metrics, tasks
from apps.notifications.models import Attempt, Delivery, Notification
from apps.notifications.services.announcing import announce
from apps.notifications.services.clean_up import remove_old_notifications
from apps.notifications.tests.factories import WebhookFactory, news
from base.celery import CELERY_BEAT_SCHEDULE

pytestmark = pytest.mark.django_db


@pytest.fixture
def webhook(project, receiver):
    return WebhookFactory(project=project, url=receiver.url)


@pytest.fixture
def given_up(webhook, receiver, work) -> Delivery:
    """Announced three days ago, tried yesterday, refused."""
    receiver.answer = lambda posted: (500, {}, b"")
    announce(webhook.project, [news()], now=timezone.now() - timedelta(days=3))
    work(timezone.now() - timedelta(days=1))
    receiver.answer = lambda posted: (204, {}, b"")
    return Delivery.objects.get()


# --- Failed deliveries --------------------------------------------------------------------------------------------
def test_what_failed_is_listed_and_tried_again_where_asked_for(given_up, receiver, capsys):
    call_command("failed_deliveries")
    [line] = capsys.readouterr().out.splitlines()
    assert f"APOLLO  webhook  {given_up.id}  The receiver answered 500." in line
    assert Delivery.objects.get().state == "failed"

    call_command("failed_deliveries", "--retry")
    tasks.send_deliveries.delay()

    assert capsys.readouterr().out.endswith("1 will be tried again.\n")
    assert Delivery.objects.get().state == "delivered"
    assert receiver.ids() == [str(given_up.id)] * 2


def test_what_failed_before_the_days_that_are_asked_for_stays(given_up, capsys):
    call_command("failed_deliveries", "--days", "0", "--retry")
    call_command("failed_deliveries", "--days", "0")

    assert capsys.readouterr().out == "0 will be tried again.\nNothing was given up in the last 0 days.\n"


@pytest.mark.parametrize("days", ["999999999", "-5", "soon"])
def test_days_that_no_calendar_has_are_refused(days):
    with pytest.raises(CommandError, match="a number of days from 0"):
        call_command("failed_deliveries", f"--days={days}")


# --- Old rows -----------------------------------------------------------------------------------------------------
def test_old_notifications_go_with_all_that_belongs_to_them(webhook, given_up, settings):
    announce(webhook.project, [news("anomaly:2")], now=timezone.now())
    settings.ML_HISTORY_DAYS = 2

    assert remove_old_notifications(now=timezone.now()) == 1

    assert [row.about for row in Notification.objects.all()] == ["anomaly:2"]
    assert (Delivery.objects.count(), Attempt.objects.count()) == (1, 0)


# --- Schedule and broker ------------------------------------------------------------------------------------------
def test_the_outbox_is_looked_at_every_minute_and_messages_do_not_pile_up():
    entry = CELERY_BEAT_SCHEDULE["send-deliveries"]

    assert entry["task"] == tasks.send_deliveries.name
    assert entry["options"]["expires"] < 60


def test_sprints_are_watched_once_a_day():
    schedule = CELERY_BEAT_SCHEDULE["watch-sprints"]["schedule"]

    assert (schedule.hour, schedule.minute) == ({6}, {45})


def test_without_a_broker_what_is_due_waits_for_the_next_minute(webhook, now, monkeypatch):
    def refuse(**_):
        raise BrokerAway

    monkeypatch.setattr(tasks.send_deliveries, "apply_async", refuse)
    announce(webhook.project, [news()], now=now)

    tasks.send_soon()

    assert Delivery.objects.get().state == "waiting"


def test_no_worker_is_woken_for_nothing(monkeypatch):
    monkeypatch.setattr(tasks.send_deliveries, "apply_async", lambda **_: pytest.fail("nothing is due"))

    tasks.send_soon()


# --- Metrics ------------------------------------------------------------------------------------------------------
def counted(result: str) -> float:
    return DELIVERIES.labels(channel="webhook", result=result)._value.get()


def test_tries_are_counted_by_what_came_of_them(webhook, receiver, work, now):
    before = {result: counted(result) for result in ("delivered", "retried", "failed", "dropped")}
    announce(webhook.project, [news()], now=now)
    receiver.answer = lambda posted: (500, {}, b"")
    work(now)
    receiver.answer = lambda posted: (204, {}, b"")
    work(Delivery.objects.get().due_at)

    more = {result: counted(result) - before[result] for result in before}
    assert more == {"delivered": 1, "retried": 1, "failed": 0, "dropped": 0}


def test_how_long_the_oldest_delivery_found_no_worker_is_shown(webhook, now, django_assert_num_queries):
    def shown(moment) -> float:
        [family] = live_metrics.gauges(moment)
        return family.samples[0].value

    assert shown(now) == 0
    announce(webhook.project, [news()], now=now)
    with django_assert_num_queries(1):
        assert shown(now + timedelta(minutes=7)) == 7 * 60
    assert {family.name for family in live_metrics.read()} == set(OUTBOX_GAUGES)


def test_without_a_database_the_other_metrics_are_still_there(monkeypatch):
    def refuse(now):
        raise OperationalError

    monkeypatch.setattr(live_metrics, "longest_overdue_seconds", refuse)

    text = exposition().decode()

    assert "scrum_ml_live_metrics_up 0.0" in text
    assert "python_info" in text


# --- Checks -------------------------------------------------------------------------------------------------------
def findings() -> set[str]:
    return {str(each.id) for each in run_checks(include_deployment_checks=True) if "notifications" in str(each.id)}


def test_settings_that_keep_news_from_people_are_named(settings):
    assert findings() == {"notifications.W001"}

    settings.EMAIL_URL = "smtp://mail"
    assert findings() == set()

    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.0.0.0/8"]
    assert findings() == set()


# --- Administration -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["notification", "delivery", "webhook"])
def test_the_outbox_is_looked_at_and_not_written(client, given_up, webhook, name):
    admin = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=admin.email, password=PASSWORD)
    row = {"notification": given_up.notification, "delivery": given_up, "webhook": webhook}[name]

    listed = client.get(reverse(f"admin:notifications_{name}_changelist"), {"q": "a"})
    shown = client.get(reverse(f"admin:notifications_{name}_change", args=[row.pk]))

    assert (listed.status_code, shown.status_code) == (200, 200)
    assert webhook.salt not in shown.content.decode()
    assert client.get(reverse(f"admin:notifications_{name}_add")).status_code == 403
