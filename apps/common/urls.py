"""Health and metrics by name; `operations/middleware.py` answers these addresses first."""

from django.urls import path

from apps.common.operations.health import live, ready
from apps.common.operations.scrape import metrics

urlpatterns = [
    path("health/live", live, name="live"),
    path("health/ready", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
]
