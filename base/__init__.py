"""Wiring only; importing the package makes `celery -A base` find the app."""

from base.celery import app as celery_app

__all__ = ["celery_app"]
