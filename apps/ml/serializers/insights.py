"""Requests and responses of sprint duration, sprint risk and project summary."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from apps.common.api.serializers import StrictSerializer
from apps.ml.core.sprints import risks as burndown
from apps.ml.core.sprints.duration import PRIOR_HITS, PRIOR_SPRINTS, TOLERANCE
from apps.ml.core.sprints.risks import UNDER_DELIVERY_PERCENT
from apps.ml.serializers.forecasts import (
    MAX_PLANNED_ISSUES,
    MIN_CAPACITY_HOURS,
    ForecastSerializer,
    SprintOutlookSerializer,
)
from apps.ml.serializers.issues import NamedIssueSerializer
from apps.ml.serializers.predictions import MAX_HOURS, RangeSerializer


def _steps(thresholds: Sequence[float]) -> str:
    return ", ".join(f"{threshold:g}" for threshold in thresholds)


class EstimateSprintDurationRequest(StrictSerializer):
    """Request of estimate-sprint-duration."""

    sprint_id = serializers.UUIDField()
    planned_issues = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        default=list,
        max_length=MAX_PLANNED_ISSUES,
        help_text="Issues of the sprint's project; the unfinished ones of the sprint if none are named.",
    )
    team_capacity_hours = serializers.FloatField(
        required=False,
        allow_null=True,
        default=None,
        min_value=MIN_CAPACITY_HOURS,
        max_value=MAX_HOURS,
        help_text="Hours the whole team has between the sprint's first and last day.",
    )


class SprintDurationResponse(serializers.Serializer[Any]):
    """How long the planned work takes."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    estimated_days = serializers.IntegerField(
        help_text="Calendar days from the sprint's first day to the day the work is done, both counted."
    )
    planned_days = serializers.IntegerField(allow_null=True, help_text="The same for the sprint's last day.")
    confidence = serializers.FloatField(
        help_text=(
            "Share of the team's own past sprints in which the same arithmetic, with what was known at their start, "
            f"would have been within {TOLERANCE:.0%} of the working days that the work delivered in them took: "
            f"(replays_within_tolerance + {PRIOR_HITS}) / (replayed_sprints + {PRIOR_SPRINTS}), which starts from what "
            "was measured on public sprints."
        )
    )
    average_velocity = serializers.FloatField(
        help_text="Mean output of the recent completed sprints in velocity_unit, those without any output included."
    )
    total_story_points = serializers.FloatField(help_text="Story points of the unfinished planned issues.")
    risk_factors = serializers.ListField(child=serializers.CharField())
    method = serializers.CharField(help_text="'velocity_based' (story points) or 'throughput_based' (issues).")
    velocity_unit = serializers.CharField(help_text="'points' or 'issues'.")
    estimated_working_days = serializers.FloatField(help_text="Working days that the unfinished work needs.")
    estimated_finish_date = serializers.DateField()
    days_range = RangeSerializer(
        help_text="Calendar days at the best and the worst output a working day of the recent sprints."
    )
    days_range_level = serializers.FloatField(
        help_text="Probability that the next sprint's output lies between those: (n - 1) / (n + 1) of n sprints."
    )
    capacity_basis = serializers.CharField(
        help_text=(
            "How the capacity entered: 'recorded_hours' (what past work took), 'estimated_hours' (of the planned "
            "issues), 'team_size' (people of past sprints at 8 h a day), 'not_given' or 'not_used'."
        )
    )
    capacity_needed_hours = serializers.FloatField(allow_null=True, help_text="Hours the work needs, by that basis.")
    planned_issue_count = serializers.IntegerField(help_text="Unfinished issues in the plan.")
    sprints_used = serializers.IntegerField()
    replayed_sprints = serializers.IntegerField()
    replays_within_tolerance = serializers.IntegerField()
    forecast = ForecastSerializer(
        allow_null=True,
        help_text=(
            "The same work in simulated futures: percentiles and the chance to be in time, as in sprint-risk, what-if "
            "and project-summary. estimated_days is the plain arithmetic beside it; where it lies outside what 70 of "
            "100 futures hold, risk_factors says so."
        ),
    )
    no_forecast_because = serializers.CharField(allow_null=True, help_text="Why forecast is null.")


class SprintRiskSerializer(serializers.Serializer[Any]):
    """One risk with its evidence."""

    risk_type = serializers.CharField(
        help_text=(
            "burndown_velocity, late_by_forecast, under_delivery, unassigned_issues, unestimated_issues, scope_added, "
            "stalled_issues, capacity_overload, hours_drift or urgent_issues_late."
        )
    )
    severity = serializers.CharField(
        help_text=(
            "low, medium, high or critical. They begin at these percentages: "
            f"behind an even pace {_steps(burndown.BEHIND_POINTS_PERCENT)}; "
            f"chance to be late {_steps(burndown.MISS_PERCENT)}; "
            f"chance to deliver less than 90 % of the commitment {_steps(UNDER_DELIVERY_PERCENT)}; "
            f"of the open issues unassigned {_steps(burndown.UNASSIGNED_PERCENT)}, "
            f"unestimated {_steps(burndown.UNESTIMATED_PERCENT)}, in progress without a change of status for more than "
            f"{burndown.STALLED_AFTER.days} days {_steps(burndown.STALLED_PERCENT)}; "
            f"of what the sprint began with added after its start {_steps(burndown.ADDED_PERCENT)}; "
            f"estimated hours left, of those the people have {_steps(burndown.OVERLOAD_PERCENT)}; "
            f"hours beyond the estimates of finished issues {_steps(burndown.DRIFT_PERCENT)}; "
            f"of the urgent issues open in the last third {_steps(burndown.URGENT_OPEN_PERCENT)}."
        )
    )
    description = serializers.CharField()
    issues = NamedIssueSerializer(many=True, help_text="The issues in the evidence, by name.")
    expected_completion = serializers.FloatField(
        allow_null=True, help_text="Percent an even pace would have done; only for burndown_velocity."
    )
    actual_completion = serializers.FloatField(allow_null=True, help_text="Percent done; only for burndown_velocity.")
    affected_metric = serializers.CharField()
    expected_value = serializers.FloatField()
    actual_value = serializers.FloatField()
    evidence = serializers.DictField()
    mitigation_suggestions = serializers.ListField(child=serializers.CharField())


class SprintRiskResponse(serializers.Serializer[Any]):
    """Risks of a running sprint, severest first; none for a sprint that is not running."""

    risks = SprintRiskSerializer(many=True)


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
