"""What is due, planned in a constant number of queries and fanned out."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command

from apps.ml import tasks
from apps.ml.models import ModelType, TrainingRun
from apps.ml.services.training.due import models_due, queue_due_trainings
from apps.ml.tests.factories import MLModelFactory, PredictionHistoryFactory, TrainingRunFactory
from apps.ml.tests.teams import finished_issues
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, UserFactory

pytestmark = pytest.mark.django_db
EFFORT = "effort_prediction"
#: For each type the live errors, the errors of the training, the global model and the projects.
QUERIES = len(ModelType) * 4


def project_with(n, *, now, model_samples=None, age_days=1, **model):
    """A project with `n` finished issues that have hours and no points, and maybe an active model."""
    project = ProjectFactory()
    finished_issues(project, n, until=now)
    project.issues.update(story_points=None)
    if model_samples is not None:
        trained_at = now - timedelta(days=age_days)
        MLModelFactory(project=project, is_active=True, training_samples=model_samples, trained_at=trained_at, **model)
    return project


def scored_answers(model, errors, *, now):
    """The model said 4 hours about as many issues; it took that times the exponential of the error."""
    import math

    for error in errors:
        issue = IssueFactory(project=model.project, completed=True, actual_hours=4 * math.exp(error))
        PredictionHistoryFactory(
            project=model.project, model=model, issue=issue, actual_value=issue.actual_hours, scored_at=now
        )


def test_a_project_with_fifty_issues_and_no_model_is_due_for_its_first(now):
    project = project_with(50, now=now)
    project_with(49, now=now)

    [due] = models_due(now=now)

    assert (due.model_type, due.project_id, due.reason) == (EFFORT, project.id, "first model, 50 completed issues")


def test_each_type_counts_its_own_outcomes(now):
    project = ProjectFactory()
    finished_issues(project, 50, until=now)
    project.issues.update(assignee=UserFactory())
    for sprint in SprintFactory.create_batch(50, project=project, status="completed", start_date=now.date()):
        IssueFactory(project=project, sprint=sprint)

    assert {due.model_type for due in models_due(now=now)} == set(ModelType.values)


def test_a_fifth_more_issues_or_thirty_days_make_a_model_due(now):
    grown = project_with(60, now=now, model_samples=50)
    old = project_with(60, now=now, model_samples=59, age_days=31)
    project_with(60, now=now, model_samples=59)

    assert {due.project_id for due in models_due(now=now)} == {grown.id, old.id}


def test_an_error_that_grew_makes_a_model_due_and_the_same_error_does_not(now):
    reference = {"reference_errors": [0.1, 0.2, 0.3, 0.4] * 6}
    worse = project_with(60, now=now, model_samples=59, metrics=reference)
    same = project_with(60, now=now, model_samples=59, metrics=reference)
    scored_answers(worse.ml_models.get(), [0.8, -0.9, 1.0, 1.2, -1.1] * 5, now=now)
    scored_answers(same.ml_models.get(), [0.1, -0.2, 0.3, 0.4, -0.2] * 5, now=now)
    # What they answered about counts as finished too; leave only what was there.
    Issue.objects.filter(predictions__isnull=False).update(resolved_at=None)

    [due] = models_due(now=now)

    assert due.project_id == worse.id
    assert due.reason.startswith("error on 25 outcomes 1.00 instead of 0.25")


def test_many_answers_about_one_issue_are_one_outcome(now):
    project = project_with(60, now=now, model_samples=59, metrics={"reference_errors": [0.1] * 24})
    issue = IssueFactory(project=project)
    model = project.ml_models.get()
    for _ in range(40):
        PredictionHistoryFactory(project=project, model=model, issue=issue, actual_value=40, scored_at=now)

    assert list(models_due(now=now)) == []


def test_answers_of_retired_models_say_nothing_of_the_active_one(now):
    project = project_with(60, now=now, model_samples=59, metrics={"reference_errors": [0.1] * 24})
    retired = MLModelFactory(project=project, status="deprecated")
    scored_answers(retired, [2.0] * 30, now=now)
    Issue.objects.filter(predictions__isnull=False).update(resolved_at=None)

    assert list(models_due(now=now)) == []


def test_the_global_model_is_due_by_the_outcomes_of_all_projects_and_never_made_unasked(now):
    project_with(60, now=now, model_samples=60)
    project_with(60, now=now, model_samples=60)
    assert list(models_due(now=now)) == []

    MLModelFactory(project=None, is_active=True, training_samples=100, trained_at=now)

    [due] = models_due(now=now)
    assert (due.project_id, due.reason) == (None, "20 more completed issues than the 100 it was trained on")


def test_what_is_queued_or_running_is_not_due_again(now):
    project = project_with(50, now=now)
    TrainingRunFactory(project=project, state="running")
    MLModelFactory(project=None, is_active=True, training_samples=10, trained_at=now)
    TrainingRunFactory(project=None)

    assert list(models_due(now=now)) == []


@pytest.mark.parametrize("projects", [1, 200])
def test_the_plan_takes_the_same_queries_for_one_project_and_for_two_hundred(projects, now, django_assert_num_queries):
    for _ in range(projects):
        project = ProjectFactory(workflow=False)
        MLModelFactory(project=project, is_active=True, training_samples=0, trained_at=now)
        MLModelFactory(project=project, is_active=True, model_type="story_points", training_samples=0, trained_at=now)
    crowded = project_with(50, now=now)
    model = MLModelFactory(project=crowded, is_active=True, metrics={"reference_errors": [0.1] * 24})
    scored_answers(model, [1.0] * 25, now=now)

    with django_assert_num_queries(QUERIES):
        list(models_due(now=now))


def test_planning_queues_a_run_with_its_reason_and_a_second_plan_adds_none(now):
    project = project_with(50, now=now)

    assert len(list(queue_due_trainings(now=now))) == 1
    assert list(queue_due_trainings(now=now)) == []

    run = TrainingRun.objects.get()
    assert (run.project, run.state, run.cause) == (project, "queued", "first model, 50 completed issues")


def test_the_weekly_task_trains_every_due_model_and_one_failure_harms_no_other(now, monkeypatch):
    from apps.ml.services.models.fitting import fit_effort
    from apps.ml.services.models.kinds import KINDS

    sick, healthy = project_with(50, now=now), project_with(60, now=now)

    def fit(issues, **options):
        if len(issues) == 50:
            raise tasks.BrokerUnavailable("a fault of this project")
        return fit_effort(issues, **options)

    monkeypatch.setitem(KINDS, EFFORT, replace(KINDS[EFFORT], fit=fit))

    assert tasks.retrain_ml_models.delay().get() == 2

    assert sick.training_runs.get().failure_reason == "a fault of this project"
    assert sick.training_runs.get().state == "failed"
    assert healthy.training_runs.get().state == "succeeded"
    assert healthy.ml_models.get().is_active


def test_the_command_lists_what_is_due_and_why_without_queueing(now, capsys):
    project = project_with(50, now=now)

    call_command("retrain_ml_models", "--dry-run")

    assert capsys.readouterr().out == f"{EFFORT} {project.key}: first model, 50 completed issues\n1 due.\n"
    assert not TrainingRun.objects.exists()


def test_the_command_queues_and_sends(now, capsys):
    project = project_with(50, now=now)

    call_command("retrain_ml_models")

    assert capsys.readouterr().out == "1 trainings are queued, 1 of them sent to workers.\n"
    assert project.ml_models.get().is_active
