"""The Celery app and its schedule."""

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import import_modules
from django.conf import settings

from apps.common.metric_files import share

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "base.settings")

CELERY_BEAT_SCHEDULE = {
    "retrain-ml-models": {
        "task": "apps.ml.tasks.retrain_ml_models",
        "schedule": crontab(hour=2, minute=0, day_of_week=1),
    },
    "record-prediction-outcomes": {
        "task": "apps.ml.tasks.record_prediction_outcomes",
        "schedule": crontab(),
    },
}


@import_modules.connect
def _share_metrics(**_: Any) -> None:
    """A worker counts into files that the web server's `/metrics` adds up; decided before the tasks are imported."""
    share(settings.METRICS_DIR)


app = Celery("base")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = CELERY_BEAT_SCHEDULE
app.autodiscover_tasks()
