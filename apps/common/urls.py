"""Health and metrics. `apps/common/middleware.py` answers these addresses first; here they can be looked up by name."""

from django.urls import path

from apps.common.health import live, ready
from apps.common.scrape import metrics

urlpatterns = [
    path("health/live", live, name="live"),
    path("health/ready", ready, name="ready"),
    path("metrics", metrics, name="metrics"),
]
