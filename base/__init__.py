"""Wiring only; importing the package makes `celery -A base` find the app."""

from base.sparing import spare

spare("rest_framework.compat")

from base.celery import app as celery_app  # noqa: E402 - what it loads is to find the libraries spared

__all__ = ["celery_app"]
