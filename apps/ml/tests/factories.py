"""Rows of the subsystem for tests: say what matters, the rest is sensible."""

from datetime import UTC, datetime
from typing import Any

import factory

from apps.common.models import Severity
from apps.ml.models import AnomalyDetection, MLModel, ModelType, PredictionHistory, TrainingRun
from apps.projects.tests.factories import ProjectFactory

TRAINED_AT = datetime(2026, 2, 20, 2, 0, tzinfo=UTC)


class MLModelFactory(factory.django.DjangoModelFactory):
    """A trained model's row; `is_active=True` also makes its status active. Its keys name no stored object."""

    class Meta:
        model = MLModel

    model_type = "effort_prediction"
    project = None
    version = factory.Sequence(lambda n: f"1.{n}.0")
    status = factory.LazyAttribute(lambda row: "active" if row.is_active else "trained")
    is_active = False
    s3_key = factory.LazyAttribute(lambda row: f"ml_models/{row.model_type}/{row.version}/20260220_020000/model.joblib")
    serving_key = factory.LazyAttribute(lambda row: row.s3_key.replace("model.joblib", "serving.npz"))
    digest = "0" * 64
    serving_digest = "0" * 64
    mae, rmse, r2_score = 2.0, 4.0, 0.3
    training_samples = 120
    trained_at = TRAINED_AT
    activated_at = factory.LazyAttribute(lambda row: row.trained_at if row.is_active else None)
    provenance: Any = factory.LazyAttribute(lambda row: {"trained_until": row.trained_at.isoformat()})


class TrainingRunFactory(factory.django.DjangoModelFactory):
    """A training of a project of its own, in the queue since the model before was trained."""

    class Meta:
        model = TrainingRun

    model_type = "effort_prediction"
    project = factory.SubFactory(ProjectFactory)
    created_at = queued_at = TRAINED_AT


class PredictionHistoryFactory(factory.django.DjangoModelFactory):
    """An effort prediction of 4 hours; `actual_value=…` also scores it."""

    class Meta:
        model = PredictionHistory

    prediction_type = ModelType.EFFORT_PREDICTION
    method = "ml_model"
    project = factory.SubFactory(ProjectFactory)
    predicted_value, range_low, range_high, range_level, confidence = 4.0, 2.0, 9.0, 0.8, 0.5
    created_at = TRAINED_AT
    scored_at = factory.LazyAttribute(lambda row: row.created_at if row.actual_value is not None else None)
    actual_value = None


class AnomalyDetectionFactory(factory.django.DjangoModelFactory):
    """An open anomaly."""

    class Meta:
        model = AnomalyDetection

    project = factory.SubFactory(ProjectFactory)
    anomaly_type = factory.Sequence(lambda n: f"anomaly_{n}")
    severity = Severity.MEDIUM
    description = "Something is unusual."
    detected_at = TRAINED_AT
