"""Champion and challenger on the same newest issues, beside the naive baseline."""

import math
from dataclasses import replace
from datetime import timedelta
from statistics import mean, median

import pytest

from apps.ml.core.training.degradation import MIN_REFERENCE
from apps.ml.models import MLModel
from apps.ml.selectors.issues import completed_with_hours, completed_with_points
from apps.ml.services import ModelTrainer
from apps.ml.services.models.champion import MIN_COMMON_ISSUES, compare_with_active, out_of_sample_errors
from apps.ml.services.models.fitting import Fitted
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import ObjectStore
from apps.ml.tests.teams import finished_issues, learnable_team

pytestmark = pytest.mark.django_db
EFFORT, POINTS = "effort_prediction", "story_points"


def fitted(predictions, *, beats_baseline=True):
    return Fitted(
        estimators={},
        serving=b"",
        metrics={},
        beats_baseline=beats_baseline,
        training_samples=len(predictions),
        test_predictions=predictions,
    )


def hours_off_by(issues, factor):
    """A challenger whose every answer is wrong by the same factor."""
    return {issue.issue_id: issue.actual_hours * factor for issue in issues}


@pytest.fixture
def newer(trained, team, now):
    """All issues, thirty of them finished after the champion's training."""
    finished_issues(team, 30, until=now + timedelta(days=8), seed=4)
    return completed_with_hours(team.id)


def verdict_of(team, issues, factor, **options):
    return compare_with_active(EFFORT, team.id, fitted(hours_off_by(issues, factor), **options), issues)


def test_a_first_model_serves_unopposed(now):
    team = learnable_team(60, until=now)
    issues = completed_with_hours(team.id)

    verdict = verdict_of(team, issues, 100.0)

    assert (verdict.activate, verdict.reason, verdict.comparison) == (True, "It is the first of its kind.", None)


def test_a_better_challenger_serves_and_all_three_errors_are_told(team, newer):
    verdict = verdict_of(team, newer, 1.05)

    assert verdict.activate
    assert verdict.reason.startswith("It is better on 30 newer issues: error 0.049, model 1.0.0 ")
    assert verdict.comparison.challenger_error == pytest.approx(0.0488, abs=1e-4)
    assert verdict.comparison.challenger_error < verdict.comparison.champion_error < verdict.comparison.baseline_error


def test_the_errors_are_those_of_issues_that_neither_trained_on(team, newer, trained):
    """Perfect on all the champion knows and hopeless on what came later: only the latter counts."""
    known = {issue.issue_id: issue.actual_hours for issue in newer[:-30]}

    verdict = compare_with_active(EFFORT, team.id, fitted(known | hours_off_by(newer[-30:], 50.0)), newer)

    assert not verdict.activate
    assert verdict.comparison.n == 30
    assert verdict.comparison.challenger_error > 3


def test_the_naive_baseline_knows_the_last_fifty_outcomes_before_the_common_issues(team, newer):
    comparison = verdict_of(team, newer, 1.05).comparison

    typical = median(issue.actual_hours for issue in newer[70:120])
    by_hand = mean(abs(math.log(issue.actual_hours / typical)) for issue in newer[120:])
    assert comparison.baseline_error == pytest.approx(by_hand)


def test_a_worse_challenger_is_kept_in_the_drawer(team, newer):
    verdict = verdict_of(team, newer, 30.0)

    assert not verdict.activate
    assert verdict.reason.startswith("It is not better on 30 newer issues")


@pytest.fixture
def changed(newer):
    """The work has changed: whatever it is about, it takes what was typical before. The naive baseline is perfect."""
    typical = median(issue.actual_hours for issue in newer[70:120])
    return newer[:120] + [replace(issue, actual_hours=typical) for issue in newer[120:]]


def test_being_better_than_a_bad_champion_is_not_enough_where_the_naive_baseline_is_better_still(team, changed):
    verdict = verdict_of(team, changed, 1.2)

    assert not verdict.activate
    assert verdict.reason.startswith("It is better than the active model but not than the naive baseline on 30")
    assert verdict.comparison.baseline_error < verdict.comparison.challenger_error < verdict.comparison.champion_error


def test_a_challenger_that_abstains_answers_with_the_baseline_and_replaces_a_worse_champion(team, changed):
    verdict = verdict_of(team, changed, 1.2, beats_baseline=False)

    assert verdict.activate
    assert verdict.reason.startswith("It abstains, answering with the naive baseline, and is better on 30")


def test_too_few_common_issues_keep_the_champion(trained, team, now):
    finished_issues(team, MIN_COMMON_ISSUES - 1, until=now + timedelta(days=5), seed=4)
    issues = completed_with_hours(team.id)

    verdict = verdict_of(team, issues, 1.0)

    assert not verdict.activate
    assert verdict.reason.startswith("19 issues were finished since model 1.0.0 was trained; 20 are needed")


def test_a_champion_that_is_gone_or_damaged_is_replaced(team, newer, trained):
    get_object_store().delete(trained.serving_key)

    verdict = verdict_of(team, newer, 30.0)

    assert verdict.activate
    assert "1.0.0 cannot be loaded" in verdict.reason


def test_a_store_that_is_down_is_no_reason_to_replace_a_champion(team, newer, trained, monkeypatch):
    def refuse(self, key):
        raise StorageError("S3 download failed in bucket 'models'.")

    monkeypatch.setattr(ObjectStore, "get", refuse)

    with pytest.raises(StorageError):
        verdict_of(team, newer, 1.0)


def test_points_are_compared_in_points(team, now):
    ModelTrainer().train_story_points_model(team.id, now=now)
    finished_issues(team, 30, until=now + timedelta(days=8), seed=4)
    issues = completed_with_points(team.id)
    off_by_one = {issue.issue_id: issue.story_points + 1 for issue in issues}

    comparison = compare_with_active(POINTS, team.id, fitted(off_by_one), issues).comparison

    assert (comparison.n, comparison.challenger_error) == (30, 1.0)


def test_the_figures_of_the_comparison_are_kept_in_the_row(team, newer):
    figures = verdict_of(team, newer, 1.05).figures()

    assert figures["verdict"].startswith("It is better")
    assert set(figures["comparison"]) == {"champion", "n", "challenger_error", "champion_error", "baseline_error"}


def test_the_errors_of_the_training_are_kept_for_later_the_newest_hundred(now):
    team = learnable_team(130, until=now)
    issues = completed_with_hours(team.id)

    errors = out_of_sample_errors(EFFORT, fitted(hours_off_by(issues, 2.0)), issues)

    assert errors == [0.6931] * 100


def test_an_issue_without_a_prediction_has_no_error(trained, team):
    issues = completed_with_hours(team.id)

    assert out_of_sample_errors(EFFORT, fitted(hours_off_by(issues[-7:], 1.0)), issues) == [0.0] * 7


def test_a_real_training_leaves_enough_errors_to_tell_a_degradation_by(trained):
    kept = MLModel.objects.get().metrics["reference_errors"]

    assert len(kept) >= MIN_REFERENCE
    assert all(error >= 0 for error in kept)
