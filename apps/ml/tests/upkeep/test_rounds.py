"""What the clock does of every project goes on in parts, behind what was asked for, and leaves out who has no work."""

import random
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from apps.common import broker
from apps.common.broker import AT_ONCE, go_round
from apps.ml import tasks
from apps.ml.models import AnomalyDetection, KeptForecast, PredictionHistory, Replay
from apps.ml.tests.factories import MLModelFactory
from apps.projects.models import Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
LEFT = 3


@pytest.fixture
def waiting(monkeypatch):
    """What is handed over, and not done yet."""
    messages = []

    def take(task, *args, **options):
        messages.append((task, args, options))
        return True

    monkeypatch.setattr(broker, "is_handed_over", take)
    monkeypatch.setattr(tasks, "is_handed_over", take)
    return messages


@pytest.fixture
def looked(monkeypatch):
    """Projects in which anomalies are looked for."""
    found = []
    monkeypatch.setattr(tasks, "_detect", found.append)
    return found


def worked_projects(n):
    projects = ProjectFactory.create_batch(n)
    for project in projects:
        IssueFactory(project=project)
    return {project.pk for project in projects}


def test_a_round_is_one_message_at_a_time_however_many_projects_there_are(waiting, looked):
    projects = worked_projects(2 * AT_ONCE + LEFT)

    tasks.detect_anomalies()
    parts = [len(looked)]
    while waiting:
        [(task, after, _)] = waiting
        waiting.clear()
        task(*after)
        parts.append(len(looked) - sum(parts))

    assert parts == [AT_ONCE, AT_ONCE, LEFT]
    assert set(looked) == projects
    assert len(looked) == len(projects)


def test_the_rest_of_a_round_ends_when_the_round_does(waiting, looked):
    worked_projects(AT_ONCE)
    ends_at = timezone.now() + timedelta(hours=6)

    tasks.detect_anomalies.push_request(expires=ends_at)
    try:
        tasks.detect_anomalies()
    finally:
        tasks.detect_anomalies.pop_request()

    assert waiting[-1][2] == {"expires": ends_at}


def test_what_ends_the_process_ends_no_round_and_is_not_always_before_the_same_others(waiting):
    def kill(each):
        done.append(each)
        if each == 0:
            raise SystemExit

    a_round = SimpleNamespace(name="a_round", request=SimpleNamespace(expires=None))
    handed_over, neighbours = [], set()
    for seed in range(20):
        done = []
        with pytest.raises(SystemExit):
            go_round(a_round, range(2 * AT_ONCE), kill, rng=random.Random(seed))
        handed_over.append(waiting.pop()[1])
        neighbours.update(done)

    assert handed_over == [(str(AT_ONCE - 1),)] * 20
    assert neighbours == set(range(AT_ONCE))


def test_one_that_fails_or_is_deleted_meanwhile_keeps_no_other_from_it(monkeypatch, waiting):
    gone, faulty, _ = projects = sorted(worked_projects(3))
    looked = []

    def look(_, project_id, **__):
        if project_id == faulty:
            raise ZeroDivisionError
        looked.append(project_id)

    monkeypatch.setattr(tasks.AnomalyDetectionService, "detect_project_anomalies", look)
    monkeypatch.setattr(tasks, "_show_long_worker", lambda: Project.objects.filter(pk=gone).delete())

    assert tasks.detect_anomalies() == 3
    assert looked == projects[2:]


def test_projects_without_issues_are_left_out_of_every_round(waiting):
    empty = ProjectFactory.create_batch(2 * AT_ONCE)
    SprintFactory(project=empty[0], active=True, started_at=timezone.now())

    rounds = (tasks.detect_anomalies, tasks.keep_forecasts, tasks.watch_sprints, tasks.refresh_indexes)
    begun = [each() for each in (*rounds, tasks.record_dated_outcomes, tasks.replay_pasts)]

    assert (begun, waiting) == ([0] * 6, [])
    assert not KeptForecast.objects.exists()
    assert not PredictionHistory.objects.exists()


def test_a_round_over_projects_costs_no_query_for_each_that_has_nothing(waiting, django_assert_max_num_queries):
    ProjectFactory.create_batch(50)

    with django_assert_max_num_queries(20):
        tasks.detect_anomalies()
        tasks.keep_forecasts()
        tasks.watch_sprints()
        tasks.refresh_indexes()


def test_what_is_unusual_is_stored():
    project = ProjectFactory()
    IssueFactory.create_batch(12, project=project)

    tasks.detect_anomalies.delay()

    assert AnomalyDetection.objects.filter(project=project).exists()


def test_forecasts_of_a_day_are_kept_once():
    worked_projects(AT_ONCE + LEFT)

    tasks.keep_forecasts.delay()
    again = tasks.keep_forecasts.delay().get()

    assert (KeptForecast.objects.count(), again) == (AT_ONCE + LEFT, 0)


def test_of_replays_of_the_clock_one_waits_at_a_time_and_the_next_is_asked_for_behind_it(waiting):
    models = [MLModelFactory(project=ProjectFactory(), is_active=True, status="active") for _ in range(3)]
    first, second, third = sorted(model.project_id for model in models)

    tasks.replay_pasts()

    assert [(task.name, args) for task, args, _ in waiting] == [
        ("apps.ml.tasks.replay_past", (str(first),)), ("apps.ml.tasks.replay_pasts", (str(first),)),
    ]  # fmt: skip
    assert set(Replay.objects.values_list("project", flat=True)) == {first}
    tasks.replay_pasts(str(first))
    tasks.replay_pasts(str(second))
    assert tasks.replay_pasts(str(third)) == 0
    assert set(Replay.objects.values_list("project", flat=True)) == {first, second, third}
