"""Old history goes, its sums stay."""

import math
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.ml import tasks
from apps.ml.models import PredictionAggregate, PredictionHistory, TrainingRun
from apps.ml.services.upkeep import retention as clean_up
from apps.ml.services.upkeep.installation import TRUSTED_AFTER, note_activity
from apps.ml.services.upkeep.retention import remove_old_history
from apps.ml.tests.factories import PredictionHistoryFactory, TrainingRunFactory
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2025, 1, 10, tzinfo=UTC)


def old(project, *, actual=None, scored_at=LONG_AGO, **fields):
    """A prediction of 4 hours, between 2 and 9, of more than a year ago."""
    scored = {"actual_value": actual, "scored_at": scored_at} if actual is not None else {}
    return PredictionHistoryFactory(project=project, created_at=LONG_AGO, **scored, **fields)


def test_the_sums_of_a_month_are_those_of_a_hand_computation(now):
    project = ProjectFactory()
    for actual in (2.0, 8.0, 12.0):
        old(project, actual=actual)

    assert remove_old_history(now=now) == 3

    kept = PredictionAggregate.objects.get()
    assert (kept.project, kept.prediction_type, kept.method) == (project, "effort_prediction", "ml_model")
    assert (kept.month, kept.n, kept.n_log, kept.n_ranged) == (date(2025, 1, 1), 3, 3, 3)
    # |4-2| + |4-8| + |4-12|; ln 2 + ln 2 + ln 3; 2 and 8 lie in [2, 9], 12 does not.
    assert kept.sum_absolute_error == 14.0
    assert kept.sum_absolute_log_error == pytest.approx(2 * math.log(2) + math.log(3))
    assert kept.n_covered == 2
    assert not PredictionHistory.objects.exists()


def test_projects_types_methods_and_months_are_kept_apart(now):
    one, other = ProjectFactory(), ProjectFactory()
    old(one, actual=2)
    old(other, actual=2)
    old(one, actual=2, method="heuristic")
    old(one, actual=2, prediction_type="story_points")
    old(one, actual=2, scored_at=LONG_AGO + timedelta(days=30))

    remove_old_history(now=now)

    assert list(PredictionAggregate.objects.values_list("n", flat=True)) == [1] * 5


def test_what_is_younger_than_the_setting_stays(now, settings):
    settings.ML_HISTORY_DAYS = 30
    kept = PredictionHistoryFactory(created_at=now - timedelta(days=29))
    PredictionHistoryFactory(created_at=now - timedelta(days=31))

    assert remove_old_history(now=now) == 1

    assert PredictionHistory.objects.get() == kept


def test_predictions_that_never_met_their_truth_leave_no_sums(now):
    old(ProjectFactory())

    assert remove_old_history(now=now) == 1

    assert not PredictionAggregate.objects.exists()


def test_several_batches_and_several_nights_add_up(now, monkeypatch):
    monkeypatch.setattr(clean_up, "BATCH_ROWS", 2)
    monkeypatch.setattr(clean_up, "MAX_BATCHES", 2)
    project = ProjectFactory()
    for _ in range(5):
        old(project, actual=2)

    assert [remove_old_history(now=now), remove_old_history(now=now)] == [4, 1]

    kept = PredictionAggregate.objects.get()
    assert (kept.n, kept.sum_absolute_error) == (5, 10.0)


def test_a_crash_in_a_batch_neither_loses_nor_counts_twice(now, monkeypatch):
    old(ProjectFactory(), actual=2)

    def crash(self):
        raise RuntimeError("the worker is killed")

    with monkeypatch.context() as crashing:
        crashing.setattr("django.db.models.query.QuerySet.delete", crash)
        with pytest.raises(RuntimeError):
            remove_old_history(now=now)

    assert not PredictionAggregate.objects.exists()
    remove_old_history(now=now)
    assert PredictionAggregate.objects.get().n == 1


def test_old_trainings_go_and_open_ones_stay(now):
    TrainingRunFactory(state="failed", created_at=LONG_AGO, finished_at=LONG_AGO)
    waiting = TrainingRunFactory(created_at=LONG_AGO)

    remove_old_history(now=now)

    assert TrainingRun.objects.get() == waiting


def test_the_nightly_task_removes_it():
    old(ProjectFactory(), actual=2)

    assert tasks.remove_old_history.delay().get() == 1


def test_a_clock_that_is_ahead_for_a_while_makes_nothing_old(caplog):
    made = timezone.now()
    PredictionHistoryFactory()
    note_activity(made)
    with time_machine.travel(made + timedelta(days=400)):
        # Whichever of the two the schedule sends first.
        assert tasks.remove_old_history() == 0
        note_activity(timezone.now())
        assert tasks.remove_old_history() == 0
    note_activity(timezone.now())
    assert tasks.remove_old_history() == 0
    assert caplog.text.count("the clock has jumped") == 3

    # It is set right, and goes on.
    tomorrow = timezone.now() + TRUSTED_AFTER
    with time_machine.travel(tomorrow):
        note_activity(tomorrow)
        assert tasks.remove_old_history() == 0
    assert caplog.text.count("the clock has jumped") == 3
    assert PredictionHistory.objects.exists()


def test_after_a_long_pause_the_second_night_removes_what_is_old():
    made = timezone.now()
    PredictionHistoryFactory()
    note_activity(made)
    with time_machine.travel(made + timedelta(days=400)) as clock:
        note_activity(timezone.now())
        assert tasks.remove_old_history() == 0
        clock.shift(TRUSTED_AFTER)
        note_activity(timezone.now())

        assert tasks.remove_old_history() == 1
