"""The subsystem's addresses: the table of contents."""

from django.urls import path

from apps.ml.viewsets.insights import InsightViewSet
from apps.ml.viewsets.predictions import PredictionViewSet

urlpatterns = [
    path("predict-effort/", PredictionViewSet.as_view({"post": "predict_effort"}), name="predict-effort"),
    path(
        "recommend-story-points/",
        PredictionViewSet.as_view({"post": "recommend_story_points"}),
        name="recommend-story-points",
    ),
    path(
        "estimate-sprint-duration/",
        InsightViewSet.as_view({"post": "estimate_sprint_duration"}),
        name="estimate-sprint-duration",
    ),
    path("suggest-assignment/", InsightViewSet.as_view({"post": "suggest_assignment"}), name="suggest-assignment"),
    path("<uuid:sprint_id>/sprint-risk/", InsightViewSet.as_view({"get": "sprint_risk"}), name="sprint-risk"),
    path(
        "<uuid:project_id>/project-summary/",
        InsightViewSet.as_view({"post": "project_summary"}),
        name="project-summary",
    ),
]
