"""Replays that are kept: asked for once, made by a worker, and told why where nothing came of one."""

from datetime import timedelta

import pytest

from apps.ml import tasks
from apps.ml.models import Replay
from apps.ml.services.evaluation import replaying
from apps.ml.services.evaluation.kept_replays import LOST_AFTER, ask_for_replays, keep_replay
from apps.ml.services.evaluation.replaying import make_replays
from apps.ml.tests.factories import MLModelFactory
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


def test_a_replay_that_is_under_way_is_not_asked_for_again(now):
    project = ProjectFactory()

    assert ask_for_replays(project.id, now=now)
    assert not ask_for_replays(project.id, now=now + timedelta(minutes=1))
    assert ask_for_replays(project.id, now=now + LOST_AFTER)


def test_what_an_earlier_replay_showed_stays_until_there_is_a_newer_one(now):
    project = ProjectFactory()
    keep_replay(project.id, Replay.Kind.EFFORT, {"n": 1}, now=now)

    ask_for_replays(project.id, now=now + timedelta(days=7))

    assert Replay.objects.get(kind=Replay.Kind.EFFORT).figures == {"n": 1}
    keep_replay(project.id, Replay.Kind.EFFORT, {"n": 2}, now=now + timedelta(days=8))
    assert Replay.objects.get(kind=Replay.Kind.EFFORT).figures == {"n": 2}


def test_too_little_history_is_told_in_words(now):
    project = ProjectFactory()

    make_replays(project.id, now=lambda: now)

    told = {replay.kind: replay.failure_reason for replay in Replay.objects.all()}
    assert told[Replay.Kind.EFFORT].startswith("50 completed issues with hours are needed")
    assert set(told) == set(Replay.Kind)
    assert all(told.values())


def test_a_fault_of_ours_is_told_and_raised(now, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(replaying, "_MADE", dict.fromkeys(Replay.Kind, broken))

    with pytest.raises(ZeroDivisionError):
        make_replays(ProjectFactory().id, now=lambda: now)

    assert "Internal error (ZeroDivisionError)" in Replay.objects.get().failure_reason


def test_on_mondays_every_project_with_a_model_is_replayed(monkeypatch):
    asked = []
    monkeypatch.setattr(tasks.replay_past, "apply_async", lambda args, **_: asked.append(args))
    model = MLModelFactory(project=ProjectFactory(), is_active=True, status="active")
    ProjectFactory()

    assert tasks.replay_pasts() == 1
    assert asked == [(str(model.project_id),)]


def test_a_replay_that_no_queue_takes_was_not_asked_for(now, monkeypatch):
    model = MLModelFactory(project=ProjectFactory(), is_active=True, status="active")
    keep_replay(model.project_id, Replay.Kind.EFFORT, {"n": 1}, now=now)
    monkeypatch.setattr(tasks, "is_handed_over", lambda *_: False)

    assert tasks.replay_pasts() == 0

    [made] = Replay.objects.all()
    assert (made.asked_at, made.figures) == (made.made_at, {"n": 1})
    monkeypatch.undo()
    assert ask_for_replays(model.project_id, now=now)


def test_what_a_clock_that_was_ahead_asked_for_keeps_nobody_from_asking(now):
    project = ProjectFactory()

    assert ask_for_replays(project.id, now=now + timedelta(days=1))
    make_replays(project.id, now=lambda: now)
    Replay.objects.update(failure_reason="", made_at=now)

    assert ask_for_replays(project.id, now=now)
