"""What the clock does for many: where one of them cannot be done, all others are, and it is told."""

from importlib import import_module
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from prometheus_client import REGISTRY

from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.common.operations import database_faults
from apps.importers.models import Connection
from apps.ml.models import StrayObject
from apps.ml.services.training.due import Due
from apps.ml.services.upkeep.strays import REMOVED_AFTER, Stray
from apps.ml.storage.errors import StorageError
from apps.ml.storage.stored import StoredObject
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory
from apps.upkeep.models import ErasureRecord
from base.celery import CELERY_BEAT_SCHEDULE

pytestmark = pytest.mark.django_db
#: Why one of them cannot stop another.
ALONE = {
    "note-long-worker": "one row",
    "note-import-worker": "one row",
    "run-due-imports": "one query, and a message for each import",
    "forget-old-answers": "one statement",
}


def two(make):
    return [make(), make()]


def _trainings(first_fails, patch):
    patch.setattr(
        "apps.ml.services.training.due.models_due",
        lambda **_: [Due("effort_prediction", uuid4(), "due") for _ in range(2)],
    )
    return first_fails("apps.ml.services.training.due.request_training", returns=SimpleNamespace(id=uuid4()))


def _replays(first_fails, patch):
    patch.setattr("apps.ml.tasks.projects_with_models", lambda _: [uuid4(), uuid4()])
    return first_fails("apps.ml.tasks.ask_for_replays", returns=False)


def _outcomes(first_fails, patch):
    return first_fails(
        "apps.ml.services.evaluation.closing._close",
        "apps.ml.services.evaluation.closing.judge_people",
        "apps.ml.services.evaluation.closing.judge_risks",
    )


def _dated(first_fails, patch):
    two(
        lambda: PredictionHistoryFactory(
            prediction_type="sprint_duration", details={"first_day": "2026-03-02", "issues": []}
        )
    )
    return first_fails("apps.ml.services.evaluation.judging._work", returns=None)


def _lost_trainings(first_fails, patch):
    lost = SimpleNamespace(values_list=lambda *_: [(uuid4(), 1), (uuid4(), 1)])
    patch.setattr("apps.ml.services.training.jobs.lost_runs", lambda _: lost)
    return first_fails("apps.ml.services.training.jobs.Claim.requeue")


def _anomalies(first_fails, patch):
    two(IssueFactory)
    return first_fails("apps.ml.tasks.AnomalyDetectionService.detect_project_anomalies")


def _risks(first_fails, patch):
    for sprint in two(lambda: SprintFactory(active=True)):
        IssueFactory(project=sprint.project, sprint=sprint)
    return first_fails("apps.ml.tasks.AnomalyDetectionService.watch_sprints")


def _forecasts(first_fails, patch):
    two(IssueFactory)
    patch.setattr("apps.ml.tasks.keep_due_forecasts", lambda *_, **__: 0)
    return first_fails("apps.ml.selectors.kept_forecasts.day_of", returns=timezone.now().date())


def _indexes(first_fails, patch):
    two(IssueFactory)
    patch.setattr("apps.ml.services.similar.text_snapshots.MIN_ISSUES", 1)
    return first_fails("apps.ml.services.similar.text_snapshots._is_far_behind", returns=False)


def _stopped(first_fails, patch):
    two(lambda: WebhookFactory(created_by=UserFactory()))
    return first_fails("apps.notifications.services.left_going._stop")


def _log_ins(first_fails, patch):
    return first_fails(
        "apps.accounts.tasks.AccessAttempt.objects.filter", "apps.accounts.tasks.SessionStore.clear_expired"
    )


def _syncs(first_fails, patch):
    for scope in "ab":
        Connection.objects.create(
            project=ProjectFactory(), kind="github", scope=scope, base_url="https://example.com", sealed_token="x"
        )
    return first_fails("apps.importers.runs.ask_sync", returns=SimpleNamespace(pk=uuid4()))


def _sprints(first_fails, patch):
    two(lambda: SprintFactory(active=True, source="jira", end_date=timezone.now().date()))
    return first_fails("apps.projects.sprint_ends.close_by_plan", returns=True)


def _history(first_fails, patch):
    return first_fails("apps.ml.tasks.remove_old_notifications", "apps.ml.tasks.clean_up.remove_old_history")


def _logs(first_fails, patch):
    return first_fails("apps.common.tasks.empty_log", "apps.common.tasks.page_marks.forget_old")


def _erasures(first_fails, patch):
    long_ago = timezone.now() - timezone.timedelta(days=1)
    two(lambda: ErasureRecord.objects.create(erased_at=long_ago, unfinished=b"sealed"))
    return first_fails("apps.upkeep.tasks.read")


def _strays(first_fails, patch):
    now = timezone.now()
    objects = [StoredObject(key, 1, now, None) for key in ("ml_models/a", "ml_models/b")]
    for each in objects:
        StrayObject.objects.create(key=each.key, seen_at=now - REMOVED_AFTER * 2)
    found = [Stray("orphan", each, "") for each in objects]
    patch.setattr("apps.ml.services.upkeep.strays.strays", lambda *_, **__: found)
    return first_fails("apps.ml.services.upkeep.strays.withdraw", returns=[], fault=StorageError("refused"))


SWEEPS = {
    "retrain-ml-models": _trainings,
    "replay-pasts": _replays,
    "record-prediction-outcomes": _outcomes,
    "record-dated-outcomes": _dated,
    "requeue-lost-trainings": _lost_trainings,
    "detect-anomalies": _anomalies,
    "keep-forecasts": _forecasts,
    "watch-sprints": _risks,
    "refresh-indexes": _indexes,
    "send-deliveries": _stopped,
    "forget-log-ins": _log_ins,
    "sync-connections": _syncs,
    "close-ended-sprints": _sprints,
    "remove-old-history": _history,
    "empty-logs": _logs,
    "finish-erasures": _erasures,
    "sweep-model-store": _strays,
}
#: Told in words of its own.
TOLD_OTHERWISE = {"finish-erasures"}
#: Told by the task's own end, when all others are done.
TOLD_AT_THE_END = {"sweep-model-store": StorageError}


@pytest.fixture
def first_fails(monkeypatch):
    """Puts one step in place of these, whose first call fails; what it was called with."""

    def install(*paths, returns=0, fault=None):
        calls = []

        def step(*args, **kwargs):
            calls.append(args)
            if len(calls) == 1:
                raise fault or RuntimeError("one row's own fault")
            return returns

        for path in paths:
            monkeypatch.setattr(path, step)
        return calls

    return install


def faults():
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "scrum_ml_sweep_faults_total"
    )


def test_of_everything_that_the_clock_does_it_is_said_whether_one_can_stop_another():
    assert SWEEPS.keys() | ALONE.keys() == CELERY_BEAT_SCHEDULE.keys()
    assert not SWEEPS.keys() & ALONE.keys()


@pytest.mark.parametrize("entry", SWEEPS)
def test_one_that_cannot_be_done_is_told_and_keeps_no_other_from_it(entry, first_fails, monkeypatch, caplog):
    calls, before = SWEEPS[entry](first_fails, monkeypatch), faults()
    module, _, name = CELERY_BEAT_SCHEDULE[entry]["task"].rpartition(".")
    task = getattr(import_module(module), name)

    if entry in TOLD_AT_THE_END:
        with pytest.raises(TOLD_AT_THE_END[entry]):
            task()
    else:
        task()
        assert "ERROR" in {record.levelname for record in caplog.records}
        assert faults() - before == (entry not in TOLD_OTHERWISE)

    assert len(calls) > 1
    assert "own fault" not in "".join(record.getMessage() for record in caplog.records)


def test_a_database_that_is_away_ends_all_of_it(monkeypatch):
    gone = SimpleNamespace(in_atomic_block=False, is_usable=lambda: False)
    monkeypatch.setattr(database_faults, "connection", gone)

    with pytest.raises(OperationalError), database_faults.by_itself("sweep", "row"):
        raise OperationalError("away")


@pytest.mark.django_db(transaction=True)
def test_a_row_that_the_database_refuses_for_itself_is_one_of_many(caplog):
    # As after any query: a connection that was never made is as good as one that is away.
    connection.ensure_connection()

    with database_faults.by_itself("sweep", "row"):
        raise OperationalError("deadlock detected")

    assert User.objects.count() == 0
    assert "sweep=sweep item=row: OperationalError" in caplog.text
