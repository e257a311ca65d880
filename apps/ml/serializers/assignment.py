"""Request and response of suggest-assignment."""

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.common.api.serializers import StrictSerializer
from apps.ml.core.assignment.replay import AUTO, STRATEGIES
from apps.projects.names.fields import IssueName, ProjectName

MAX_TOP_N = 20


class SuggestAssignmentRequest(StrictSerializer):
    """Request of suggest-assignment."""

    issue_id = IssueName()
    project_id = ProjectName()
    top_n = serializers.IntegerField(required=False, default=3, min_value=1, max_value=MAX_TOP_N)
    strategy = serializers.ChoiceField(
        choices=[*STRATEGIES, AUTO],
        required=False,
        default=AUTO,
        help_text=(
            "'formula' balances load by type and open issues; 'learned' asks who would normally take it; 'reporter' is "
            "who does this reporter's issues, 'most_recent' who was given most in the last 120 days; 'auto' is "
            "whichever of these named the right person most often for the project's last finished issues."
        ),
    )


class SimilarTaskSerializer(Answer):
    """A finished issue like the one asked about."""

    issue_id = serializers.UUIDField()
    key = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    similarity = Number(digits=4, help_text="Share of common words, 0 to 1.")


class HitRatesSerializer(Answer):
    """How often a method named the person who then did the issue."""

    top_1 = Number(digits=4, help_text="Named first.")
    top_3 = Number(digits=4, help_text="Named among the first three.")
    mrr = Number(digits=4, help_text="Mean of 1 / rank.")


class ReplayedRatesSerializer(Answer):
    """Each method asked about the same issues as of the day they were begun, knowing only what was finished before."""

    issues = serializers.IntegerField(help_text="How many issues were replayed.")
    formula = HitRatesSerializer(allow_null=True)
    learned = HitRatesSerializer(allow_null=True)
    random = HitRatesSerializer(allow_null=True, help_text="Drawing lots.")
    most_recent = HitRatesSerializer(allow_null=True, help_text="Who was given most in the 120 days before.")
    reporter = HitRatesSerializer(allow_null=True, help_text="Who does the reporter's issues.")


class AssignmentSuggestionSerializer(Answer):
    """A person and how well the issue suits them."""

    user_id = serializers.UUIDField()
    user_name = serializers.CharField(help_text="'Person 1' and so on where the project hides names.")
    user_email = serializers.EmailField(allow_null=True, help_text="Null where the project hides names.")
    total_score = Number(
        source="total",
        help_text=(
            "formula: 0.4 skill + 0.3 workload + 0.2 performance + 0.1 availability; learned: 0.8, 0.1, 0.05, 0.05; "
            "reporter and most_recent: the skill alone. A score to compare, no probability."
        ),
    )
    skill_score = Number(
        source="skill",
        help_text=(
            "formula: twice the share of this issue type among the person's finished issues, at most 1; learned: the "
            "calibrated probability that this person would take it, 1 over all candidates together; reporter and "
            "most_recent: the share of the issues of the last 120 days."
        ),
    )
    workload_score = Number(
        source="workload", help_text="1, 0.8, 0.5, 0.3, 0.1 for 0, 1-3, 4-6, 7-10, more open issues."
    )
    performance_score = Number(source="performance", help_text="Share of the issues taken that are finished.")
    availability_score = Number(
        source="availability", help_text="1, 0.8, 0.4 if the person moved own work in the last 7, 14, 30 days; else 0."
    )
    reasoning = serializers.ListField(
        child=serializers.CharField(),
        help_text="A sentence a score; learned: and the words and fields that count most.",
    )
    similar_issues = SimilarTaskSerializer(many=True, help_text="learned: up to three finished issues of this person.")


class ScoreWeightsSerializer(Answer):
    """What each score counts."""

    skill = Number()
    workload = Number()
    performance = Number()
    availability = Number()


class SuggestAssignmentResponse(Answer):
    """Who could take the issue, best first."""

    prediction_id = serializers.UUIDField(help_text="The row of the prediction history.")
    suggestions = AssignmentSuggestionSerializer(many=True)
    weights = ScoreWeightsSerializer(help_text="total_score is the sum of the scores shown times these.")
    method = serializers.CharField(source="strategy", help_text="The strategy used.")
    strategy = serializers.CharField(help_text="The strategy used; never 'auto'.")
    strategy_reason = serializers.CharField(source="reason")
    hit_rates = ReplayedRatesSerializer(
        allow_null=True, help_text="Measured on the project's last finished issues; null without a trained model."
    )
    model_version = serializers.CharField(source="version", allow_null=True)
    candidates = serializers.IntegerField(
        help_text="How many members and leads were compared: without those away today or not to be suggested."
    )
