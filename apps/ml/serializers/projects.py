"""Requests and responses of sprint duration, sprint risk and project summary."""

from typing import Any

from rest_framework import serializers

from apps.ml.serializers.forecasts import (
    SprintOutlookSerializer,
)


class MetricsBreakdownSerializer(serializers.Serializer[Any]):
    """The counts behind the summary; all but the first three are of issues that are not completed."""

    total_issues = serializers.IntegerField()
    completed_issues = serializers.IntegerField()
    sprints_analyzed = serializers.IntegerField(help_text="Recent completed sprints that velocity is taken from.")
    unassigned_issues = serializers.IntegerField()
    overdue_issues = serializers.IntegerField(help_text="Past their due date.")
    stale_issues = serializers.IntegerField(help_text="Nothing recorded has changed for 30 days.")


class RiskPartsSerializer(serializers.Serializer[Any]):
    """The parts of the risk score; they add up to it."""

    overdue = serializers.FloatField(help_text="At most 40.")
    slowdown = serializers.FloatField(help_text="At most 25.")
    unassigned = serializers.FloatField(help_text="At most 20.")
    stale = serializers.FloatField(help_text="At most 15.")


class ProjectSummaryResponse(serializers.Serializer[Any]):
    """A project in a few numbers."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    completion = serializers.FloatField(help_text="Percent of all issues that are completed.")
    velocity = serializers.FloatField(
        allow_null=True,
        help_text="Mean story points of the recent completed sprints, zeros included; null before the first.",
    )
    risk_score = serializers.FloatField(
        help_text="0 to 100: the sum of risk_parts. A score to compare, no probability."
    )
    risk_parts = RiskPartsSerializer()
    project_id = serializers.UUIDField()
    generated_at = serializers.DateTimeField()
    metrics_breakdown = MetricsBreakdownSerializer()
    sprint_forecasts = SprintOutlookSerializer(many=True, help_text="The running sprints.")
    in_words = serializers.CharField(help_text="The same numbers as a paragraph.")
