"""The answer of the project summary."""

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.ml.serializers.forecasts import SprintOutlookSerializer


class MetricsBreakdownSerializer(Answer):
    """The counts behind the summary; all but the first three are of issues that are not completed."""

    total_issues = serializers.IntegerField(source="counts.total")
    completed_issues = serializers.IntegerField(source="counts.completed")
    sprints_analyzed = serializers.IntegerField(help_text="Recent completed sprints that velocity is taken from.")
    unassigned_issues = serializers.IntegerField(source="counts.unassigned")
    overdue_issues = serializers.IntegerField(source="counts.overdue", help_text="Past their due date.")
    stale_issues = serializers.IntegerField(
        source="counts.stale", help_text="Nothing recorded has changed for 30 days."
    )


class RiskPartsSerializer(Answer):
    """The parts of the risk score; they add up to it."""

    overdue = Number(help_text="At most 40.")
    slowdown = Number(help_text="At most 25.")
    unassigned = Number(help_text="At most 20.")
    stale = Number(help_text="At most 15.")


class ProjectSummaryResponse(Answer):
    """A project in a few numbers."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    project_id = serializers.UUIDField()
    completion = Number(help_text="Percent of all issues that are completed.")
    velocity = Number(
        allow_null=True,
        help_text="Mean story points of the recent completed sprints, zeros included; null before the first.",
    )
    risk_score = Number(help_text="0 to 100: the sum of risk_parts. A score to compare, no probability.")
    risk_parts = RiskPartsSerializer()
    generated_at = serializers.DateTimeField()
    metrics_breakdown = MetricsBreakdownSerializer(source="*")
    sprint_forecasts = SprintOutlookSerializer(many=True, help_text="The running sprints, those nearest to their end.")
    sprint_forecasts_left_out = serializers.IntegerField(help_text="How many more sprints run.")
    in_words = serializers.CharField(help_text="The same numbers as a paragraph.")
