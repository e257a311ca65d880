"""Requests and responses of predictions for many issues at once."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.common.api.answers import Answer
from apps.common.api.serializers import StrictSerializer
from apps.ml.serializers.predictions import (
    EffortInputSerializer,
    EffortPredictionResponse,
    IssueInputSerializer,
    PointsRecommendationResponse,
)
from apps.projects.names.fields import ProjectName

#: Issues of one request: they are answered in a tenth of a second, and a body of them is read at once.
MOST_ISSUES = 500


@extend_schema_field(EffortInputSerializer(many=True))
class _EffortIssues(serializers.ListField):
    """Read one by one: a fault of an issue is its own."""


@extend_schema_field(IssueInputSerializer(many=True))
class _PointsIssues(serializers.ListField):
    """Likewise."""


class BulkEffortRequest(StrictSerializer):
    """Request of predict-effort/bulk."""

    project_id = ProjectName()
    issues = _EffortIssues(min_length=1, max_length=MOST_ISSUES, help_text=f"At most {MOST_ISSUES}.")


class BulkPointsRequest(StrictSerializer):
    """Request of recommend-story-points/bulk."""

    project_id = ProjectName()
    issues = _PointsIssues(min_length=1, max_length=MOST_ISSUES, help_text=f"At most {MOST_ISSUES}.")


class BulkEffortAnswer(EffortPredictionResponse):
    """Hours an issue will take, without evidence."""

    similar_issues = None  # type: ignore[assignment]


class BulkPointsAnswer(PointsRecommendationResponse):
    """Story points for an issue, without evidence."""

    similar_issues = None  # type: ignore[assignment]


class IssueProblem(Answer):
    """Why an issue has no answer."""

    title = serializers.CharField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Stable name of the problem, for programs.")
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(child=serializers.CharField()), help_text="Each field that is wrong."
    )


_STATUS = "What asking about this issue alone would have answered: 200, 400, 404 or 409."


class BulkEffortItem(Answer):
    """What became of one issue of the request, in its order."""

    status = serializers.IntegerField(help_text=_STATUS)
    answer = BulkEffortAnswer(allow_null=True)
    problem = IssueProblem(allow_null=True)


class BulkPointsItem(Answer):
    """What became of one issue of the request, in its order."""

    status = serializers.IntegerField(help_text=_STATUS)
    answer = BulkPointsAnswer(allow_null=True)
    problem = IssueProblem(allow_null=True)


class BulkEffortResponse(Answer):
    """One item an issue."""

    results = BulkEffortItem(many=True)


class BulkPointsResponse(Answer):
    """One item an issue."""

    results = BulkPointsItem(many=True)


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """An item with an answer."""
    return {"status": 200, "answer": answer, "problem": None}


def refused(problem: dict[str, Any]) -> dict[str, Any]:
    """An item with a problem."""
    shown = {name: problem.get(name, []) for name in ("title", "detail", "code", "errors")}
    return {"status": problem["status"], "answer": None, "problem": shown}
