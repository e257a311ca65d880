"""Which model serves: versions, activation, rollback."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from apps.ml.models import MLModel, PredictionHistory
from apps.ml.services.models.registry import NotActivatable, NothingToRollBackTo, activate, next_version, roll_back
from apps.ml.tests.factories import MLModelFactory, PredictionHistoryFactory
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


def test_the_first_version_of_a_scope_is_1_0_0_and_each_training_counts_up():
    project = ProjectFactory()
    assert next_version("effort_prediction", project.id) == "1.0.0"

    MLModelFactory(project=project, version="1.9.0")

    assert next_version("effort_prediction", project.id) == "1.10.0"
    assert next_version("effort_prediction", None) == "1.0.0"


def test_activating_a_model_deprecates_the_one_that_served(now):
    project = ProjectFactory()
    old = MLModelFactory(project=project, is_active=True)
    new = MLModelFactory(project=project)

    activate(new, now=now)

    old.refresh_from_db()
    assert (old.is_active, old.status) == (False, "deprecated")
    assert MLModel.objects.get(is_active=True) == new


def test_activation_leaves_models_of_other_projects_other_types_and_the_global_one_alone(now):
    project = ProjectFactory()
    others = [
        MLModelFactory(project=ProjectFactory(), is_active=True),
        MLModelFactory(project=None, is_active=True),
        MLModelFactory(project=project, model_type="story_points", is_active=True),
    ]

    activate(MLModelFactory(project=project), now=now)

    assert MLModel.objects.filter(id__in=[other.id for other in others], is_active=True).count() == 3


def test_the_database_refuses_a_second_active_model_of_a_project_and_a_second_global_one():
    project = ProjectFactory()
    MLModelFactory(project=project, is_active=True)
    MLModelFactory(project=None, is_active=True)

    for scope in (project, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            MLModelFactory(project=scope, is_active=True)


def test_the_database_refuses_an_active_model_without_artefacts():
    with pytest.raises(IntegrityError), transaction.atomic():
        MLModelFactory(is_active=True, s3_key="", serving_key="")


def test_a_model_whose_training_failed_cannot_be_activated(now):
    failed = MLModelFactory(status="failed", s3_key="", serving_key="")

    with pytest.raises(NotActivatable):
        activate(failed, now=now)


def test_rolling_back_returns_to_the_model_that_served_before(now):
    first, second = MLModelFactory(), MLModelFactory()
    activate(first, now=now)
    activate(second, now=now + timedelta(days=1))

    assert roll_back("effort_prediction", None, now=now + timedelta(days=2)) == first

    second.refresh_from_db()
    assert second.status == "deprecated"


def test_what_a_clock_activated_that_was_ahead_is_not_what_served_last(now):
    of_ahead, first, second = MLModelFactory(), MLModelFactory(), MLModelFactory()
    activate(of_ahead, now=now + timedelta(days=10))
    activate(first, now=now)
    activate(second, now=now + timedelta(days=1))

    assert roll_back("effort_prediction", None, now=now + timedelta(days=2)) == first


def test_rolling_back_reads_nothing_from_the_store(now, monkeypatch):
    first, second = MLModelFactory(), MLModelFactory()
    activate(first, now=now)
    activate(second, now=now + timedelta(days=1))
    monkeypatch.setattr("apps.ml.storage.objects.ObjectStore.get", lambda self, key: pytest.fail("asked the store"))

    assert roll_back("effort_prediction", None, now=now + timedelta(days=2)) == first


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to(now):
    activate(MLModelFactory(), now=now)

    with pytest.raises(NothingToRollBackTo):
        roll_back("effort_prediction", None, now=now)


def test_history_survives_its_model_and_still_names_its_version():
    model = MLModelFactory()
    row = PredictionHistoryFactory(model=model, model_version=model.version)

    model.delete()

    kept = PredictionHistory.objects.get(id=row.id)
    assert (kept.model, kept.model_version) == (None, model.version)
