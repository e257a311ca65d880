"""Fixtures of upkeep: the subsystem's own."""

import pytest

from apps.ml.tests.conftest import empty_process, nobody_switches_the_machine_off, team, trained

__all__ = ["empty_process", "nobody_switches_the_machine_off", "team", "trained"]


@pytest.fixture
def no_training_begins(monkeypatch):
    """An erasure asks for trainings; no worker is told."""
    monkeypatch.setattr("apps.upkeep.erasing.send_trainings", lambda run_ids: len(list(run_ids)))
