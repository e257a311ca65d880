"""Anomalies as clients see them, and what people can make of one."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api.serializers import StrictSerializer
from apps.ml.models import AnomalyDetection
from apps.ml.selectors.issues import named_issues
from apps.ml.serializers.predictions import NamedIssueSerializer

MAX_NOTES = 5000


class AnomalySerializer(serializers.ModelSerializer[AnomalyDetection]):
    """Something unusual with its evidence, and what became of it."""

    project_id = serializers.UUIDField(read_only=True)
    acknowledged_by = serializers.UUIDField(source="acknowledged_by_id", read_only=True, allow_null=True)
    resolved_by = serializers.UUIDField(source="resolved_by_id", read_only=True, allow_null=True)
    evidence = serializers.DictField(read_only=True)
    issues = serializers.SerializerMethodField(help_text="The issues in the evidence, by name.")
    mitigation_suggestions = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = AnomalyDetection
        fields = [
            "id",
            "project_id",
            "anomaly_type",
            "severity",
            "description",
            "affected_metric",
            "expected_value",
            "actual_value",
            "evidence",
            "issues",
            "mitigation_suggestions",
            "status",
            "detected_at",
            "acknowledged_at",
            "acknowledged_by",
            "resolved_at",
            "resolved_by",
            "notes",
        ]
        read_only_fields = fields

    @extend_schema_field(NamedIssueSerializer(many=True))
    def get_issues(self, anomaly: AnomalyDetection) -> list[dict[str, str]]:
        """By the titles that the view has read for all."""
        return named_issues(anomaly.evidence.get("issues", ()), self.context["titles"])


class ReviewRequest(StrictSerializer):
    """What to make of an open anomaly; a closed one stays as it is."""

    status = serializers.ChoiceField(
        choices=[status.value for status in AnomalyDetection.REVIEWS],
        help_text=(
            "investigating (somebody looks at it), resolved (the cause is gone) or false_positive (nothing was wrong; "
            "the same kind stays silent for four weeks unless it becomes worse)."
        ),
    )
    notes = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=MAX_NOTES, help_text="Added below earlier ones."
    )
