"""Forecasts of projects and what-ifs of sprints: validate, authorise, ask the service, answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from apps.accounts.scopes import Scope
from apps.accounts.signed_in import signed_in
from apps.common.api.idempotency import Asks
from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.serializers.forecasts import ForecastRequest, ForecastResponse, WhatIfRequest, WhatIfResponse
from apps.ml.serializers.together import TogetherRequest, TogetherResponse
from apps.ml.services.forecasts.asked import created_meanwhile, work_asked_for
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.forecasts.together import together_answer
from apps.ml.viewsets.scope import NOT_FOUND, PREDICTIONS_OFF, predicted_project, predicted_sprint, with_issue_ids

NOT_ENOUGH_DATA: dict[Any, Any] = {(422, PROBLEM_JSON): OpenApiResponse(Problem, "Too few weeks with finished work.")}
OVER: dict[Any, Any] = {
    (409, PROBLEM_JSON): OpenApiResponse(Problem, "The sprint is completed, or predictions are off.")
}


class ForecastViewSet(Asks, ViewSet):
    """Answers about the future, all from one engine."""

    operation_ids = {"forecast": "forecast_project", "what_if": "what_if_sprint"}
    key_scope = Scope.PREDICT

    @extend_schema(request=WhatIfRequest, responses={200: WhatIfResponse, **OVER, **NOT_ENOUGH_DATA}, tags=["ml"])
    def what_if(self, request: Request, sprint_id: UUID) -> Response:
        """Compare a sprint as planned with a scenario, and suggest what to take out to be in time."""
        sprint = predicted_sprint(request, sprint_id)
        asked = WhatIfRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = with_issue_ids(sprint.project, asked.validated_data, "drop_issues", "add_issues")
        wanted = {key: tuple(value) if isinstance(value, list) else value for key, value in wanted.items()}
        return Response(ForecastService().what_if(sprint.id, Scenario(**wanted), user=signed_in(request)))

    @extend_schema(request=ForecastRequest, responses={200: ForecastResponse, **NOT_ENOUGH_DATA}, tags=["ml"])
    def forecast(self, request: Request, project_id: UUID) -> Response:
        """Forecast when work is done or, for a day alone, how many issues are finished by it."""
        project = predicted_project(request, project_id)
        asked = ForecastRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = with_issue_ids(project, asked.validated_data, "issue_ids")
        options = {"by": wanted["by"], "days_off": wanted["days_off"], "user": signed_in(request)}
        if wanted["by"] is not None and not _says_which_work(wanted):
            return Response(ForecastService().how_many(project.id, **options))
        history = TeamHistory(project.id, now=timezone.now())
        options |= {"after_work_in_progress": wanted["after_work_in_progress"], "history": history}
        created = _created(project.id, wanted, history)
        return Response(
            ForecastService().forecast_work(project.id, _work(project.id, wanted, history), created=created, **options)
        )

    @extend_schema(
        request=TogetherRequest, responses={200: TogetherResponse, **NOT_FOUND, **PREDICTIONS_OFF}, tags=["ml"]
    )
    def together(self, request: Request) -> Response:
        """The chance that several teams, whose weeks are drawn together, are all done by a day."""
        asked = TogetherRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        # Named by key and by id a project is one project.
        projects = list(dict.fromkeys(predicted_project(request, name) for name in wanted["projects"]))
        return Response(together_answer(projects, by=wanted["by"], label=wanted["label"], now=timezone.now()))


def _says_which_work(wanted: dict[str, Any]) -> bool:
    return any(wanted[name] for name in ("issue_ids", "items", "component", "label", "growth"))


def _work(project_id: UUID, wanted: dict[str, Any], history: TeamHistory) -> Sequence[WorkItem]:
    if wanted["items"]:
        return [WorkItem(str(number), exists=False) for number in range(wanted["items"])]
    named = {name: wanted[name] for name in ("issue_ids", "component", "label")}
    return work_asked_for(project_id, **named, history=history)


def _created(project_id: UUID, wanted: dict[str, Any], history: TeamHistory) -> Sequence[float]:
    if not wanted["growth"]:
        return ()
    return created_meanwhile(history, project_id, component=wanted["component"], label=wanted["label"])
