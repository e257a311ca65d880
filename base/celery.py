"""The Celery app and its schedule."""

import os

from celery import Celery
from celery.schedules import crontab

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

app = Celery("base")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = CELERY_BEAT_SCHEDULE
app.autodiscover_tasks()
