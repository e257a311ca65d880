"""Requests and responses of the model registry."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.functional import cached_property
from rest_framework import serializers

from apps.common.api.serializers import StrictSerializer
from apps.ml.models import MLModel, ModelType, TrainingRun
from apps.ml.selectors.workers import LONG, missing_workers
from apps.projects.names.fields import ProjectName
from apps.projects.selectors import sees_everything

#: Of no use to a client: the sample that a later test of degradation compares with.
_INTERNAL_METRICS = ("reference_errors",)


class ScopeRequest(StrictSerializer):
    """Whose model is meant: a project's own, or the one of all projects together."""

    model_type = serializers.ChoiceField(ModelType.choices)
    project_id = ProjectName(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`global` is a keyword of the language, and cannot be declared like the others."""
        return {
            **super().get_fields(),
            "global": serializers.BooleanField(
                required=False, default=False, help_text="True in place of a project_id: all projects together."
            ),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("project_id" in attrs) == attrs["global"]:
            raise serializers.ValidationError({"project_id": 'Either a project_id or "global": true is needed.'})
        return attrs


class ModelSerializer(serializers.ModelSerializer[MLModel]):
    """One training, without the keys of the store, which are the operator's."""

    project_id = serializers.UUIDField(allow_null=True, help_text="Null for the model of all projects together.")
    status = serializers.CharField(help_text="trained, active, deprecated or failed.")
    beats_baseline = serializers.SerializerMethodField(
        help_text="Whether it beat the naive baseline on issues it had not seen; if not, it answers with the baseline."
    )
    verdict = serializers.SerializerMethodField(help_text="Why it serves, or why not, in words.")

    class Meta:
        model = MLModel
        fields = [
            "id",
            "model_type",
            "project_id",
            "version",
            "status",
            "is_active",
            "mae",
            "rmse",
            "r2_score",
            "beats_baseline",
            "verdict",
            "training_samples",
            "trained_at",
            "activated_at",
        ]
        read_only_fields = fields

    def get_beats_baseline(self, model: MLModel) -> bool | None:
        beats: bool | None = model.metrics.get("beats_baseline")
        return beats

    def get_verdict(self, model: MLModel) -> str:
        return str(model.metrics.get("verdict", ""))


class ModelDetailSerializer(ModelSerializer):
    """Everything measured and recorded of one training."""

    metrics = serializers.SerializerMethodField(help_text="Beside each figure that of the naive baseline.")
    provenance = serializers.SerializerMethodField(help_text="Versions and data; of a model of all projects the day.")
    trained_by = serializers.SerializerMethodField(help_text="Id of who asked for it; null for the schedule.")
    failure_reason = serializers.SerializerMethodField(help_text="Why the training failed; empty if it did not.")

    class Meta(ModelSerializer.Meta):
        fields = [
            *ModelSerializer.Meta.fields,
            "metrics",
            "provenance",
            "dataset_digest",
            "trained_by",
            "failure_reason",
        ]
        read_only_fields = fields

    def get_metrics(self, model: MLModel) -> dict[str, Any]:
        return {name: value for name, value in model.metrics.items() if name not in _INTERNAL_METRICS}

    def get_provenance(self, model: MLModel) -> dict[str, Any]:
        until = model.provenance.get("trained_until")
        if model.project_id or not until:
            return dict(model.provenance)
        # The moment is when one project finished its newest issue.
        return {**model.provenance, "trained_until": until[:10]}

    def get_trained_by(self, model: MLModel) -> str | None:
        return str(model.trained_by_id) if model.trained_by_id and self._may_know(model) else None

    def get_failure_reason(self, model: MLModel) -> str:
        return model.failure_reason if self._may_know(model) else ""

    def _may_know(self, model: MLModel) -> bool:
        return _may_know(model, self.context)


def _may_know(row: MLModel | TrainingRun, context: Mapping[str, Any]) -> bool:
    """Who trained the global model, and what the store said then, is for administrators."""
    return row.project_id is not None or sees_everything(context["request"].user)


class JobSerializer(serializers.ModelSerializer[TrainingRun]):
    """A training that was asked for and how far it is."""

    project_id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(TrainingRun.State.choices)
    progress_steps = serializers.IntegerField(source="STEPS", read_only=True, help_text="Steps of a whole training.")
    failure_reason = serializers.SerializerMethodField(help_text="Why the last attempt failed; empty if it did not.")
    waits_for = serializers.SerializerMethodField(help_text="What a queued job lacks; empty if a worker is there.")
    model_id = serializers.UUIDField(allow_null=True, help_text="What came of it; null until it has succeeded.")

    class Meta:
        model = TrainingRun
        fields = [
            "id",
            "model_type",
            "project_id",
            "state",
            "cause",
            "attempts",
            "progress_step",
            "progress_steps",
            "progress_text",
            "failure_reason",
            "waits_for",
            "model_id",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_waits_for(self, run: TrainingRun) -> str:
        return self._missing if run.state == TrainingRun.State.QUEUED else ""

    @cached_property
    def _missing(self) -> str:
        # Once for all of a list.
        return missing_workers(timezone.now(), [LONG])

    def get_failure_reason(self, run: TrainingRun) -> str:
        return run.failure_reason if _may_know(run, self.context) else ""
