"""The subsystem's addresses: the table of contents."""

from django.urls import path

from apps.ml.viewsets.anomalies import AnomalyViewSet
from apps.ml.viewsets.assignment import AssignmentViewSet
from apps.ml.viewsets.bulk import BulkPredictionViewSet
from apps.ml.viewsets.flow import FlowViewSet
from apps.ml.viewsets.forecasts import ForecastViewSet
from apps.ml.viewsets.kept_forecasts import KeptForecastViewSet
from apps.ml.viewsets.predictions import PredictionViewSet
from apps.ml.viewsets.projects import ProjectSummaryViewSet
from apps.ml.viewsets.registry import JobViewSet, ModelViewSet
from apps.ml.viewsets.scorecard import ScorecardViewSet
from apps.ml.viewsets.sprints import SprintPredictionViewSet

urlpatterns = [
    path("predict-effort/", PredictionViewSet.as_view({"post": "predict_effort"}), name="predict-effort"),
    path(
        "recommend-story-points/",
        PredictionViewSet.as_view({"post": "recommend_story_points"}),
        name="recommend-story-points",
    ),
    path("predict-effort/bulk/", BulkPredictionViewSet.as_view({"post": "predict_efforts"}), name="predict-efforts"),
    path(
        "recommend-story-points/bulk/",
        BulkPredictionViewSet.as_view({"post": "recommend_points"}),
        name="recommend-points",
    ),
    path(
        "estimate-sprint-duration/",
        SprintPredictionViewSet.as_view({"post": "estimate_sprint_duration"}),
        name="estimate-sprint-duration",
    ),
    path("suggest-assignment/", AssignmentViewSet.as_view({"post": "suggest_assignment"}), name="suggest-assignment"),
    path("<uuid:sprint_id>/sprint-risk/", SprintPredictionViewSet.as_view({"get": "sprint_risk"}), name="sprint-risk"),
    path(
        "<project:project_id>/project-summary/",
        ProjectSummaryViewSet.as_view({"post": "project_summary"}),
        name="project-summary",
    ),
    path(
        "projects/<project:project_id>/scorecard/",
        ScorecardViewSet.as_view({"get": "scorecard"}),
        name="project-scorecard",
    ),
    path(
        "projects/<project:project_id>/forecast/",
        ForecastViewSet.as_view({"post": "forecast"}),
        name="project-forecast",
    ),
    path(
        "projects/<project:project_id>/forecasts/",
        KeptForecastViewSet.as_view({"get": "list"}),
        name="project-kept-forecasts",
    ),
    path(
        "projects/<project:project_id>/forecasts/moved/",
        KeptForecastViewSet.as_view({"get": "moved"}),
        name="project-moved",
    ),
    path(
        "projects/<project:project_id>/forecasts/<uuid:forecast_id>/",
        KeptForecastViewSet.as_view({"get": "retrieve"}),
        name="project-kept-forecast",
    ),
    path("projects/<project:project_id>/parts/", KeptForecastViewSet.as_view({"get": "parts"}), name="project-parts"),
    path("projects/<project:project_id>/flow/", FlowViewSet.as_view({"get": "flow"}), name="project-flow"),
    path(
        "projects/<project:project_id>/reference-stories/",
        FlowViewSet.as_view({"get": "references"}),
        name="project-reference-stories",
    ),
    path(
        "projects/<project:project_id>/similar/",
        PredictionViewSet.as_view({"post": "similar"}),
        name="project-similar-issues",
    ),
    path("forecasts/together/", ForecastViewSet.as_view({"post": "together"}), name="forecast-together"),
    path("sprints/<uuid:sprint_id>/what-if/", ForecastViewSet.as_view({"post": "what_if"}), name="sprint-what-if"),
    path(
        "sprints/<uuid:sprint_id>/burndown/",
        SprintPredictionViewSet.as_view({"get": "burndown"}),
        name="sprint-burndown",
    ),
    path(
        "sprints/<uuid:sprint_id>/outcome/", SprintPredictionViewSet.as_view({"get": "outcome"}), name="sprint-outcome"
    ),
    # By the name under which the first clients knew it.
    path(
        "project-anomalies/<project:project_id>/",
        AnomalyViewSet.as_view({"get": "list"}),
        name="project-anomalies-alias",
    ),
    path("projects/<project:project_id>/anomalies/", AnomalyViewSet.as_view({"get": "list"}), name="project-anomalies"),
    path(
        "projects/<project:project_id>/anomalies/<uuid:anomaly_id>/",
        AnomalyViewSet.as_view({"get": "retrieve", "patch": "review"}),
        name="project-anomaly",
    ),
    path("models/", ModelViewSet.as_view({"get": "list"}), name="models"),
    path("models/train/", ModelViewSet.as_view({"post": "train"}), name="train-model"),
    path("models/rollback/", ModelViewSet.as_view({"post": "rollback"}), name="roll-back-model"),
    path("models/<uuid:model_id>/", ModelViewSet.as_view({"get": "retrieve"}), name="model"),
    path("models/<uuid:model_id>/activate/", ModelViewSet.as_view({"post": "activate"}), name="activate-model"),
    path("jobs/<uuid:job_id>/", JobViewSet.as_view({"get": "retrieve"}), name="training-job"),
]
