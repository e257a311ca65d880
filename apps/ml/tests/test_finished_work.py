"""The index of finished work takes in what was touched, and is then as one that is read whole."""

from datetime import timedelta

import numpy as np
import pytest
from django.utils import timezone

from apps.ml.selectors.issues import completed_for_evidence
from apps.ml.services import PredictionService
from apps.ml.services.similar import finished_work
from apps.ml.services.similar.finished_work import FINISHED_WORK
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS
from apps.ml.services.similar.text_snapshots import forget_indexes
from apps.projects.models import Issue
from apps.projects.services import delete_issue, update_issue


@pytest.fixture
def clock(monkeypatch):
    """Seconds that go on when the test says so."""
    seconds = [0.0]
    monkeypatch.setattr(FINISHED_WORK, "_clock", lambda: seconds[0])
    return seconds


@pytest.fixture
def renewed_aside(settings):
    settings.ML_RENEW_ASIDE = True


def work(project, clock):
    clock[0] += 60.0
    return FINISHED_WORK.of_project(project.pk).people


def test_an_edited_title_is_found_without_reading_the_others_again(team, now, clock, monkeypatch):
    work(team, clock)
    read, issues = [], finished_work.completed_for_evidence
    monkeypatch.setattr(
        finished_work,
        "completed_for_evidence",
        lambda *args, **options: read.append(options.get("among")) or issues(*args, **options),
    )
    issue, last = team.issues.order_by("resolved_at").first(), team.issues.order_by("resolved_at").last()
    Issue.objects.filter(project=team).update(updated_at=now - timedelta(days=1))
    Issue.objects.filter(pk=last.pk).update(updated_at=now)
    FINISHED_WORK.clear()
    work(team, clock)

    update_issue(issue, by=None, now=now, title="Repaint the zeppelin")
    after = work(team, clock)

    assert read[-1] == {str(issue.pk), str(last.pk)}
    FINISHED_WORK.clear()
    whole = work(team, clock)
    assert list(after.issues) == list(whole.issues)
    assert after.index.issue_ids == whole.index.issue_ids


def test_a_reopened_issue_and_a_deleted_one_leave_it(team, now, clock):
    n = len(work(team, clock).issues)
    first, second = team.issues.order_by("resolved_at")[:2]

    update_issue(first, by=None, now=now, status=team.statuses.get(name="To do"))
    reopened = len(work(team, clock).issues)
    delete_issue(second)

    assert (reopened, len(work(team, clock).issues)) == (n - 1, n - 2)


@pytest.mark.parametrize("recent", [3, 12, 40, 10_000])
def test_what_is_told_from_the_newest_is_what_all_tell(team, now, clock, monkeypatch, recent):
    monkeypatch.setattr(finished_work, "LAST_OUTCOMES", 8)
    monkeypatch.setattr(finished_work, "BASELINE_ISSUES", 8)
    monkeypatch.setattr(finished_work, "MOST_RECENT", 8)
    monkeypatch.setattr(finished_work, "RECENT_ISSUES", recent)
    whole = finished_work.Evidence(completed_for_evidence(team.pk, newest=finished_work.MAX_ISSUES))
    ends = [issue.completed_at for issue in whole.issues]
    pointed = [issue for issue in whole.issues if issue.story_points]

    found = work(team, clock)

    assert list(found.issues) == list(whole.issues)
    assert (found.usual_hours, found.usual_points) == (whole.usual_hours, whole.usual_points)
    assert found.n_with_points == len(pointed)
    assert found.last_with_points[-8:] == pointed[-8:]
    assert found.index.issue_ids == whole.index.issue_ids
    assert np.array_equal(found.by_type.log_hours, whole.by_type.log_hours)
    for moment in (ends[0], ends[-5], ends[-1], now):
        since = [issue.story_points for issue in whole.issues if issue.completed_at > moment]
        assert found.points_since(moment).tolist() == [points for points in since if points is not None]
    assert found.outcomes.index.issue_ids[-8:] == whole.outcomes.index.issue_ids[-8:]


def test_one_that_leaves_makes_room_for_the_next_older_one(team, now, clock, monkeypatch):
    monkeypatch.setattr(finished_work, "RECENT_ISSUES", 5)
    newest = completed_for_evidence(team.pk, newest=6)
    FINISHED_WORK.of_project(team.pk)

    delete_issue(team.issues.get(pk=newest[-1].issue_id))
    clock[0] += 60.0

    assert list(FINISHED_WORK.of_project(team.pk).people.recent) == newest[:-1]


@pytest.mark.parametrize("recent", [3, 10_000])
@pytest.mark.usefixtures("renewed_aside")
def test_no_title_is_told_once_it_was_erased_or_its_issue_deleted(team, now, clock, monkeypatch, recent):
    monkeypatch.setattr(finished_work, "RECENT_ISSUES", recent)
    monkeypatch.setattr(finished_work._ALL_WORK, "_clock", lambda: clock[0])
    first, second = team.issues.order_by("resolved_at")[:2]
    Issue.objects.filter(pk=first.pk).update(title="Repair the printer of Irma Memorova")
    Issue.objects.filter(pk=second.pk).update(title="Paint the zeppelin")

    def titles():
        return " ".join(issue.facts.title for issue in work(team, clock).issues)

    finished_work._ALL_WORK.clear()
    FINISHED_WORK.clear()
    assert "Irma Memorova" in titles()

    Issue.objects.filter(pk=first.pk).update(title="Repair the printer of somebody")
    forget_indexes(now=now)
    assert "Irma Memorova" not in titles()
    assert "zeppelin" in titles()
    delete_issue(second)
    assert "zeppelin" not in titles()


@pytest.mark.usefixtures("renewed_aside")
def test_evidence_is_called_as_it_is_now_while_its_index_is_of_before(team, clock, monkeypatch):
    monkeypatch.setattr(ISSUE_TEXTS, "_clock", lambda: clock[0])
    # A renewal that has begun and is not done.
    monkeypatch.setattr(ISSUE_TEXTS, "_renew", lambda *args: None)
    first, second, third = team.issues.order_by("resolved_at")[:3]
    for issue, title in ((first, "Paint zeppelin red"), (second, "Paint zeppelin blue"), (third, "Paint zeppelin")):
        Issue.objects.filter(pk=issue.pk).update(title=title)

    def titles():
        answer = PredictionService().predict_issue_effort("Paint the zeppelin", "", "task", project_id=team.pk)
        return {each["title"] for each in answer["similar_issues"] if "zeppelin" in each["title"].lower()}

    assert titles() == {"Paint zeppelin red", "Paint zeppelin blue", "Paint zeppelin"}
    delete_issue(first)
    second.refresh_from_db()
    update_issue(second, by=None, now=timezone.now(), title="Paint the Zeppelin of the office")
    clock[0] += 3600.0

    assert titles() == {"Paint the Zeppelin of the office", "Paint zeppelin"}
