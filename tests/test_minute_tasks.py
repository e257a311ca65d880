"""What is due every minute takes so much at a time, of each project in turn: nobody's many hold it up for others."""

import heapq
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from celery import Signature, current_app
from celery.exceptions import Retry, SoftTimeLimitExceeded
from django.core import mail

from apps.accounts import tasks as account_tasks
from apps.accounts.tests.factories import UserFactory
from apps.common.turns import MinuteShare, within
from apps.ml.models import ModelType, PredictionHistory, TrainingRun
from apps.ml.services.evaluation import closing, judging
from apps.ml.services.training import jobs
from apps.ml.tests.factories import PredictionHistoryFactory, TrainingRunFactory
from apps.notifications import tasks as notification_tasks
from apps.notifications.models import Webhook
from apps.notifications.services import left_going
from apps.notifications.tests.factories import WebhookFactory
from apps.projects import sprint_ends
from apps.projects.models import Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
MANY, AT_ONCE = 7, 3
KIND = "reset"


def test_whatever_waits_for_the_worker_of_every_minute_was_looked_at():
    """One more is bounded in seconds or rows, see the tests below, or has another queue (`base/settings.py`)."""
    current_app.autodiscover_tasks(force=True)

    ours = {name for name in current_app.tasks if name.startswith("apps.") and ".tests." not in name}

    assert ours - current_app.conf.task_routes.keys() == {
        "apps.accounts.tasks.send_account_mail",
        "apps.common.tasks.empty_logs",
        "apps.common.tasks.forget_old_answers",
        "apps.importers.tasks.run_due_imports",
        "apps.ml.tasks.record_prediction_outcomes",
        "apps.ml.tasks.requeue_lost_trainings",
        "apps.notifications.tasks.send_deliveries",
        "apps.projects.tasks.close_ended_sprints",
    }


# --- Rows -------------------------------------------------------------------------------------------------------------
def test_sprints_are_closed_so_many_at_a_time_and_of_each_project_in_turn(now, monkeypatch):
    monkeypatch.setattr(sprint_ends, "MOST_AT_ONCE", AT_ONCE)
    over = {"active": True, "source": "jira", "end_date": now.date() - timedelta(days=3)}
    crowd, other = ProjectFactory(), ProjectFactory()
    for n in range(MANY):
        SprintFactory(project=crowd, external_id=str(n), **over)
    late = SprintFactory(project=other, external_id="1", **over | {"end_date": now.date() - timedelta(days=1)})

    assert sprint_ends.close_ended_sprints(now=now) == AT_ONCE
    late.refresh_from_db()
    assert late.status == Sprint.Status.COMPLETED
    assert [sprint_ends.close_ended_sprints(now=now) for _ in range(3)] == [AT_ONCE, MANY + 1 - 2 * AT_ONCE, 0]


def test_what_is_at_hand_ends_with_the_time_and_one_is_done_in_any_case():
    clock = Silence()

    def slow():
        for n in range(MANY):
            clock.wait(4.0)
            yield n

    assert list(within(10.0, slow(), clock=clock)) == [0, 1, 2]
    assert list(within(0.0, slow(), clock=clock)) == [0]
    assert list(within(1_000.0, slow(), clock=clock)) == list(range(MANY))


def test_sprints_are_closed_in_turn_while_there_is_time(now, monkeypatch):
    monkeypatch.setattr(sprint_ends, "RUN_SECONDS", 0.0)
    sprint = {"active": True, "source": "jira"}
    SprintFactory(**sprint, end_date=now.date() - timedelta(days=2))
    first = SprintFactory(**sprint, end_date=now.date() - timedelta(days=3))

    assert sprint_ends.close_ended_sprints(now=now) == 1
    first.refresh_from_db()
    assert first.status == Sprint.Status.COMPLETED


def test_an_import_closes_all_of_its_own_sprints(now, monkeypatch):
    monkeypatch.setattr(sprint_ends, "MOST_AT_ONCE", AT_ONCE)
    project = ProjectFactory()
    for n in range(MANY):
        SprintFactory(
            project=project, external_id=str(n), active=True, source="jira", end_date=now.date() - timedelta(days=3)
        )

    assert sprint_ends.close_ended_sprints(project, now=now) == MANY


@pytest.mark.parametrize(
    ("module", "kind", "details"),
    [
        (closing, ModelType.EFFORT_PREDICTION, {}),
        (judging, ModelType.TASK_ASSIGNMENT, {"was_assigned": False, "suggested": []}),
    ],
)
def test_outcomes_are_recorded_so_many_at_a_time_and_of_each_project_in_turn(now, monkeypatch, module, kind, details):
    monkeypatch.setattr(module, "MOST_AT_ONCE", AT_ONCE)
    crowd, other = (IssueFactory(completed=True, actual_hours=6.5, assignee=UserFactory()) for _ in range(2))
    for issue in (crowd,) * MANY + (other,):
        PredictionHistoryFactory(
            project=issue.project, issue=issue, prediction_type=kind, details=details,
            created_at=issue.resolved_at - timedelta(hours=1),
        )  # fmt: skip

    assert closing.record_outcomes(now=now) == AT_ONCE
    assert PredictionHistory.objects.get(issue=other).actual_value is not None
    assert [closing.record_outcomes(now=now) for _ in range(3)] == [AT_ONCE, MANY + 1 - 2 * AT_ONCE, 0]


def test_answers_that_cannot_be_judged_keep_no_other_of_their_project_from_its_turn(now, monkeypatch):
    monkeypatch.setattr(judging, "MOST_AT_ONCE", AT_ONCE)
    issue = IssueFactory(completed=True, actual_hours=6.5, assignee=UserFactory())
    about = {
        "project": issue.project, "issue": issue, "prediction_type": ModelType.TASK_ASSIGNMENT,
        "created_at": issue.resolved_at - timedelta(hours=1),
    }  # fmt: skip
    PredictionHistoryFactory.create_batch(MANY, **about, details={"was_assigned": False})
    last = PredictionHistoryFactory(**about, id=UUID(int=2**128 - 1), details={"was_assigned": False, "suggested": []})

    for _ in range(50):
        closing.record_outcomes(now=now)

    last.refresh_from_db()
    assert last.actual_value == 0.0


def test_what_no_lead_made_is_stopped_so_many_at_a_time_and_of_each_project_in_turn(now, monkeypatch):
    monkeypatch.setattr(left_going, "MOST_AT_ONCE", AT_ONCE)
    gone, crowd = UserFactory(), ProjectFactory()
    WebhookFactory.create_batch(MANY, project=crowd, created_by=gone)
    other = WebhookFactory(created_by=gone)

    assert left_going.stop_what_no_lead_made(now=now) == AT_ONCE
    assert not Webhook.objects.get(pk=other.pk).is_active


def test_trainings_that_wait_are_sent_again_so_many_at_a_time_longest_waiting_first(now, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_SENT_AGAIN", AT_ONCE)
    runs = [
        TrainingRunFactory(state=TrainingRun.State.QUEUED, queued_at=now - jobs.RESEND_AFTER * 2 - timedelta(minutes=n))
        for n in range(MANY)
    ]
    longest = [run.pk for run in reversed(runs)]

    sent = [list(jobs.recover_lost_runs(now=now)) for _ in range(3)]

    assert sent == [longest[:AT_ONCE], longest[AT_ONCE : 2 * AT_ONCE], longest[2 * AT_ONCE :]]


# --- Seconds ----------------------------------------------------------------------------------------------------------
class Silence:
    """A clock that a silent server lets stand at so many seconds more."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


def test_a_share_of_a_minute_is_spent_by_what_takes_long_and_is_there_again_a_minute_later():
    clock = Silence()
    share = MinuteShare(10.0, clock=clock)

    def piece(seconds):
        with share.spending():
            clock.wait(seconds)

    piece(9.0)
    assert not share.is_spent
    piece(5.0)
    assert share.is_spent
    with suppress(ZeroDivisionError), share.spending():
        clock.wait(11.0)
        raise ZeroDivisionError
    clock.wait(50.0)
    assert share.is_spent
    clock.wait(11.0)
    assert not share.is_spent


@pytest.fixture
def silent_server(monkeypatch):
    """A mail server that lets each mail wait for ten seconds in vain; the mails that were tried."""
    clock, tried = Silence(), []

    def hand_over(message):
        tried.append(message)
        clock.wait(10.0)
        raise TimeoutError

    monkeypatch.setattr("apps.accounts.mails.hand_over", hand_over)
    monkeypatch.setattr(account_tasks, "SHARE", MinuteShare(account_tasks.SHARE.seconds, clock=clock))
    return clock, tried


def put_off(user, *, times):
    account_tasks.send_account_mail.push_request(retries=times, called_directly=False, is_eager=False)
    try:
        account_tasks.send_account_mail.run(KIND, str(user.pk))
    finally:
        account_tasks.send_account_mail.pop_request()


def test_a_silent_mail_server_takes_its_share_of_a_minute_and_other_mails_come_later(silent_server, monkeypatch):
    clock, tried = silent_server
    asked = []
    monkeypatch.setattr(Signature, "apply_async", lambda *_, **__: asked.append(clock.now))
    first, second = UserFactory(), UserFactory()

    put_off(first, times=0)
    for _ in range(5):
        with pytest.raises(Retry):
            put_off(second, times=0)

    assert (len(tried), asked) == (1, [10.0] * 5)
    clock.wait(61.0)
    put_off(second, times=1)
    assert len(tried) == 2


def test_a_mail_is_put_off_for_an_hour_and_then_given_up(silent_server, caplog):
    _, tried = silent_server
    user = UserFactory()
    put_off(UserFactory(), times=0)

    put_off(user, times=account_tasks.MOST_PUT_OFF)

    assert len(tried) == 1
    assert f"Mail failed kind=reset user={user.pk}" in caplog.text


@pytest.mark.parametrize("takes_seconds", [0.1, 1.0])
def test_of_many_mails_at_once_a_healthy_server_gets_all(monkeypatch, takes_seconds):
    """By the task's own rule, with a clock."""
    clock, sent = Silence(), []
    monkeypatch.setattr(account_tasks, "SHARE", MinuteShare(account_tasks.SHARE.seconds, clock=clock))

    def send(_kind, email):
        clock.wait(takes_seconds)
        sent.append(email)

    monkeypatch.setattr(account_tasks, "send_mail_to", send)
    monkeypatch.setattr(Signature, "apply_async", lambda *_, **__: None)
    waiting = [(0.0, n, 0, UserFactory()) for n in range(150)]

    while waiting:
        at, n, times, user = heapq.heappop(waiting)
        clock.now = max(clock.now, at)
        try:
            put_off(user, times=times)
        except Retry:
            heapq.heappush(waiting, (clock.now + account_tasks.PUT_OFF_SECONDS, n, times + 1, user))

    assert len(sent) == 150
    assert clock.now < account_tasks.LIVES_SECONDS


def test_a_mail_server_that_drips_is_given_up_and_has_spent_its_share(silent_server, monkeypatch, caplog):
    clock, _ = silent_server

    def drip(*_):
        clock.wait(account_tasks.SOFT_LIMIT_SECONDS)
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(account_tasks, "send_mail_to", drip)

    put_off(UserFactory(), times=0)

    assert account_tasks.SHARE.is_spent
    assert "Mail failed" in caplog.text
    assert mail.outbox == []


def test_deliveries_that_wait_for_their_receivers_leave_the_rest_of_a_minute_to_others(monkeypatch, now):
    clock = Silence()
    share = MinuteShare(notification_tasks.SHARE.seconds, clock=clock)
    monkeypatch.setattr(notification_tasks, "SHARE", share)
    monkeypatch.setattr(notification_tasks.sending, "send_due", lambda **_: clock.wait(12.0))

    for _ in range(5):
        notification_tasks.send_deliveries()

    assert clock.now == 24.0
    clock.wait(60.0)
    notification_tasks.send_deliveries()
    assert clock.now == 96.0
