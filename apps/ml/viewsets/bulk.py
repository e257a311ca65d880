"""Predictions for many issues at once: validate each by itself, authorise, ask the service, answer."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import Asks
from apps.common.api.problems import problem, problem_of
from apps.ml.core.records import IssueFacts
from apps.ml.models import ModelType
from apps.ml.serializers.bulk import (
    BulkEffortRequest,
    BulkEffortResponse,
    BulkPointsRequest,
    BulkPointsResponse,
    answered,
    refused,
)
from apps.ml.serializers.predictions import EffortInputSerializer, IssueInputSerializer, facts_sent
from apps.ml.services.points.vote import HiddenUntilVoted, is_hidden
from apps.ml.services.predictions.bulk import PREDICT_MANY, issues_asked_about
from apps.ml.services.predictions.questions import IssueQuestion, known_of
from apps.ml.services.predictions.switch import texts_erased_at
from apps.ml.viewsets.scope import NOT_FOUND, asked_project
from apps.projects.models import Issue, Project

_FORMS = {ModelType.EFFORT_PREDICTION: EffortInputSerializer, ModelType.STORY_POINTS: IssueInputSerializer}
_NO_ISSUE = problem(404, "Not found", "There is no such issue in this project.", "not_found")


class BulkPredictionViewSet(Asks, ViewSet):
    """The two predictions for up to 500 issues; each has a status of its own."""

    operation_ids = {"recommend_points": "recommend_story_points_bulk"}
    key_scope = Scope.PREDICT

    @extend_schema(
        summary="Predict the hours of many issues",
        request=BulkEffortRequest,
        responses={200: BulkEffortResponse, **NOT_FOUND},
        tags=["ml"],
    )
    def predict_efforts(self, request: Request) -> Response:
        """The figures that predict-effort gives to each issue alone, recorded likewise, without similar issues.

        The answer is 200 with an item for every issue, in order; what is wrong with one is said there.
        """
        asked = BulkEffortRequest.read(request.data)
        return _answer(request, asked, ModelType.EFFORT_PREDICTION)

    @extend_schema(
        summary="Recommend story points for many issues",
        request=BulkPointsRequest,
        responses={200: BulkPointsResponse, **NOT_FOUND},
        tags=["ml"],
    )
    def recommend_points(self, request: Request) -> Response:
        """The figures that recommend-story-points gives to each issue alone, recorded likewise, without similar issues.

        The answer is 200 with an item for every issue, in order; what is wrong with one is said there.
        """
        asked = BulkPointsRequest.read(request.data)
        return _answer(request, asked, ModelType.STORY_POINTS)


def _answer(request: Request, asked: Mapping[str, Any], kind: ModelType) -> Response:
    project = asked_project(request, asked["project_id"])
    # Before issues are read.
    erased_at = texts_erased_at(project.id)
    items: list[Any] = [_read(kind, sent) for sent in asked["issues"]]
    known = issues_asked_about(project.id, [each["issue_id"] for each in items if "issue_id" in each])
    items = [each if "problem" in each else _question(project, kind, each, known) for each in items]
    questions = [each for each in items if isinstance(each, IssueQuestion)]
    answers = iter(PREDICT_MANY[kind](project.id, questions, user=signed_in(request), erased_at=erased_at))
    return Response(
        {"results": [answered(next(answers)) if isinstance(each, IssueQuestion) else each for each in items]}
    )


def _read(kind: ModelType, sent: Any) -> dict[str, Any]:
    """The valid fields of one issue, or the item that says what is wrong."""
    try:
        return _FORMS[kind].read(sent)
    except ValidationError as error:
        return refused(problem_of(error) or {})


def _question(
    project: Project, kind: ModelType, valid: Mapping[str, Any], known: Mapping[str, Issue]
) -> IssueQuestion | dict[str, Any]:
    """What is asked of one issue, or the item that says why it is not."""
    name = valid.get("issue_id")
    issue = known.get(str(name)) if name else None
    if name and issue is None:
        return refused(_NO_ISSUE)
    if kind == ModelType.STORY_POINTS and is_hidden(project, issue.story_points if issue else None):
        return refused(problem_of(HiddenUntilVoted()) or {})
    facts = (known_of(issue) if issue else {"description": "", "issue_type": ""}) | facts_sent(valid)
    facts["issue_type"] = facts["issue_type"].casefold()
    return IssueQuestion(IssueFacts(**facts), issue.id if issue else None)
