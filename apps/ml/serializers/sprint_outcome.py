"""The answer about a sprint's outcome."""

from typing import Any

from rest_framework import serializers

from apps.ml.core.sprints.outcome.baselines import LAST_SPRINTS
from apps.ml.core.sprints.outcome.moment import DELIVERED_SHARE
from apps.ml.core.sprints.outcome.record import ABSTAIN_BEYOND_ERRORS, MIN_SPRINTS_TO_ABSTAIN
from apps.ml.core.sprints.outcome.serving import BASELINE, LEARNED, PRIOR_ONLY


class DeliveredRangeSerializer(serializers.Serializer[Any]):
    """From, to; in the unit."""

    min = serializers.FloatField()
    max = serializers.FloatField()


class OutcomeBaselinesSerializer(serializers.Serializer[Any]):
    """What could be said without a model, in the unit."""

    committed_met = serializers.FloatField(help_text="Exactly what is committed.")
    average_velocity = serializers.FloatField(
        allow_null=True, help_text=f"Mean delivered by the last {LAST_SPRINTS} sprints; null without any."
    )
    committed_x_ratio = serializers.FloatField(help_text="Committed times usual_ratio.")
    usual_ratio = serializers.FloatField(
        help_text=(
            f"What the last {LAST_SPRINTS} sprints delivered beside what they had committed to at the same share of "
            "their time; 1 without any."
        )
    )


class OutcomeHistorySerializer(serializers.Serializer[Any]):
    """The team's own past that was used."""

    past_sprints = serializers.IntegerField(help_text="Completed sprints that had committed to something.")
    replayed_sprints = serializers.IntegerField(
        help_text="Those predicted again, each with only what was known at the matching moment, to correct this answer."
    )


class SprintOutcomeResponse(serializers.Serializer[Any]):
    """What a sprint will have delivered by its end."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    unit = serializers.ChoiceField(
        choices=["points", "issues"], help_text="Issues where most of the sprint's issues carry no points."
    )
    committed = serializers.FloatField(help_text="Begun with, and added since, without what was removed.")
    done = serializers.FloatField()
    elapsed_ratio = serializers.FloatField(help_text="Share of the planned time that has passed.")
    typical_delivered = serializers.FloatField(help_text="The median: compare a single sprint with it.")
    expected_delivered = serializers.FloatField(help_text="The mean: add it up over sprints.")
    delivered_range = DeliveredRangeSerializer()
    range_level = serializers.FloatField(help_text="Share of outcomes that the range shall hold.")
    range_measured_coverage = serializers.FloatField(
        allow_null=True, help_text="Share of the team's own past sprints that it would have held; null without any."
    )
    range_outcomes = serializers.IntegerField(help_text="Past sprints behind that share.")
    probability_delivered = serializers.FloatField(help_text="Chance to deliver at least delivered_share.")
    delivered_share = serializers.FloatField(help_text=f"Of the commitment: {DELIVERED_SHARE}.")
    baselines = OutcomeBaselinesSerializer()
    history = OutcomeHistorySerializer()
    method = serializers.ChoiceField(
        choices=[LEARNED, PRIOR_ONLY, BASELINE],
        help_text=(
            f"'{PRIOR_ONLY}': other teams' sprints alone. '{BASELINE}': the baseline answers, because on at least "
            f"{MIN_SPRINTS_TO_ABSTAIN} of the team's own sprints it erred less by {ABSTAIN_BEYOND_ERRORS} standard "
            "errors."
        ),
    )
    model_version = serializers.CharField(help_text="Of the prior that ships.")
    reasoning = serializers.CharField()
