"""Models: what serves, how well, what leads decide; trainings as they wait and run."""

from datetime import timedelta

import pytest
from django.test import Client

from apps.dashboard.pages.models import trainings_of
from apps.dashboard.tests.test_backlog import text_of
from apps.dashboard.tests.test_trust import Small, demo
from apps.ml.models import MLModel, TrainingRun
from apps.ml.selectors.workers import LONG
from apps.ml.services.training.jobs import request_training
from apps.ml.services.upkeep.installation import note_worker
from apps.ml.tests.factories import MLModelFactory
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from conftest import NOW

__all__ = ["demo"]
pytestmark = pytest.mark.django_db
MODELS = "/projects/DEMO/models/"
COMPARED = {
    "mae": 3.95,
    "malr": 0.415,
    "coverage": 0.77,
    "baseline_mae": 6.2,
    "baseline_malr": 0.81,
    # Of all that had an estimate; beside the model that knows it stands the estimate on the same issues.
    "human_mae": 4.5,
    "with_estimate": {"mae": 3.6, "malr": 0.38, "coverage": 0.8, "human_mae": 4.19, "human_malr": 0.48, "n_test": 30},
    "beats_baseline": True,
    "verdict": "It is better on 40 newer issues.",
    "comparison": {
        "champion": "1.0.0",
        "n": 40,
        "challenger_error": 0.41,
        "champion_error": 0.52,
        "baseline_error": 0.8,
    },
}


@pytest.fixture
def serving(demo: Small, db: None) -> MLModel:
    MLModel.objects.all().delete()
    old = {"status": "deprecated", "activated_at": NOW - timedelta(days=30), "trained_at": NOW - timedelta(days=30)}
    MLModelFactory(project=demo.project, version="1.0.0", mae=4.4, metrics={}, **old)
    newest = {"status": "active", "is_active": True, "activated_at": NOW, "trained_at": NOW, "training_samples": 612}
    found: MLModel = MLModelFactory(project=demo.project, version="1.1.0", mae=3.95, metrics=COMPARED, **newest)
    return found


@pytest.mark.parametrize(
    "told",
    [
        "1.1.0 serves",
        "mean error 4 h 6.2 h 3.6 h 4.2 h",
        "typical factor 1.5× 2.2× 1.5× 1.6×",
        "80 % range held 77 % 80 %",
        "The last two columns: the 30 issues that the team had estimated",
        "from 612 completed issues with hours",
        "Champion and challenger, on 40 newer issues",
        "new model 1.1.0 0.41 model 1.0.0, which served 0.52 naive baseline 0.80",
        "1.0.0 31 Jan 2026",
        "It is better on 40 newer issues.",
    ],
)
def test_the_page_tells_what_was_measured(serving: MLModel, lead: Client, told: str):
    assert told in text_of(lead, MODELS)


def test_a_project_without_a_model_is_told_what_one_needs(demo: Small, lead: Client):
    assert "From 50 completed issues with story points on, one can be trained" in text_of(lead, MODELS)


def test_a_lead_rolls_back_to_what_served_before(serving: MLModel, lead: Client):
    told = text_of(lead, MODELS)
    answer = lead.post(f"{MODELS}effort_prediction/roll-back/", follow=True)

    assert "Roll back" in told
    assert "Model 1.0.0 serves again." in answer.content.decode()
    assert MLModel.objects.get(is_active=True).version == "1.0.0"


def test_a_version_whose_arrays_are_gone_is_not_activated(serving: MLModel, lead: Client):
    earlier = MLModel.objects.get(version="1.0.0")

    answer = lead.post(f"{MODELS}{earlier.id}/activate/", follow=True)

    assert "cannot serve" in answer.content.decode()
    assert MLModel.objects.get(is_active=True).version == "1.1.0"


@pytest.mark.parametrize("action", ["effort_prediction/train/", "effort_prediction/roll-back/"])
def test_others_than_leads_decide_nothing(demo: Small, serving: MLModel, client: Client, action: str):
    client.force_login(TeamMemberFactory(project=demo.project, role="member").user)

    assert client.post(f"{MODELS}{action}").status_code == 403
    assert "Leads of the project train" in text_of(client, MODELS)


def test_a_model_of_another_project_is_not_activated(demo: Small, serving: MLModel, lead: Client):
    foreign = MLModelFactory(project=ProjectFactory())

    assert lead.post(f"{MODELS}{foreign.id}/activate/").status_code == 404


def test_an_unknown_type_is_not_trained(demo: Small, lead: Client):
    assert lead.post(f"{MODELS}weather/train/").status_code == 404


def test_a_training_is_queued_once_and_followed(
    demo: Small, serving: MLModel, lead: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("apps.dashboard.views.models.send_training", lambda run_id: None)
    monkeypatch.setattr("apps.dashboard.views.models.jobs.require_enough_data", lambda *_: None)

    lead.post(f"{MODELS}effort_prediction/train/")
    again = lead.post(f"{MODELS}effort_prediction/train/", follow=True)

    assert TrainingRun.objects.count() == 1
    assert "queued or running" in again.content.decode()
    part = lead.get(f"{MODELS}progress/")
    assert "queued, no worker has been seen" in part.content.decode()
    assert "HX-Refresh" not in part


def test_too_little_to_learn_from_is_told_at_once(demo: Small, lead: Client):
    answer = lead.post(f"{MODELS}effort_prediction/train/", follow=True)

    assert "50 completed issues with hours are needed; there are 0." in answer.content.decode()


def test_when_no_training_is_left_the_page_is_shown_anew(demo: Small, lead: Client):
    assert lead.get(f"{MODELS}progress/")["HX-Refresh"] == "true"


def test_trainings_say_how_far_they_are(demo: Small):
    hours = request_training("effort_prediction", demo.project.id, cause="test", now=NOW)
    points = request_training("story_points", demo.project.id, cause="test", now=NOW)

    def told() -> list[str]:
        runs = [TrainingRun.objects.get(id=run.id) for run in (hours, points)]
        return [each.told for each in trainings_of(runs, now=NOW)]

    note_worker(LONG, NOW)
    assert told() == ["queued", "queued"]
    TrainingRun.objects.filter(id=hours.id).update(
        state="running", started_at=NOW, heartbeat_at=NOW, progress_step=4, progress_text="Fitting"
    )
    assert told() == ["Fitting", "queued behind another training"]
    TrainingRun.objects.filter(id=hours.id).update(heartbeat_at=NOW + timedelta(days=10))
    assert told() == ["Fitting", "queued"], "a clock that was ahead told of it, and is set back"


def test_scores_without_a_unit_are_told_apart_in_the_third_decimal(client: Client, demo: Small):
    metrics = {"mae": 0.0914, "baseline_mae": 0.0962, "brier": 0.1981, "baseline_brier": 0.2034}
    lately = {"status": "active", "is_active": True, "activated_at": NOW, "trained_at": NOW}
    MLModelFactory(project=demo.project, model_type="sprint_duration", mae=0.0914, metrics=metrics, **lately)
    client.force_login(demo.lead)

    told = text_of(client, MODELS)

    assert "mean error 0.091 0.096" in told
    assert "error of the chance to deliver (Brier) 0.198 0.203" in told
