"""`sprint_duration` is a type like the others: trained on own sprints, stored, served, compared, rolled back."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from django.core.management import call_command

from apps.ml.core.sprints.learned import training
from apps.ml.core.sprints.learned.serving import SprintModel
from apps.ml.core.sprints.outcome import load_prior
from apps.ml.models import MLModel, PredictionHistory
from apps.ml.selectors.registry import count_outcomes
from apps.ml.selectors.sprint_lessons import sprint_lessons
from apps.ml.services import ModelTrainer
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models.champion import compare_with_active
from apps.ml.services.models.fitting import Fitted
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.models.registry import activate, roll_back
from apps.ml.services.models.warming import warm_cache
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.ml.services.training.due import models_due
from apps.ml.services.upkeep.diagnosis import diagnose
from apps.ml.storage import get_object_store
from apps.projects.models import Issue, Project, Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
SPRINTS = "sprint_duration"
DAYS = 7


def run_sprints(project: Project, n: int, *, until: datetime) -> None:
    """Completed sprints of three issues: a busy team finishes one of them, a team of one all."""
    done = project.statuses.get(name="Done")
    # All rows at once: what happened to an issue is told by its columns.
    made = IssueFactory.build(project=project)
    for back in range(n, 0, -1):
        start, busy = until - timedelta(days=DAYS * back), back % 2
        sprint = SprintFactory(
            project=project, start_date=start.date(), started_at=start, status=Sprint.Status.COMPLETED,
            completed_at=start + timedelta(days=6),
        )  # fmt: skip
        Issue.objects.bulk_create(
            Issue(
                project=project, sprint=sprint, title=made.title, issue_type=project.issue_types.first(),
                story_points=None, created_at=start - timedelta(days=1),
                status=done if number >= 2 * busy else project.statuses.first(),
                resolved_at=start + timedelta(days=2 + number) if number >= 2 * busy else None,
            )
            for number in range(3)
        )  # fmt: skip


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "N_TREES", 10)


@pytest.fixture
def sprinters(now: datetime) -> Project:
    """Fifty completed sprints and one that runs."""
    project = ProjectFactory()
    run_sprints(project, 50, until=now)
    running = SprintFactory(project=project, active=True, start_date=now.date(), started_at=now)
    IssueFactory.create_batch(3, project=project, sprint=running, story_points=None, created_at=now)
    return project


def test_fifty_own_sprints_are_trained_stored_and_served(sprinters, now, capsys):
    running = sprinters.sprints.get(status="active")
    before = SprintOutcomeService().predict(running.id, now=now)
    assert [(due.model_type, due.reason) for due in models_due(now=now)] == [
        (SPRINTS, "first model, 50 completed sprints")
    ]

    call_command("train_ml_model", SPRINTS, project=sprinters.key)

    model = MLModel.objects.get()
    assert f"{SPRINTS} 1.0.0 for project {sprinters.key}: 50 completed sprints." in capsys.readouterr().out
    assert (model.is_active, model.training_samples, model.metrics["beats_baseline"]) == (True, 50, True)
    assert model.s3_key.startswith(f"ml_models/{SPRINTS}/")
    assert {each.key for each in get_object_store().list("ml_models")} == {model.s3_key, model.serving_key}
    assert get_object_store().get(model.dataset_key)
    assert [finding.level for finding in diagnose(sprinters.id) if finding.check == str(model)] == ["ok"]
    ModelLoader().clear_cache()
    warm_cache()
    assert ModelLoader().get_cache_stats()["cached_keys"] == [f"{SPRINTS}_{sprinters.id}"]
    after = SprintOutcomeService().predict(running.id, now=now)
    assert (before["model_version"], after["model_version"]) == (load_prior().version, f"{load_prior().version}+1.0.0")
    assert after["expected_delivered"] != before["expected_delivered"]
    assert PredictionHistory.objects.get(model=model).prediction_type == "sprint_outcome"
    duration = SprintDurationService().estimate_sprint_duration(running.id, now=now)
    assert duration["forecast"]["probability_in_time"] == pytest.approx(after["probability_all"], abs=1e-4)


@pytest.fixture
def model(sprinters, now):
    return ModelTrainer().train(SPRINTS, sprinters.id, now=now).model


def test_a_challenger_serves_only_where_it_is_better_on_sprints_that_neither_knew(sprinters, model, now):
    run_sprints(sprinters, 20, until=now + timedelta(days=DAYS * 21))
    lessons = sprint_lessons(sprinters.id)
    newer = [each.sprint_id for each in lessons[-20:]]

    verdicts = [compare_with_active(SPRINTS, sprinters.id, _told(newer, crps), lessons) for crps in (0.01, 5.0)]

    assert [verdict.activate for verdict in verdicts] == [True, False]
    assert verdicts[0].reason.startswith("It is better on 20 newer sprints: error 0.010, model 1.0.0 ")
    assert verdicts[0].comparison.champion_error < verdicts[0].comparison.baseline_error
    assert count_outcomes(kind_of(SPRINTS).outcome, sprinters.id) == len(lessons) == 70


def _told(sprint_ids: list[str], crps: float) -> Fitted:
    return Fitted({}, b"", {}, True, len(sprint_ids), dict.fromkeys(sprint_ids, crps))


def test_the_model_that_served_before_serves_again(sprinters, model, now):
    later = ModelTrainer().train(SPRINTS, sprinters.id, now=now + timedelta(hours=1))
    assert not later.model.is_active
    assert later.verdict.reason.startswith("0 sprints were finished since model 1.0.0 was trained")

    activate(later.model, now=now + timedelta(hours=2))
    roll_back(SPRINTS, sprinters.id, now=now + timedelta(hours=3))

    assert ModelLoader().load_active_model(SPRINTS, sprinters.id).version == "1.0.0"


def test_a_model_that_cannot_be_read_leaves_the_prior_and_says_so(sprinters, model, now):
    get_object_store().delete(model.serving_key)
    ModelLoader().clear_cache()

    answer = SprintOutcomeService().predict(sprinters.sprints.get(status="active").id, now=now)

    assert answer["model_version"] == load_prior().version
    assert answer["reasoning"].startswith("The trained model could not be loaded just now")


def test_all_projects_together_are_a_model_and_two_of_them_tell_strangers_nothing(sprinters, now):
    other = ProjectFactory()
    run_sprints(other, 10, until=now)
    switched_off = ProjectFactory(predictions_enabled=False)
    run_sprints(switched_off, 3, until=now)

    model = ModelTrainer().train(SPRINTS, None, now=now).model

    assert model.training_samples == 60
    answers = ModelLoader().load_active_model(SPRINTS, ProjectFactory().id).predictor
    assert isinstance(answers, SprintModel)
    assert (answers.version, answers.own.predict(np.zeros(30))) == (
        load_prior().version,
        answers.own.predict(np.ones(30)),
    )


def test_five_projects_teach_what_two_may_not(now):
    for _ in range(5):
        project = ProjectFactory()
        TeamMemberFactory(project=project)
        run_sprints(project, 20, until=now)

    ModelTrainer().train(SPRINTS, None, now=now)

    answers = ModelLoader().load_active_model(SPRINTS, ProjectFactory().id).predictor
    assert answers.version == f"{load_prior().version}+1.0.0"
