"""Sprints over HTTP: duration, risks, burndown, outcome."""

from collections.abc import Sequence

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.common.api.serializers import StrictSerializer
from apps.common.hours import MOST_HOURS
from apps.ml.core.forecasts.forecaster import EARLY_PERCENT, NEAR_SHARE, PROMISED_PERCENT
from apps.ml.core.past.velocity import VELOCITY_SPRINTS
from apps.ml.core.sprints import risks
from apps.ml.core.sprints.duration import PRIOR_HITS, PRIOR_SPRINTS, TOLERANCE
from apps.ml.core.sprints.outcome.baselines import LAST_SPRINTS
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE
from apps.ml.core.sprints.outcome.serving import LEARNED, POOLED, PRIOR_ONLY, SIMULATION_WEIGHT
from apps.ml.core.sprints.risks import UNDER_DELIVERY_PERCENT
from apps.ml.serializers.forecasts import (
    MAX_PLANNED_ISSUES,
    MIN_CAPACITY_HOURS,
    ForecastSerializer,
)
from apps.ml.serializers.predictions import NamedIssueSerializer, RangeSerializer
from apps.projects.names.fields import IssueName


def _steps(thresholds: Sequence[float]) -> str:
    return ", ".join(f"{threshold:g}" for threshold in thresholds)


class EstimateSprintDurationRequest(StrictSerializer):
    """Request of estimate-sprint-duration."""

    sprint_id = serializers.UUIDField()
    planned_issues = serializers.ListField(
        child=IssueName(),
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
        max_value=MOST_HOURS,
        help_text="Hours the whole team has between the sprint's first and last day.",
    )


class SprintDurationResponse(Answer):
    """How long the planned work takes."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    estimated_days = serializers.IntegerField(
        help_text="Calendar days from the sprint's first day to the day the work is done, both counted."
    )
    planned_days = serializers.IntegerField(allow_null=True, help_text="The same for the sprint's last day.")
    confidence = Number(
        help_text=(
            f"Chance that the work takes within {NEAR_SHARE:.0%} of the estimated working days. Without a forecast: "
            "share of the team's own past sprints in which the arithmetic, with what was known at their start, "
            f"would have been within {TOLERANCE:.0%} of the working days that the work delivered in them took: "
            f"(replays_within_tolerance + {PRIOR_HITS}) / (replayed_sprints + {PRIOR_SPRINTS}), which starts from what "
            "was measured on public sprints."
        )
    )
    average_velocity = Number(
        help_text="Mean output of the recent completed sprints in velocity_unit, those without any output included."
    )
    total_story_points = Number(help_text="Story points of the unfinished planned issues.")
    risk_factors = serializers.ListField(child=serializers.CharField())
    method = serializers.CharField(help_text="'velocity_based' (story points) or 'throughput_based' (issues).")
    velocity_unit = serializers.CharField(source="unit", help_text="'points' or 'issues'.")
    estimated_working_days = Number(source="working_days", help_text="Working days that the unfinished work needs.")
    estimated_finish_date = serializers.DateField(
        source="finish_date", help_text="Done by then in half of the futures."
    )
    days_range = RangeSerializer(
        help_text=(
            f"Calendar days, done by then in {EARLY_PERCENT} and in {PROMISED_PERCENT} of 100 futures. Without a "
            "forecast: at the best and the worst output a working day of the recent sprints."
        )
    )
    days_range_level = Number(
        source="days_range.level",
        digits=3,
        help_text=(
            "Probability of that range. Without a forecast, that the next sprint's output lies between those: "
            "(n - 1) / (n + 1) of n sprints."
        ),
    )
    capacity_basis = serializers.CharField(
        source="capacity.basis",
        help_text=(
            "How the capacity entered: 'recorded_hours' (what past work took), 'estimated_hours' (of the planned "
            "issues), 'team_size' (people of past sprints at 8 h a day), 'not_given' or 'not_used'."
        ),
    )
    capacity_needed_hours = Number(
        source="capacity.needed_hours", digits=1, allow_null=True, help_text="Hours the work needs, by that basis."
    )
    planned_issue_count = serializers.IntegerField(help_text="Unfinished issues in the plan.")
    sprints_used = serializers.IntegerField()
    replayed_sprints = serializers.IntegerField()
    replays_within_tolerance = serializers.IntegerField()
    forecast = ForecastSerializer(
        allow_null=True,
        help_text=(
            "The same work in the team's futures: percentiles and the chance to be in time, as in sprint outcome, "
            "risk, what-if and project-summary. The estimate is read from it; where the plain division by velocity "
            "lies outside what 70 of 100 futures hold, risk_factors says so."
        ),
    )
    no_forecast_because = serializers.CharField(allow_null=True, help_text="Why forecast is null.")


class SprintRiskSerializer(Answer):
    """One risk with its evidence."""

    risk_type = serializers.CharField(
        source="kind",
        help_text=(
            "burndown_velocity, late_by_forecast or under_delivery (one of them: the sprint falls short, with every "
            "sign in its evidence), unassigned_issues, unestimated_issues, scope_added, "
            "stalled_issues, capacity_overload, hours_drift, urgent_issues_late, circular_links or unowned_blockers."
        ),
    )
    severity = serializers.CharField(
        help_text=(
            "low, medium, high or critical. They begin at these percentages: "
            f"behind an even pace {_steps(risks.BEHIND_POINTS_PERCENT)}; "
            f"chance to be late {_steps(risks.MISS_PERCENT)}; "
            f"chance to deliver less than 90 % of the commitment {_steps(UNDER_DELIVERY_PERCENT)}; "
            f"of the open issues unassigned {_steps(risks.UNASSIGNED_PERCENT)}, "
            f"unestimated {_steps(risks.UNESTIMATED_PERCENT)}, in progress without a change of status for more than "
            f"{risks.STALLED_AFTER.days} days {_steps(risks.STALLED_PERCENT)}; "
            f"of what the sprint began with added after its start {_steps(risks.ADDED_PERCENT)}; "
            f"estimated hours left, of those the people have {_steps(risks.OVERLOAD_PERCENT)}; "
            f"hours beyond the estimates of finished issues {_steps(risks.DRIFT_PERCENT)}; "
            f"of the urgent issues open in the last third {_steps(risks.URGENT_OPEN_PERCENT)}."
        )
    )
    description = serializers.CharField()
    expected_completion = Number(
        allow_null=True, help_text="Percent an even pace would have done; only for burndown_velocity."
    )
    actual_completion = Number(allow_null=True, help_text="Percent done; only for burndown_velocity.")
    affected_metric = serializers.CharField(source="metric")
    expected_value = Number(source="expected")
    actual_value = Number(source="actual")
    evidence = serializers.DictField()
    issues = NamedIssueSerializer(many=True, help_text="The issues in the evidence, by name.")
    mitigation_suggestions = serializers.ListField(child=serializers.CharField(), source="mitigation")


class UntoldSerializer(Answer):
    """What was not judged for want of facts: its absence among the risks says nothing."""

    risk_types = serializers.ListField(
        child=serializers.CharField(),
        help_text="Risks that were not judged, or only by what is known here; empty where none was.",
    )
    because = serializers.CharField()


class SprintRiskResponse(Answer):
    """Risks of a running sprint, severest first, and what nobody could judge."""

    risks = SprintRiskSerializer(many=True)
    cannot_tell = UntoldSerializer(many=True)


class AmountSerializer(Answer):
    """Some issues, in both units."""

    issues = serializers.IntegerField()
    points = serializers.FloatField(help_text="Issues without points add none.")


class BurndownStartSerializer(Answer):
    """The sprint when planning ended."""

    at = serializers.DateTimeField()
    committed = AmountSerializer()


class BurndownDaySerializer(Answer):
    """The sprint at the end of a day; today as of now."""

    day = serializers.DateField()
    scope = AmountSerializer(help_text="What was in the sprint.")
    remaining = AmountSerializer(help_text="Of it not done.")
    done = AmountSerializer()


class IdealDaySerializer(Answer):
    """What would be left had the committed work gone evenly over the days."""

    day = serializers.DateField()
    issues = serializers.FloatField()
    points = serializers.FloatField()


class BurndownResponse(Answer):
    """As the history stood at the end of each day: later edits change none of it."""

    sprint_id = serializers.UUIDField()
    is_frozen = serializers.BooleanField(help_text="Whether the sprint's history was kept when it was closed.")
    start = BurndownStartSerializer(
        allow_null=True, help_text="Null for a sprint without a start, and where the commitment is unknown."
    )
    commitment_unknown_because = serializers.CharField(allow_null=True, help_text="Why start is null, if days are not.")
    no_days_because = serializers.CharField(allow_null=True, help_text="Why there are no days.")
    days = BurndownDaySerializer(many=True)
    ideal = IdealDaySerializer(many=True, help_text="Empty without dates, and without a known commitment.")
    days_left_out = serializers.IntegerField(help_text="Of a sprint of more than a year the latest days are shown.")


class DeliveredRangeSerializer(Answer):
    """From, to; in the unit."""

    min = Number(source="low", digits=2)
    max = Number(source="high", digits=2)


class OutcomeBaselinesSerializer(Answer):
    """What could be said without a model, in the unit."""

    scope_met = Number(source="scope_met_points", help_text="Exactly what is in the sprint.")
    average_velocity = Number(
        digits=2,
        allow_null=True,
        help_text=f"Mean delivered by the last {VELOCITY_SPRINTS} completed sprints, as everywhere; null without any.",
    )
    scope_x_ratio = Number(
        source="scope_ratio_points", digits=2, allow_null=True, help_text="Scope times usual_ratio; null without it."
    )
    usual_ratio = Number(
        digits=4,
        allow_null=True,
        help_text=(
            f"What the last {LAST_SPRINTS} sprints delivered beside their scope at the same share of their time; "
            "null where no past sprint is known with what it had committed."
        ),
    )


class OutcomeHistorySerializer(Answer):
    """The team's own past that was used."""

    past_sprints = serializers.IntegerField(help_text="Completed sprints that had something to do.")
    unrecorded_sprints = serializers.IntegerField(
        help_text="Completed sprints left out, since nobody knows what they had committed."
    )
    replayed_sprints = serializers.IntegerField(
        help_text="Those predicted again, each with only what was known at the matching moment, to correct this answer."
    )


class SprintOutcomeResponse(Answer):
    """What a sprint will have delivered by its end."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    unit = serializers.ChoiceField(
        choices=["points", "issues"], help_text="Issues where most of the sprint's issues carry no points."
    )
    committed = Number(
        source="moment.committed_points",
        allow_null=True,
        help_text="In the sprint when planning ended, sized as it was then; null where the history does not tell it.",
    )
    commitment_unknown_because = serializers.CharField(allow_null=True, help_text="Why committed is null.")
    scope = Number(
        source="outcome.scope_points",
        help_text="In the sprint now: with what was added and without what was removed. All chances are of this.",
    )
    done = Number(source="moment.done.points")
    elapsed_ratio = Number(
        source="moment.elapsed_ratio",
        digits=4,
        help_text="Time gone: share of the planned days that have passed by this evening.",
    )
    typical_delivered = Number(
        source="outcome.typical_points", digits=2, help_text="The median: compare a single sprint with it."
    )
    expected_delivered = Number(
        source="outcome.expected_points", digits=2, help_text="The mean: add it up over sprints."
    )
    delivered_range = DeliveredRangeSerializer(source="outcome.interval")
    range_level = Number(source="outcome.interval.level", help_text="Share of outcomes that the range shall hold.")
    range_measured_coverage = Number(
        source="outcome.interval.measured_coverage",
        digits=4,
        allow_null=True,
        help_text="Share of the team's own past sprints that it would have held; null without any.",
    )
    range_outcomes = serializers.IntegerField(
        source="outcome.interval.n_outcomes", help_text="Past sprints behind that share."
    )
    probability_delivered = Number(
        source="outcome.probability", digits=4, help_text="Chance to deliver at least delivered_share."
    )
    delivered_share = Number(help_text=f"Of the scope: {DELIVERED_SHARE}.")
    probability_all = Number(
        source="outcome.probability_all", digits=4, help_text="Chance to deliver all of the scope, by the last day."
    )
    baselines = OutcomeBaselinesSerializer()
    history = OutcomeHistorySerializer()
    method = serializers.ChoiceField(
        source="outcome.method",
        choices=[POOLED, LEARNED, PRIOR_ONLY],
        help_text=(
            f"'{PRIOR_ONLY}': other teams' sprints alone. '{LEARNED}': mixed with the team's own. '{POOLED}': and "
            f"pooled with the simulation of its weeks, which counts {SIMULATION_WEIGHT:.0%}."
        ),
    )
    model_version = serializers.CharField(
        source="outcome.prior_version", help_text="Of the prior that ships and, after a +, of the model of own sprints."
    )
    reasoning = serializers.CharField()
    finish_date = serializers.DateField(allow_null=True, help_text="Done by then in half of the futures.")
    promised_date = serializers.DateField(allow_null=True, help_text="Done by then in 85 of 100 futures.")
    no_forecast_because = serializers.CharField(allow_null=True, help_text="Why there are no dates.")
    unknown_past = serializers.ListField(
        child=serializers.CharField(),
        help_text="What imports could not tell of the past that these figures rest on; empty where nothing is missing.",
    )
