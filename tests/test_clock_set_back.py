"""A clock that was ahead and is set back hides nothing that happens afterwards: the latest of all is then no stamp."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.dashboard.memory import state_of
from apps.ml.models import KeptForecast
from apps.ml.selectors.issues import text_revision
from apps.ml.selectors.kept_forecasts import due_projects, kept_forecasts
from apps.ml.selectors.trust import serving_revision
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.keeping import keep_due_forecasts
from apps.ml.services.similar import finished_work, issue_texts, text_snapshots
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import IssueTexts
from apps.ml.services.similar.text_snapshots import projects_behind
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.ml.tests.forecasts.teams import a_team
from apps.projects.models import Issue, Project
from apps.projects.selectors import issues_stamp, present_state, project_revision
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
AHEAD = timedelta(days=10)


class Clock:
    """Goes on by a second with each look, so that each edit has its own; it may be set."""

    now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timezone, "now", clock)
    # What is remembered is asked about each time.
    for memory in (FINISHED_WORK, issue_texts.ISSUE_TEXTS):
        monkeypatch.setattr(memory, "_trusted_seconds", 0.0)
        memory.clear()
    return clock


@pytest.fixture
def project(clock: Clock) -> Project:
    """With thirty open issues."""
    project = a_team(NOW - timedelta(days=7))
    IssueFactory.create_batch(30, project=project, story_points=2, created_at=NOW - timedelta(days=30))
    return project


def open_issues(project: Project) -> list[Issue]:
    return list(project.issues.filter(resolved_at=None).order_by("created_at", "id"))


def edited_ahead(issues: list[Issue]) -> None:
    """By a clock that was ahead; the history, which tells figures what to leave out, is not what this is about."""
    for number, issue in enumerate(issues):
        Issue.objects.filter(pk=issue.pk).update(updated_at=NOW + AHEAD + timedelta(seconds=number))


def finish(issues: list[Issue], clock: Clock) -> None:
    done = issues[0].project.statuses.get(category="done")
    for issue in issues:
        update_issue(issue, by=None, now=clock, status=done, actual_hours=4)


def told(project: Project, clock: Clock) -> dict[str, Any]:
    now = clock()
    return {
        "open": len(TeamHistory(project.pk, now=now).unfinished()),
        "finished": len(FINISHED_WORK.of_project(project.pk).people.recent),
        "texts": sum(issue_texts.ISSUE_TEXTS.of_project(project.pk).hours > 0),
    }


def stamps(project: Project, clock: Clock) -> dict[str, Any]:
    now = clock()
    return {
        "pages": state_of(project, now=now),
        "figures": present_state(project.pk, now=now),
        "lists": issues_stamp(project.pk, now=now),
        "texts": text_revision(project.pk, now=now),
    }


@pytest.mark.parametrize("n_ahead", [0, 1, 25, 30])
def test_what_is_done_after_it_was_set_back_is_seen(project: Project, clock: Clock, n_ahead: int) -> None:
    issues = open_issues(project)
    edited_ahead(issues[:n_ahead])
    before, known = stamps(project, clock), told(project, clock)

    finish(issues[-5:], clock)

    after = stamps(project, clock)
    assert not [name for name, stamp in after.items() if stamp == before[name]]
    assert told(project, clock) == {
        "open": known["open"] - 5,
        "finished": known["finished"] + 5,
        "texts": known["texts"] + 5,
    }


def test_an_edit_by_a_machine_that_is_still_ahead_is_seen_too(project: Project, clock: Clock) -> None:
    issues = open_issues(project)
    edited_ahead(issues[:3])
    before = stamps(project, clock)

    Issue.objects.filter(pk=issues[1].pk).update(updated_at=NOW + AHEAD + timedelta(minutes=1))

    after = stamps(project, clock)
    assert not [name for name, stamp in after.items() if stamp == before[name]]


def test_what_was_remembered_while_it_was_ahead_is_read_again(project: Project, clock: Clock) -> None:
    """Also where no row tells of it any more: what is edited since is before all that was known then."""
    issues = open_issues(project)
    clock.now = NOW + AHEAD
    update_issue(issues[0], by=None, now=NOW, title="Of ten days ahead")
    known = told(project, clock)

    clock.now = NOW + timedelta(minutes=1)
    update_issue(issues[0], by=None, now=clock, title="Of today")
    finish(issues[-5:], clock)

    assert told(project, clock) == {
        "open": known["open"] - 5,
        "finished": known["finished"] + 5,
        "texts": known["texts"] + 5,
    }


def test_what_is_edited_while_others_lie_ahead_is_read_alone(
    project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = open_issues(project)
    Issue.objects.filter(project=project).update(updated_at=NOW - timedelta(days=1))
    Issue.objects.filter(pk=issues[2].pk).update(updated_at=NOW)
    edited_ahead(issues[:2])
    told(project, clock)
    read, whole = [], finished_work.completed_for_evidence
    monkeypatch.setattr(
        finished_work,
        "completed_for_evidence",
        lambda *args, **options: read.append(options.get("among")) or whole(*args, **options),
    )

    finish(issues[-1:], clock)
    told(project, clock)

    assert read == [{str(issues[-1].pk)}]


def test_stamps_take_as_many_queries_as_ever(project: Project, clock: Clock) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            stamps(project, clock)
        return len(queries)

    usual = asked()
    edited_ahead(open_issues(project)[:25])

    assert asked() == usual


def test_an_index_that_was_stored_while_it_was_ahead_is_stored_anew(
    project: Project, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_snapshots, "MIN_ISSUES", 3)
    monkeypatch.setattr(text_snapshots, "FEWEST_BEHIND", 3)
    issues = open_issues(project)
    edited_ahead(issues[:1])
    clock.now = NOW + AHEAD + timedelta(hours=1)

    def n_with_hours() -> int:
        """As a process that remembers nothing has it."""
        return sum(IssueTexts(max_bytes=2**30).of_project(project.pk).hours > 0)

    known = n_with_hours()
    clock.now = NOW + timedelta(minutes=10)
    finish(issues[-1:], clock)

    assert list(projects_behind()) == [project.pk]
    assert n_with_hours() == known + 1
    assert list(projects_behind()) == []


def test_the_forecast_of_each_day_is_kept_though_one_of_a_day_to_come_is(project: Project) -> None:
    keep_due_forecasts(project, now=NOW + timedelta(days=30))

    for days in range(3):
        now = NOW + timedelta(days=days)
        assert list(due_projects(Project.objects.all(), now=now)) == [project.pk]
        assert keep_due_forecasts(project, now=now) == 1
        assert list(due_projects(Project.objects.all(), now=now)) == []
        assert kept_forecasts(project, now=now).first().day == now.date()


def test_pages_see_what_is_kept_and_scored_after_it_was_set_back(project: Project) -> None:
    def kept(at: datetime) -> None:
        KeptForecast.objects.create(project=project, day=at.date(), made_at=at, occasion="day", issues=1)

    kept(NOW + AHEAD)
    PredictionHistoryFactory(project=project, actual_value=4.0, scored_at=NOW + AHEAD)
    seen = [serving_revision(project.pk, now=NOW)]

    kept(NOW)
    seen.append(serving_revision(project.pk, now=NOW))
    PredictionHistoryFactory(project=project, actual_value=4.0, scored_at=NOW)
    seen.append(serving_revision(project.pk, now=NOW))

    assert len(set(seen)) == 3


def test_what_is_remembered_of_the_usual_is_one_state(project: Project) -> None:
    assert project_revision(project, now=NOW + AHEAD) == project_revision(project, now=NOW + AHEAD * 2)
