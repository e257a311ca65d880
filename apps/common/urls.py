"""Liveness; readiness and metrics join it with the operations work."""

from django.urls import path

from apps.common.health import live

urlpatterns = [path("health/live", live, name="live")]
