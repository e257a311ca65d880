"""Training the effort model: what it may learn from, what it measures, and when it does not answer."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.effort import (
    MIN_TRAINING_ISSUES,
    EffortModel,
    predict_unfolded,
    refit_effort_model,
    train_effort_model,
)
from apps.ml.core.records import IssueFacts

from .effort_factories import NOW, START, team

LEARNABLE = team(400, seed=1)


@pytest.fixture(scope="module")
def trained():
    return train_effort_model(LEARNABLE, now=NOW, version="1.2.0")


@pytest.fixture(scope="module")
def model(trained):
    return EffortModel.from_bytes(trained.serving)


def blind(facts):
    return replace(facts, estimated_hours=None)


def test_fewer_than_fifty_issues_with_hours_are_not_enough():
    issues = team(60)
    unfinished = [replace(issue, actual_hours=None) for issue in issues[: 60 - MIN_TRAINING_ISSUES + 1]]

    with pytest.raises(NotEnoughData) as caught:
        train_effort_model([*unfinished, *issues[len(unfinished) :]], now=NOW)

    assert (caught.value.have, caught.value.needed) == (49, 50)


def test_fifty_issues_are_enough():
    trained = train_effort_model(team(50), now=NOW)

    assert trained.training_samples == 50
    assert EffortModel.from_bytes(trained.serving).estimate(IssueFacts(title="fix login page")).predicted_hours > 0


def test_what_is_finished_after_now_is_not_learned():
    now = START + timedelta(days=50)

    trained = train_effort_model(LEARNABLE, now=now)

    assert trained.training_samples == sum(issue.completed_at <= now for issue in LEARNABLE) < len(LEARNABLE)


def test_a_team_with_something_to_learn_is_served_by_the_model(trained, model):
    estimate = model.estimate(blind(LEARNABLE[-1].facts))

    assert trained.beats_baseline
    assert trained.metrics.malr < 0.7 * trained.metrics.baseline_malr
    assert (estimate.method, estimate.model_version) == ("ml_model", "1.2.0")


def test_the_test_part_is_the_last_fifth_and_keeps_its_outliers():
    issues = team(200)
    epic = replace(issues[-1], actual_hours=2_000.0)

    trained = train_effort_model([*issues[:-1], epic], now=NOW)

    assert (trained.metrics.n_train, trained.metrics.n_test) == (160, 40)
    assert trained.metrics.mae > 1_900 / 40


def test_hours_independent_of_everything_are_answered_with_the_baseline():
    served = [train_effort_model(team(150, seed=seed, learnable=False), now=NOW) for seed in range(5)]

    methods = [EffortModel.from_bytes(t.serving).estimate(IssueFacts(title="fix login")).method for t in served]

    # One in twenty passes by luck; see `GAIN_IN_STANDARD_ERRORS`.
    assert methods.count("baseline") >= 4


def test_the_baseline_says_what_would_help():
    trained = train_effort_model(team(80, seed=0, learnable=False, estimates=None), now=NOW)
    estimate = EffortModel.from_bytes(trained.serving).estimate(IssueFacts(title="fix login"))

    assert estimate.method == "baseline"
    assert "more completed issues with hours would help" in estimate.reasoning
    assert [part.effect for part in estimate.contributions] == pytest.approx([estimate.predicted_hours])


def test_random_estimates_on_random_hours_are_not_followed():
    trained = train_effort_model(team(200, seed=3, learnable=False, estimates="random"), now=NOW)
    served = EffortModel.from_bytes(trained.serving)

    low, high = (served.estimate(IssueFacts(title="fix", estimated_hours=own)).predicted_hours for own in (1.0, 16.0))

    assert high / low < 2.0


def test_good_estimates_of_the_team_are_kept_or_hardly_moved(model):
    errors = [abs(np.log(_both(model, issue) / issue.facts.estimated_hours)) for issue in LEARNABLE[-50:]]

    assert np.median(errors) < 0.15


def _both(model, issue):
    return model.estimate(issue.facts).predicted_hours


def test_estimates_that_are_too_low_for_large_work_are_corrected():
    issues = team(500, seed=4, noise=0.2, estimates="large_too_low")
    served = EffortModel.from_bytes(train_effort_model(issues[:400], now=NOW).serving)
    large = [issue for issue in issues[400:] if issue.actual_hours > 12]

    ratios = [served.estimate(issue.facts).predicted_hours / issue.facts.estimated_hours for issue in large]

    assert np.median(ratios) > 1.35


def test_without_estimates_there_is_no_head_that_uses_them():
    trained = train_effort_model(team(100, estimates=None), now=NOW)
    served = EffortModel.from_bytes(trained.serving)

    estimate = served.estimate(IssueFacts(title="fix login", estimated_hours=500.0))

    assert trained.metrics.informed is None
    assert not estimate.used_estimate
    assert estimate.predicted_hours < 100


def test_the_same_training_gives_the_same_bytes():
    issues = team(80)

    first, second = (train_effort_model(issues, now=NOW, seed=3).serving for _ in range(2))

    assert first == second


def test_progress_is_told_from_start_to_end():
    told = []

    train_effort_model(team(60), now=NOW, progress=lambda step, share: told.append((step, share)))

    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


@pytest.mark.parametrize("with_estimate", [False, True])
def test_folded_and_unfolded_predictions_are_equal(trained, model, with_estimate):
    facts = [issue.facts if with_estimate else blind(issue.facts) for issue in LEARNABLE[::8]]
    facts += [IssueFacts(title="a title of unseen words"), IssueFacts(title="")]

    unfolded = predict_unfolded(trained.estimators, trained.serving, facts)

    folded = [model.estimate(one) for one in facts]
    np.testing.assert_allclose([np.log(e.predicted_hours) for e in folded], unfolded[:, 0], atol=1e-9, rtol=0)
    np.testing.assert_allclose([np.log(e.log_scale) for e in folded], unfolded[:, 1], atol=1e-9, rtol=0)


def test_folded_and_unfolded_are_equal_after_a_refit(trained):
    refitted = refit_effort_model(trained, team(450, seed=1), now=NOW)
    served, facts = EffortModel.from_bytes(refitted.serving), [issue.facts for issue in LEARNABLE[::20]]

    unfolded = predict_unfolded(refitted.estimators, refitted.serving, facts)

    folded = [np.log(served.estimate(one).predicted_hours) for one in facts]
    np.testing.assert_allclose(folded, unfolded[:, 0], atol=1e-9, rtol=0)


def test_a_refit_learns_new_outcomes_and_keeps_the_weights(trained):
    slower = [replace(issue, actual_hours=issue.actual_hours * 3) for issue in team(800, seed=1)[400:]]
    facts = blind(LEARNABLE[0].facts)

    refitted = refit_effort_model(trained, [*LEARNABLE, *slower], now=NOW, version="1.3.0")

    before, after = (EffortModel.from_bytes(t.serving) for t in (trained, refitted))
    assert refitted.training_samples == 800
    assert after.estimate(facts).predicted_hours > 1.3 * before.estimate(facts).predicted_hours
    assert after.plain.weights.tolist() == before.plain.weights.tolist()
    assert after.estimate(facts).model_version == "1.3.0"


def test_a_refit_needs_as_many_issues_as_a_training(trained):
    with pytest.raises(NotEnoughData):
        refit_effort_model(trained, team(49), now=NOW)


def test_a_backlog_written_down_before_any_of_it_was_done_is_measured_in_the_order_of_completion():
    issues = [replace(issue, known_at=START) for issue in team(120)]

    trained = train_effort_model(issues, now=NOW)

    assert trained.metrics.n_test == 24
    assert trained.beats_baseline


def test_a_bulk_import_with_one_date_for_everything_trains():
    issues = [replace(issue, known_at=START, completed_at=START) for issue in team(80)]

    assert train_effort_model(issues, now=NOW).training_samples == 80


@pytest.mark.parametrize("own", [None, 2.0])
def test_hours_that_never_vary_are_answered_with_them(own):
    issues = [replace(i, actual_hours=2.0, facts=replace(i.facts, estimated_hours=own)) for i in team(60)]

    estimate = EffortModel.from_bytes(train_effort_model(issues, now=NOW).serving).estimate(issues[0].facts)

    assert estimate.predicted_hours == pytest.approx(2.0, rel=0.01)


def test_issues_that_say_nothing_train_too():
    issues = [replace(issue, facts=IssueFacts(title="")) for issue in team(60)]

    trained = train_effort_model(issues, now=NOW)

    assert EffortModel.from_bytes(trained.serving).estimate(IssueFacts(title="")).method == "baseline"


def test_a_few_estimated_issues_among_many_do_not_stop_training():
    issues = team(150)
    rarely = [i if n % 4 == 0 else replace(i, facts=blind(i.facts)) for n, i in enumerate(issues)]

    trained = train_effort_model(rarely, now=NOW)

    assert trained.metrics.informed is not None


def test_a_global_model_keeps_no_issue_and_no_person():
    trained = train_effort_model(team(200), now=NOW, scope="global")
    served = EffortModel.from_bytes(trained.serving)
    facts = blind(LEARNABLE[0].facts)

    answers = [served.estimate(replace(facts, assignee=person, reporter=person)) for person in ("person-1", "nobody")]

    assert answers[0] == answers[1]
    assert answers[0].similar_issues == ()
    assert b"T-1" not in trained.serving
    assert served.neighbours is None


def test_earlier_answers_are_scored_as_they_would_have_been_served():
    """Outcomes that lie in the future of a block must not change what was measured on it."""
    issues = team(200)
    cut = 160
    spoiled = [replace(issue, actual_hours=1_000.0 + n) if n >= cut else issue for n, issue in enumerate(issues)]

    first, second = (train_effort_model(history, now=NOW).metrics.plain for history in (issues, spoiled))

    assert first.baseline_malr != second.baseline_malr
    assert first.n_test == second.n_test
