"""Request and response of suggest-assignment."""

from typing import Any

from rest_framework import serializers

MAX_TOP_N = 20


class SuggestAssignmentRequest(serializers.Serializer[Any]):
    """Request of suggest-assignment."""

    issue_id = serializers.UUIDField()
    project_id = serializers.UUIDField()
    top_n = serializers.IntegerField(required=False, default=3, min_value=1, max_value=MAX_TOP_N)


class AssignmentSuggestionSerializer(serializers.Serializer[Any]):
    """A person and how well the issue suits them."""

    user_id = serializers.UUIDField()
    user_name = serializers.CharField()
    user_email = serializers.EmailField()
    total_score = serializers.FloatField(
        help_text="0.4 skill + 0.3 workload + 0.2 performance + 0.1 availability; a score to compare, no probability."
    )
    skill_score = serializers.FloatField(
        help_text="Twice the share of this issue type among the person's finished issues, at most 1."
    )
    workload_score = serializers.FloatField(help_text="1, 0.8, 0.5, 0.3, 0.1 for 0, 1-3, 4-6, 7-10, more open issues.")
    performance_score = serializers.FloatField(help_text="Share of the issues taken that are finished.")
    availability_score = serializers.FloatField(
        help_text="1, 0.8, 0.4 if the person moved own work in the last 7, 14, 30 days; else 0."
    )
    reasoning = serializers.ListField(child=serializers.CharField())


class SuggestAssignmentResponse(serializers.Serializer[Any]):
    """Who could take the issue, best first."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    suggestions = AssignmentSuggestionSerializer(many=True)
    method = serializers.CharField(help_text="'formula'.")
    candidates = serializers.IntegerField(help_text="How many active members and leads were compared.")
