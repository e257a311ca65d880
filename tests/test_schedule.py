"""The schedule goes on after the clock was set back."""

from datetime import timedelta

from celery.beat import Service
from celery.signals import beat_init

from base.celery import app


def test_last_runs_of_tomorrow_are_forgotten_at_the_start(tmp_path):
    service = Service(app, schedule_filename=str(tmp_path / "schedule"))
    entries = service.scheduler.schedule
    now = app.now()
    entries["run-due-imports"].last_run_at = now + timedelta(days=1)
    entries["send-deliveries"].last_run_at = earlier = now - timedelta(seconds=30)

    beat_init.send(sender=service)

    assert entries["run-due-imports"].last_run_at <= app.now()
    assert entries["run-due-imports"].is_due().next < 61
    assert entries["send-deliveries"].last_run_at == earlier
    service.scheduler.close()
