"""Requests and responses of the two prediction endpoints."""

import math
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.common.api.answers import Answer, Number
from apps.common.api.serializers import StrictSerializer
from apps.common.columns.kinds import not_a_trace
from apps.common.hours import MOST_HOURS, MOST_POINTS
from apps.common.plausible import LONGEST_NAME, LONGEST_TEXT, MOST_NAMES
from apps.ml.core.text import MAX_DESCRIPTION_CHARACTERS
from apps.projects.models import WorkflowStatus
from apps.projects.names.fields import IssueName, ProjectName

#: Who may answer.
EFFORT_METHODS = ["ml_model", "baseline", "similarity", "heuristic"]
POINTS_METHODS = ["ml_model", "baseline", "prior", "heuristic"]


class IssueInputSerializer(StrictSerializer):
    """What is known of an issue. With `issue_id`, what is not sent is taken from that issue; else a title is needed.

    What is sent empty is taken for empty.
    """

    title = serializers.CharField(required=False, max_length=500)
    description = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=LONGEST_TEXT,
        help_text=f"The first {MAX_DESCRIPTION_CHARACTERS} characters are read.",
    )
    issue_type = serializers.CharField(
        required=False, allow_blank=True, max_length=64, help_text="As the team names it, for example 'bug'."
    )
    issue_id = IssueName(
        required=False,
        help_text=(
            "Key or id of the issue this is about. Its outcome scores the answer if a member asks and nothing that "
            "is sent, an empty text included, contradicts it."
        ),
    )
    priority = serializers.FloatField(required=False, min_value=0, max_value=1000, help_text="1 is the most urgent.")
    component = serializers.CharField(required=False, allow_blank=True, max_length=200)
    labels = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_NAME), required=False, max_length=MOST_NAMES
    )
    reporter_id = serializers.UUIDField(required=False)
    assignee_id = serializers.UUIDField(required=False)

    def validate_priority(self, value: float) -> float:
        return _finite(value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "title" not in attrs and "issue_id" not in attrs:
            raise serializers.ValidationError({"title": "A title is needed, or the issue_id of an issue that has one."})
        return attrs


def facts_sent(valid: Mapping[str, Any]) -> dict[str, Any]:
    """Valid fields of a question as the service takes them; what was not sent is not there."""
    data = {name: value for name, value in valid.items() if name not in ("project_id", "issue_id")}
    if "labels" in data:
        data["labels"] = tuple(data["labels"])
    for person in ("reporter", "assignee"):
        if f"{person}_id" in data:
            data[person] = str(data.pop(f"{person}_id"))
    return data


class EffortInputSerializer(IssueInputSerializer):
    """What is known of an issue whose hours are asked."""

    story_points = serializers.FloatField(required=False, min_value=0, max_value=MOST_POINTS)
    estimated_hours = serializers.FloatField(
        required=False, min_value=0.01, max_value=MOST_HOURS, help_text="The team's own estimate, if there is one."
    )

    def validate_story_points(self, value: float) -> float:
        not_a_trace(_finite(value))
        return value

    def validate_estimated_hours(self, value: float) -> float:
        return _finite(value)


class PredictEffortRequest(EffortInputSerializer):
    """Request of predict-effort."""

    project_id = ProjectName()


class RecommendPointsRequest(IssueInputSerializer):
    """Request of recommend-story-points."""

    project_id = ProjectName()


class RangeSerializer(Answer):
    """A range of values."""

    min = Number(source="low", digits=2)
    max = Number(source="high", digits=2)


_SIMILARITY = "In (0, 1], of words and meaning; where similar issues alone say the hours, share of common words."
_BASES, _BASIS = ["words", "meaning"], "'meaning': it says so in other words, few of them shared."


class SimilarIssueSerializer(Answer):
    """A finished issue about the same thing, with what it took."""

    issue_id = serializers.UUIDField()
    key = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    similarity = Number(digits=3, help_text=_SIMILARITY)
    basis = serializers.ChoiceField(_BASES, help_text=_BASIS)
    actual_hours = Number(digits=2, allow_null=True)
    story_points = Number(allow_null=True)


class ContributionSerializer(Answer):
    """One named part of the prediction; the parts add up to it."""

    name = serializers.CharField()
    effect = Number(digits=3)


class ScaleValue(Number):
    """A value of the team's scale: 3, not 3.0."""

    def to_representation(self, value: float) -> float:  # type: ignore[override]
        return int(value) if float(value).is_integer() else value


_ID = "The row of the prediction history."
_LEVEL = "The share of outcomes the range promises to hold."
_COVERAGE = "The share of the last outcomes that the ranges did hold; null before there are any."
_OUTCOMES = "How many outcomes that is measured on."


class EffortPredictionResponse(Answer):
    """Hours an issue will take."""

    prediction_id = serializers.UUIDField(help_text=_ID)
    predicted_hours = Number(digits=2, help_text="The typical value: half of such issues take longer.")
    expected_hours = Number(digits=2, help_text="The mean: add this one up for totals.")
    confidence = Number(
        digits=3,
        help_text="Calibrated probability that the actual hours are within a factor of two of predicted_hours.",
    )
    prediction_range = RangeSerializer(source="interval")
    range_level = Number(source="interval.level", help_text=_LEVEL)
    range_measured_coverage = Number(source="interval.measured_coverage", allow_null=True, help_text=_COVERAGE)
    range_outcomes = serializers.IntegerField(source="interval.n_outcomes", help_text=_OUTCOMES)
    method = serializers.ChoiceField(EFFORT_METHODS)
    model_version = serializers.CharField(allow_null=True)
    reasoning = serializers.CharField()
    similar_issues = SimilarIssueSerializer(many=True)
    contributions = ContributionSerializer(many=True)


class PointsRecommendationResponse(Answer):
    """Story points for an issue."""

    prediction_id = serializers.UUIDField(help_text=_ID)
    recommended_points = ScaleValue(help_text="The median of the distribution, on the team's scale.")
    probability_distribution = serializers.DictField(child=Number(), help_text="Sums to 1.")
    confidence = Number(
        digits=3, help_text="Calibrated probability that the team's points are within one step of the recommendation."
    )
    prediction_range = RangeSerializer(source="interval")
    range_level = Number(source="interval.level", help_text=_LEVEL)
    range_measured_coverage = Number(source="interval.measured_coverage", allow_null=True, help_text=_COVERAGE)
    range_outcomes = serializers.IntegerField(source="interval.n_outcomes", help_text=_OUTCOMES)
    method = serializers.ChoiceField(POINTS_METHODS)
    model_version = serializers.CharField(allow_null=True)
    reasoning = serializers.CharField()
    similar_issues = SimilarIssueSerializer(many=True)
    contributions = ContributionSerializer(many=True)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise serializers.ValidationError("A finite number is needed.")
    return value


class SimilarIssuesRequest(StrictSerializer):
    """Request of similar: an issue as far as it is written."""

    title = serializers.CharField(max_length=500)
    description = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        max_length=LONGEST_TEXT,
        help_text=f"The first {MAX_DESCRIPTION_CHARACTERS} characters are read.",
    )
    issue_id = IssueName(
        required=False, help_text="Key or id of the issue that is being changed, which is not its own duplicate."
    )


class DuplicateSerializer(Answer):
    """An issue, open or finished, that may be about the same thing."""

    issue_id = serializers.UUIDField()
    key = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    status = serializers.CharField()
    status_category = serializers.ChoiceField(WorkflowStatus.Category.choices)
    similarity = Number(digits=3, help_text=_SIMILARITY)
    basis = serializers.ChoiceField(_BASES, help_text=_BASIS)


class SimilarIssuesResponse(Answer):
    """Likely duplicates: first those alike in words, then up to two alike in meaning alone; at most five."""

    similar_issues = DuplicateSerializer(many=True)


class NamedIssueSerializer(Answer):
    """An issue by what people call it."""

    issue_id = serializers.UUIDField()
    key = serializers.CharField(allow_blank=True, help_text="Of the tracker it was imported from; empty without one.")
    title = serializers.CharField()
