"""What the subsystem remembers: trained models, every prediction with its outcome, anomalies found."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from apps.common.columns.kinds import WordsField
from apps.common.models import Severity, UUIDModel
from apps.ml.installation_models import Installation as Installation  # noqa: PLC0414 - models of this app
from apps.ml.installation_models import StrayObject as StrayObject  # noqa: PLC0414
from apps.ml.installation_models import WorkerSeen as WorkerSeen  # noqa: PLC0414
from apps.ml.kept_models import KeptForecast as KeptForecast  # noqa: PLC0414
from apps.ml.kept_models import KeptPast as KeptPast  # noqa: PLC0414
from apps.ml.kept_models import Replay as Replay  # noqa: PLC0414
from apps.ml.kept_models import TextSnapshot as TextSnapshot  # noqa: PLC0414
from apps.ml.model_types import ModelType as ModelType  # noqa: PLC0414
from apps.projects.models import Issue, Project, Sprint


class MLModel(UUIDModel):
    """One training: its artefacts, what it was trained on, how well it did, and whether it serves."""

    class Status(models.TextChoices):
        TRAINED = "trained"
        ACTIVE = "active"
        DEPRECATED = "deprecated"
        FAILED = "failed"

    model_type = models.CharField(max_length=32, choices=ModelType.choices)
    #: Null for a global model, which serves projects without one of their own.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="ml_models")
    #: MAJOR is the feature schema of the code, MINOR counts the trainings of one (type, scope).
    version = models.CharField(max_length=32)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.TRAINED)
    is_active = models.BooleanField(default=False)

    #: The scikit-learn estimators, opened by training and diagnosis only.
    s3_key = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=200, blank=True)
    #: The plain arrays that a web process loads.
    serving_key = models.CharField(max_length=500, blank=True)
    serving_digest = models.CharField(max_length=64, blank=True)
    serving_signature = models.CharField(max_length=200, blank=True)
    dataset_key = models.CharField(max_length=500, blank=True)
    dataset_digest = models.CharField(max_length=64, blank=True)

    mae = models.FloatField(null=True, blank=True)
    rmse = models.FloatField(null=True, blank=True)
    r2_score = models.FloatField(null=True, blank=True)
    #: Everything else the evaluation measured, the naive baseline's figures included.
    metrics = models.JSONField(default=dict, blank=True)
    training_samples = models.PositiveIntegerField(default=0)
    #: Code and library versions, seed: what it takes to train the same model again.
    provenance = models.JSONField(default=dict, blank=True)
    failure_reason = WordsField(max_length=500, blank=True)
    #: Why a process that should have served it could not read it or get an answer; the next training replaces it.
    refusal = WordsField(max_length=200, blank=True)

    trained_at = models.DateTimeField(default=timezone.now)
    trained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "ML model"
        ordering = ["-trained_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_type", "project"],
                condition=Q(is_active=True, project__isnull=False),
                name="ml_one_active_model_per_project",
            ),
            models.UniqueConstraint(
                fields=["model_type"],
                condition=Q(is_active=True, project__isnull=True),
                name="ml_one_active_global_model",
            ),
            models.UniqueConstraint(fields=["model_type", "project", "version"], name="ml_version_once_per_project"),
            models.UniqueConstraint(
                fields=["model_type", "version"], condition=Q(project__isnull=True), name="ml_version_once_globally"
            ),
            models.CheckConstraint(
                condition=Q(is_active=True, status="active") | (Q(is_active=False) & ~Q(status="active")),
                name="ml_active_means_active",
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | (~Q(s3_key="") & ~Q(serving_key="")), name="ml_active_has_artefacts"
            ),
        ]
        indexes = [models.Index(fields=["model_type", "project", "-trained_at"], name="ml_model_by_scope")]

    def __str__(self) -> str:
        return f"{self.model_type} {self.version} ({self.project.key if self.project else 'global'})"


class TrainingRun(UUIDModel):
    """One training that was asked for. This row, not the broker's message, says what is to be done and what was."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    #: States in which a scope has work before it.
    OPEN = (State.QUEUED, State.RUNNING)
    #: Of a whole training, see `progress_step`.
    STEPS = 9

    model_type = models.CharField(max_length=32, choices=ModelType.choices)
    #: Null for the global model.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="training_runs")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    #: Why it was asked for, in words.
    cause = WordsField(max_length=200, blank=True)
    #: How often a worker began; also tells a worker that came back from the dead that another has taken over.
    attempts = models.PositiveSmallIntegerField(default=0)
    progress_step = models.PositiveSmallIntegerField(default=0)
    progress_text = WordsField(max_length=200, blank=True)
    #: Why the last attempt failed, in words for a person.
    failure_reason = WordsField(max_length=500, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: What came of it.
    model = models.ForeignKey(MLModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    #: When it was last put in the queue.
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    #: When the worker last showed that it lives.
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_type", "project"],
                condition=Q(state__in=["queued", "running"], project__isnull=False),
                name="ml_one_open_run_per_project",
            ),
            models.UniqueConstraint(
                fields=["model_type"],
                condition=Q(state__in=["queued", "running"], project__isnull=True),
                name="ml_one_open_global_run",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["succeeded", "failed"], finished_at__isnull=False),
                name="ml_run_finished_means_over",
            ),
        ]
        indexes = [
            models.Index(fields=["model_type", "project", "-created_at"], name="ml_run_by_scope"),
            models.Index(
                fields=["state", "heartbeat_at"], condition=Q(state__in=["queued", "running"]), name="ml_run_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_type} for {self.project_id or 'global'}: {self.state}"


class PredictionHistory(UUIDModel):
    """One answer that was given, whatever method gave it, and what came of it."""

    class Kind(models.TextChoices):
        """What is answered without a model of the registry; the other types of prediction are those of models."""

        SPRINT_RISK = "sprint_risk"
        SUMMARY = "project_summary"
        FORECAST = "forecast"
        WHAT_IF = "what_if"
        SPRINT_OUTCOME = "sprint_outcome"

    TYPES = (*ModelType.choices, *Kind.choices)

    prediction_type = models.CharField(max_length=32, choices=TYPES)
    method = models.CharField(max_length=32)
    model = models.ForeignKey(MLModel, on_delete=models.SET_NULL, null=True, blank=True, related_name="predictions")
    #: Kept beside the key, so that the row still says who answered when the model is gone.
    model_version = models.CharField(max_length=32, blank=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="predictions")
    issue = models.ForeignKey(Issue, on_delete=models.SET_NULL, null=True, blank=True, related_name="predictions")
    sprint = models.ForeignKey(Sprint, on_delete=models.SET_NULL, null=True, blank=True, related_name="predictions")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    input = models.JSONField(default=dict)
    predicted_value = models.FloatField(null=True, blank=True)
    expected_value = models.FloatField(null=True, blank=True)
    range_low = models.FloatField(null=True, blank=True)
    range_high = models.FloatField(null=True, blank=True)
    range_level = models.FloatField(null=True, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    #: What scoring and correction need besides the value: the predicted scale, probabilities, the team's estimate.
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    actual_value = models.FloatField(null=True, blank=True)
    scored_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "prediction history"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0, confidence__lte=1),
                name="ml_confidence_is_a_probability",
            ),
            models.CheckConstraint(
                condition=Q(range_low__isnull=True) | Q(range_high__gte=F("range_low")), name="ml_range_in_order"
            ),
            models.CheckConstraint(
                condition=Q(actual_value__isnull=True, scored_at__isnull=True)
                | Q(actual_value__isnull=False, scored_at__isnull=False),
                name="ml_scored_means_actual",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "prediction_type", "-created_at"], name="ml_history_by_project"),
            models.Index(
                fields=["project", "prediction_type", "-scored_at"],
                condition=Q(scored_at__isnull=False),
                name="ml_history_scored",
            ),
            models.Index(
                fields=["model", "issue", "created_at"],
                condition=Q(scored_at__isnull=False),
                name="ml_history_by_model",
            ),
            models.Index(fields=["created_at"], name="ml_history_by_age"),
            models.Index(
                fields=["issue", "prediction_type"], condition=Q(actual_value__isnull=True), name="ml_history_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prediction_type} by {self.method} at {self.created_at:%Y-%m-%d %H:%M}"


class PredictionAggregate(models.Model):
    """What is left of scored predictions after their rows were removed for age: sums of one month."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="prediction_aggregates")
    prediction_type = models.CharField(max_length=32, choices=PredictionHistory.TYPES)
    method = models.CharField(max_length=32)
    #: The first day of the month (UTC) in which the outcomes became known.
    month = models.DateField()
    n = models.PositiveIntegerField(default=0)
    #: In the unit of the prediction: hours or points.
    sum_absolute_error = models.FloatField(default=0.0)
    #: Of |ln(predicted / actual)|, over the `n_log` predictions in which both are positive.
    sum_absolute_log_error = models.FloatField(default=0.0)
    n_log = models.PositiveIntegerField(default=0)
    #: Predictions with a range, and outcomes inside theirs.
    n_ranged = models.PositiveIntegerField(default=0)
    n_covered = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["project", "prediction_type", "method", "month"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "prediction_type", "method", "month"], name="ml_aggregate_once_a_month"
            )
        ]

    def __str__(self) -> str:
        return f"{self.n} x {self.prediction_type} by {self.method} in {self.month:%Y-%m}"


class AnomalyDetection(UUIDModel):
    """Something unusual, with its evidence and what people made of it."""

    class Status(models.TextChoices):
        DETECTED = "detected"
        INVESTIGATING = "investigating"
        RESOLVED = "resolved"
        FALSE_POSITIVE = "false_positive"

    #: What people can make of one.
    REVIEWS = (Status.INVESTIGATING, Status.RESOLVED, Status.FALSE_POSITIVE)

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="anomalies")
    sprint = models.ForeignKey(Sprint, on_delete=models.CASCADE, null=True, blank=True, related_name="anomalies")
    anomaly_type = models.CharField(max_length=64)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    description = models.TextField()
    affected_metric = models.CharField(max_length=100, blank=True)
    expected_value = models.FloatField(null=True, blank=True)
    actual_value = models.FloatField(null=True, blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    mitigation_suggestions = models.JSONField(default=list, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.DETECTED)
    detected_at = models.DateTimeField(default=timezone.now)
    #: Who looks into it, and since when.
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    notes = models.TextField(blank=True)

    class Meta:
        ordering = ["-detected_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(severity__in=["low", "medium", "high", "critical"]), name="ml_anomaly_severity_known"
            ),
            # One open finding of a kind: repeating a detection finds the row instead of adding one.
            models.UniqueConstraint(
                fields=["project", "anomaly_type"],
                condition=Q(status__in=["detected", "investigating"], sprint__isnull=True),
                name="ml_one_open_anomaly_per_kind",
            ),
        ]
        indexes = [models.Index(fields=["project", "status", "-detected_at"], name="ml_anomaly_by_project")]

    def __str__(self) -> str:
        return f"{self.anomaly_type} ({self.severity})"
