"""What operations ask of the machine learning: live figures, health of store and models, and silent logs."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import OperationalError

from apps.common.operations.health import Health
from apps.common.operations.logging import ContextFilter, JSONFormatter
from apps.common.operations.metrics import LIVE_GAUGES
from apps.common.operations.scrape import LIVE_METRICS, exposition
from apps.ml import health as ml_health
from apps.ml import live_metrics
from apps.ml.selectors.monitoring import LiveAccuracy, ServingModel
from apps.ml.services import PredictionService
from apps.ml.tests.factories import MLModelFactory, PredictionHistoryFactory
from apps.projects.tests.factories import ProjectFactory

TITLE = "Pay Mr Smith's overdue invoice"
OK = Health("ok", "It answers.")


@pytest.fixture(autouse=True)
def nothing_asked_yet() -> Iterator[None]:
    LIVE_METRICS.forget()
    yield
    LIVE_METRICS.forget()


@pytest.fixture
def stream() -> StringIO:
    return StringIO()


def values_of(metrics: Any) -> dict[tuple[str, ...], float]:
    return {(each.name, *each.labels.values()): each.value for family in metrics for each in family.samples}


@pytest.mark.django_db
def test_live_figures_equal_a_hand_computation(now: datetime) -> None:
    project = ProjectFactory(key="PAY")
    for predicted, actual in ((4.0, 5.0), (4.0, 10.0), (4.0, 2.0)):  # errors 1, 6, 2; 10 is outside of 2 to 9
        PredictionHistoryFactory(project=project, predicted_value=predicted, actual_value=actual, created_at=now)
    PredictionHistoryFactory(project=project, actual_value=99.0, created_at=now - timedelta(days=31))
    PredictionHistoryFactory(project=project, created_at=now)
    MLModelFactory(project=project, is_active=True, trained_at=now - timedelta(days=2))

    found = values_of(live_metrics.read_at(now))

    assert found["scrum_ml_live_outcomes", "effort_prediction", "PAY"] == 3
    assert found["scrum_ml_live_mae", "effort_prediction", "PAY"] == pytest.approx(3.0)
    assert found["scrum_ml_live_coverage_ratio", "effort_prediction", "PAY"] == pytest.approx(2 / 3)
    assert found["scrum_ml_live_nominal_coverage_ratio", "effort_prediction", "PAY"] == pytest.approx(0.8)
    assert found["scrum_ml_model_age_seconds", "effort_prediction", "PAY"] == 2 * 24 * 3600
    assert found["scrum_ml_active_models", "effort_prediction"] == 1


@pytest.mark.django_db
def test_it_takes_two_queries_however_many_projects_there_are(now: datetime, django_assert_num_queries: Any) -> None:
    for _ in range(3):
        PredictionHistoryFactory(actual_value=3.0, created_at=now)

    with django_assert_num_queries(2):
        live_metrics.read_at(now)


def test_ten_thousand_projects_stay_few_series_and_lose_no_outcome(now: datetime) -> None:
    accuracy = [LiveAccuracy("effort_prediction", f"P{n}", 10, float(n % 7), 4.0, 10, 0.8, 0.8) for n in range(10_000)]
    models = [ServingModel("effort_prediction", f"P{n}", now - timedelta(hours=n)) for n in range(10_000)]

    found = values_of(live_metrics.gauges(models, accuracy, now=now))

    assert len(found) < 7 * (live_metrics.MOST_PROJECTS + 2)
    assert sum(value for key, value in found.items() if key[0] == "scrum_ml_live_outcomes") == 100_000
    rest = [row.mean_absolute_error for row in accuracy[live_metrics.MOST_PROJECTS :]]
    assert found["scrum_ml_live_mae", "effort_prediction", "(others)"] == pytest.approx(sum(rest) / len(rest))
    assert found["scrum_ml_model_age_seconds", "effort_prediction", "(others)"] == 9_999 * 3600


def test_a_prediction_without_a_range_counts_for_the_error_only(now: datetime) -> None:
    found = values_of(
        live_metrics.gauges([], [LiveAccuracy("story_points", "P", 4, 1.5, 4.0, 0, 0.0, 0.0)], now=now),
    )

    assert found["scrum_ml_live_mae", "story_points", "P"] == 1.5
    assert found["scrum_ml_live_rmse", "story_points", "P"] == 2.0
    assert not any("coverage" in key[0] for key in found)


def test_a_global_model_has_a_name_that_no_project_can_have(now: datetime) -> None:
    found = values_of(live_metrics.gauges([ServingModel("story_points", "", now)], [], now=now))

    assert found["scrum_ml_model_age_seconds", "story_points", "(global)"] == 0


@pytest.mark.django_db  # for the other gauges, which are asked too
def test_without_a_database_the_counters_are_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(live_metrics, "serving_models", refuse)

    text = exposition().decode()

    assert "scrum_ml_live_metrics_up 0.0" in text
    assert "scrum_ml_active_models" not in text
    assert "python_info" in text


def test_the_gauges_that_are_declared_are_the_ones_that_are_made(now: datetime) -> None:
    made = {family.name for family in live_metrics.gauges([], [], now=now)}

    assert made == set(LIVE_GAUGES)


@pytest.mark.django_db
def test_models_are_counted_and_their_absence_is_a_degradation() -> None:
    before = ml_health.active_models()
    MLModelFactory(is_active=True)

    assert (before.status, ml_health.active_models()) == ("degraded", Health("ok", "1 active."))


@pytest.mark.django_db
def test_models_that_a_process_could_not_read_are_told(django_assert_num_queries: Any) -> None:
    MLModelFactory(is_active=True)
    MLModelFactory(is_active=True, model_type="story_points", refusal="Its signature is not ours.")
    MLModelFactory(is_active=False, refusal="Its signature is not ours.")
    MLModelFactory(is_active=True, refusal="Nobody asks.", project=ProjectFactory(predictions_enabled=False))

    with django_assert_num_queries(1):
        found = ml_health.active_models()

    assert found.status == "degraded"
    assert found.message.startswith("1 of 3 active models cannot be loaded: simple methods answer there.")


def test_a_full_disk_degrades_the_store(model_store_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ml_health.store()
    monkeypatch.setattr(ml_health, "LITTLE_SPACE_BYTES", 2**62)

    assert (before, ml_health.store().status) == (OK, "degraded")


@pytest.mark.engine
def test_the_store_is_well_on_a_real_server_and_a_missing_bucket_is_not(s3_bucket: str, settings: Any) -> None:
    assert ml_health.store() == OK

    settings.AWS_STORAGE_BUCKET_NAME = "there-is-no-such-bucket"

    with pytest.raises(RuntimeError, match="NoSuchBucket"):
        ml_health.store()


@pytest.mark.django_db
def test_a_prediction_logs_neither_its_texts_nor_a_secret(stream: StringIO) -> None:
    root, handler = logging.getLogger(), logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter())
    handler.addFilter(ContextFilter())
    root.addHandler(handler)
    try:
        PredictionService().predict_issue_effort(
            title=TITLE, description=TITLE * 3, issue_type="bug", project_id=ProjectFactory().id
        )
        logging.getLogger("apps.test").warning("So that there is a line")
    finally:
        root.removeHandler(handler)

    assert stream.getvalue()
    for secret in ("Smith", django_settings.SECRET_KEY, *django_settings.ML_SIGNING_KEYS):
        assert secret not in stream.getvalue()
