"""Fixtures of the subsystem's tests: an empty store, empty process caches, a team that can be learned from."""

import pytest

from apps.ml.services import model_loader
from apps.ml.services.forecasts.frozen_sprints import VERSIONS
from apps.ml.services.forecasts.history import HISTORIES
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.model_trainer import ModelTrainer
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
from apps.ml.services.training.jobs import request_training
from apps.ml.storage import folder
from apps.ml.tests.teams import learnable_team
from apps.notifications.tests.conftest import receiver

__all__ = ["receiver"]


@pytest.fixture(autouse=True)
def empty_process(settings, tmp_path, remembered_trainings):
    """Every test starts as a new process would, with a store of its own."""
    settings.MODEL_STORE_DIR = tmp_path / "models"
    _forget()
    yield
    _forget()


def _forget() -> None:
    ModelLoader().clear_cache()
    EFFORT_OUTCOMES.clear()
    POINTS_OUTCOMES.clear()
    TERMS.clear()
    FINISHED_WORK.clear()
    ISSUE_TEXTS.clear()
    HISTORIES.clear()
    VERSIONS.clear()


@pytest.fixture(autouse=True)
def nobody_switches_the_machine_off(request, monkeypatch):
    """So nothing need be flushed to the disk: only tests of the store do it, as in service."""
    if "storage" not in request.path.parts:
        monkeypatch.setattr(folder, "_fsync", lambda path: None)


@pytest.fixture
def team(db, now):
    """A project with 120 finished issues whose hours follow from type and words."""
    return learnable_team(until=now)


@pytest.fixture
def trained(team, now):
    """The team's first effort model, active."""
    return ModelTrainer().train_effort_prediction_model(team.id, now=now)


@pytest.fixture
def run(team, now):
    """A queued training of the team's effort model."""
    return request_training("effort_prediction", team.id, cause="test", now=now)


@pytest.fixture
def standing_clocks(monkeypatch):
    """What a process remembers stays true however slowly the machine goes on: for tests that count queries."""
    monkeypatch.setattr(model_loader, "ACTIVATION_CHECK_SECONDS", 3600.0)
    monkeypatch.setattr(model_loader, "RETRY_SECONDS", 3600.0)
    for memory in (EFFORT_OUTCOMES, POINTS_OUTCOMES, TERMS, FINISHED_WORK, ISSUE_TEXTS):
        monkeypatch.setattr(memory, "_trusted_seconds", 3600.0)
