"""The team's own model: trained, folded, served, explained, and silent where it has nothing to say."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.common.exceptions import NotEnoughData
from apps.ml.core import artifact
from apps.ml.core.artifact import ArtifactCorrupted
from apps.ml.core.points import MIN_TRAINING_ISSUES, PointsModel, load_prior
from apps.ml.core.points.calibration import uncalibrated
from apps.ml.core.points.explain import camps
from apps.ml.core.points.features import extract
from apps.ml.core.points.folded import KIND
from apps.ml.core.points.promise import promises_of
from apps.ml.core.points.scales import scale_of
from apps.ml.core.points.training import TrainedPointsModel, train_points_model
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.results import PointsRecommendation
from apps.ml.tests.core.layouts import assert_layout_has_its_number
from apps.ml.tests.core.points.teams import LARGE, MEDIUM, SMALL, issue, random_team, telling_team
from apps.ml.tests.core.points.unfolded import unfolded_survival

_TYPES = {1.0: "bug", 8.0: "epic"}


def trained(team: list[CompletedIssue], **options: object) -> TrainedPointsModel:
    now = max(each.completed_at for each in team)
    return train_points_model(team, **{"now": now, "prior": load_prior(), "version": "1.0.0", **options})


@pytest.fixture(scope="module")
def team() -> list[CompletedIssue]:
    return telling_team(300)


@pytest.fixture(scope="module")
def training(team: list[CompletedIssue]) -> TrainedPointsModel:
    return trained(team)


@pytest.fixture(scope="module")
def vague_model() -> PointsModel:
    """Of a team whose text tells nothing: wide distributions."""
    return PointsModel.from_bytes(trained(random_team(200)).serving, prior=load_prior())


@pytest.fixture(scope="module")
def model(training: TrainedPointsModel) -> PointsModel:
    return PointsModel.from_bytes(training.serving, prior=load_prior())


def test_words_that_told_the_size_move_the_recommendation(model: PointsModel) -> None:
    small = model.recommend(IssueFacts(title="wording tooltip the page", description="users when admin list"))
    large = model.recommend(IssueFacts(title="migration scheduler the page", description="users when admin list"))

    assert small.recommended_points == 1.0
    assert large.recommended_points == 8.0
    assert large.method == "ml_model"
    assert large.model_version == "1.0.0"


def test_the_probabilities_are_a_distribution_over_values_the_team_used(model: PointsModel) -> None:
    answer = model.recommend(IssueFacts(title="export report"))

    assert set(answer.probabilities) == {1.0, 3.0, 8.0}
    assert min(answer.probabilities.values()) >= 0.0
    assert sum(answer.probabilities.values()) == pytest.approx(1.0, abs=1e-12)


def test_the_range_holds_the_recommendation_and_claims_no_outcomes_yet(model: PointsModel) -> None:
    answer = model.recommend(IssueFacts(title="scheduler for users"))

    assert answer.interval.low <= answer.recommended_points <= answer.interval.high
    assert answer.interval.level == 0.8
    assert (answer.interval.measured_coverage, answer.interval.n_outcomes) == (None, 0)


def test_outcomes_that_ranges_did_not_hold_widen_the_next_and_are_told(model: PointsModel) -> None:
    asked = [IssueFacts(title=f"{one} {other}") for one in SMALL for other in (*MEDIUM, *LARGE, "the")]

    before = [model.recommend(facts) for facts in asked]
    after = [model.recommend(facts, inside=np.zeros(60, dtype=bool)) for facts in asked]

    assert {(answer.interval.measured_coverage, answer.interval.n_outcomes) for answer in after} == {(0.0, 60)}
    assert [answer.probabilities for answer in after] == [answer.probabilities for answer in before]
    widths = [(_width(wide), _width(usual)) for wide, usual in zip(after, before, strict=True)]
    assert all(wide >= usual for wide, usual in widths)
    assert any(wide > usual for wide, usual in widths)


def _width(answer: PointsRecommendation) -> float:
    return answer.interval.high - answer.interval.low


def test_ranges_that_held_everything_never_promise_less_than_the_level(model: PointsModel) -> None:
    calibration = model.folded.calibration

    assert calibration.corrected(np.ones(300, dtype=bool)).range_mass >= calibration.level


def test_the_reasoning_tells_what_such_ranges_held_in_training(model: PointsModel) -> None:
    answer = model.recommend(IssueFacts(title="scheduler for users"))

    promises = model.folded.calibration
    assert promises.record_coverage >= 0.8
    assert f"would have held {promises.record_coverage:.0%} of the {promises.n_record} issues" in answer.reasoning


_ANY_TITLE = st.lists(st.sampled_from((*SMALL, *MEDIUM, *LARGE, "the", "page", "unheard")), max_size=6).map(" ".join)


_ANY_FACTS = st.builds(IssueFacts, title=_ANY_TITLE, description=_ANY_TITLE)


@given(facts=_ANY_FACTS, n_recent=st.integers(0, 30), vague=st.booleans())
@settings(max_examples=60, deadline=None)
def test_one_answer_is_one_statement(
    model: PointsModel, vague_model: PointsModel, facts: IssueFacts, n_recent: int, vague: bool
) -> None:
    answer = (vague_model if vague else model).recommend(facts, recent=np.full(n_recent, 3.0))

    assert answer.confidence == pytest.approx(_mass(answer.probabilities, *answer.one_step), abs=1e-6)
    assert _mass(answer.probabilities, answer.interval.low, answer.interval.high) >= answer.interval.level - 1e-6
    assert sum(part.effect for part in answer.contributions) == pytest.approx(answer.recommended_points, abs=1e-9)


def _mass(probabilities: dict[float, float], low: float, high: float) -> float:
    return sum(chance for value, chance in probabilities.items() if low <= value <= high)


@pytest.mark.parametrize("title", ["migration scheduler", "typo", "", "words nobody used before"])
def test_contributions_add_up_to_the_recommendation(model: PointsModel, title: str) -> None:
    answer = model.recommend(IssueFacts(title=title, description="admin shows the new list"))

    assert sum(part.effect for part in answer.contributions) == pytest.approx(answer.recommended_points, abs=1e-9)


def test_the_reasoning_names_the_words_that_moved_it_and_the_record(model: PointsModel) -> None:
    answer = model.recommend(IssueFacts(title="encryption of the list"))

    assert "'encryption' +" in answer.reasoning
    assert "missed by" in answer.reasoning


def test_what_an_issue_does_not_have_is_not_named_as_a_part(model: PointsModel) -> None:
    bare = model.recommend(IssueFacts(title="migration scheduler"))
    full = model.recommend(IssueFacts(title="migration scheduler", description="admin shows the list"))

    assert "words of the description" not in {part.name for part in bare.contributions}
    assert "words of the description" in {part.name for part in full.contributions}
    assert not any("labels" in part.name or "component" in part.name for part in full.contributions)


def test_between_two_camps_the_reasoning_names_both() -> None:
    survival = np.array([0.97, 0.55, 0.45])
    scale = scale_of(np.array([1.0, 3.0, 5.0, 13.0]), np.ones(4))

    [promise] = promises_of(survival[None, :], scale, uncalibrated(0.8, range_mass=0.8))
    said = camps(promise)

    assert "more often 3 (42%) or 13 (45%) than the middle, 5 (10%)" in said


def test_with_the_likeliest_value_in_the_middle_there_are_no_camps() -> None:
    scale = scale_of(np.array([1.0, 3.0, 5.0, 13.0]), np.ones(4))

    [promise] = promises_of(np.array([[0.9, 0.6, 0.2]]), scale, uncalibrated(0.8, range_mass=0.8))
    assert camps(promise) == ""


def test_a_model_with_promises_of_another_version_is_refused(training: TrainedPointsModel) -> None:
    read = artifact.loads(training.serving, kind=KIND)
    older = {**read.meta, "calibration": {"offset": 0.0, "slope": 1.0}}

    with pytest.raises(ArtifactCorrupted, match="other promises"):
        PointsModel.from_bytes(artifact.dumps(KIND, read.arrays, older), prior=load_prior())


def test_the_folded_model_equals_the_scikit_learn_objects(
    training: TrainedPointsModel, model: PointsModel, team: list[CompletedIssue]
) -> None:
    prior = load_prior()
    raw = [extract(each.facts) for each in telling_team(40, seed=7)]
    scores = np.array([prior.score(each) for each in raw])

    slow = unfolded_survival(training.estimators, raw, scores)
    fast = [model.folded.survival(model.folded.effects(*pair)) for pair in zip(raw, scores, strict=True)]

    assert np.abs(np.stack(fast) - slow).max() < 1e-9


def test_a_serving_process_loads_no_learning_library(training: TrainedPointsModel, tmp_path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(training.serving)
    script = (
        "import sys; from pathlib import Path\n"
        "from apps.ml.core.points import PointsModel, load_prior\n"
        "from apps.ml.core.records import IssueFacts\n"
        f"model = PointsModel.from_bytes(Path({str(path)!r}).read_bytes(), prior=load_prior())\n"
        "print(model.recommend(IssueFacts(title='migration scheduler')).recommended_points)\n"
        "assert not {'sklearn', 'pandas', 'scipy', 'joblib'} & set(sys.modules), sorted(sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "8.0"


def test_the_same_issues_give_the_same_bytes(team: list[CompletedIssue], training: TrainedPointsModel) -> None:
    again = trained(list(reversed(team)))

    assert again.serving == training.serving


def test_where_the_text_tells_nothing_the_answer_is_the_baseline_and_says_so() -> None:
    training = trained(random_team(300))

    answer = PointsModel.from_bytes(training.serving, prior=load_prior()).recommend(IssueFacts(title="new list"))

    assert not training.beats_baseline
    assert answer.method == "baseline"
    assert "did not predict points better" in answer.reasoning
    assert "would help" in answer.reasoning


def test_what_was_recommended_out_of_sample_is_handed_out_for_later_comparison(
    training: TrainedPointsModel, team: list[CompletedIssue]
) -> None:
    points = {issue.issue_id: issue.story_points for issue in team}

    errors = [abs(said - points[issue_id]) for issue_id, said in training.test_predictions.items()]

    assert len(errors) == training.metrics["scored_issues"]
    assert np.mean(errors) == pytest.approx(training.metrics["mae"])


def test_the_metrics_compare_with_the_baseline(training: TrainedPointsModel) -> None:
    metrics = training.metrics

    assert training.beats_baseline
    assert training.training_samples == 300
    assert metrics["mae"] < 0.5 * metrics["baseline_mae"]
    assert metrics["rmae"] == pytest.approx(metrics["mae"] / metrics["baseline_mae"])
    assert metrics["log_loss"] < metrics["baseline_log_loss"]
    assert metrics["coverage"] >= 0.8
    assert metrics["ece"] < 0.15


def test_too_few_issues_say_how_many_are_missing() -> None:
    team = [*telling_team(MIN_TRAINING_ISSUES - 1), issue(99, "without points", None)]

    with pytest.raises(NotEnoughData) as caught:
        trained(team)

    assert (caught.value.have, caught.value.needed) == (MIN_TRAINING_ISSUES - 1, MIN_TRAINING_ISSUES)


def test_the_fewest_issues_that_suffice_give_a_model() -> None:
    training = trained(telling_team(MIN_TRAINING_ISSUES))

    assert training.training_samples == MIN_TRAINING_ISSUES


def test_issues_completed_later_are_not_known_yet(team: list[CompletedIssue]) -> None:
    training = trained(team, now=team[99].completed_at)

    assert training.training_samples == 100


def test_a_team_with_a_single_value_is_answered_with_it() -> None:
    training = trained([issue(index, f"task {index}", 3.0) for index in range(60)])

    answer = PointsModel.from_bytes(training.serving, prior=load_prior()).recommend(IssueFacts(title="task"))

    assert answer.recommended_points == 3.0
    assert answer.probabilities == {3.0: 1.0}
    assert (answer.interval.low, answer.interval.high) == (3.0, 3.0)


def test_without_a_prior_a_team_learns_from_its_own_words_alone(team: list[CompletedIssue]) -> None:
    training = trained(team, prior=None)

    answer = PointsModel.from_bytes(training.serving, prior=None).recommend(IssueFacts(title="federation replication"))

    assert answer.recommended_points == 8.0


def test_fields_of_the_tracker_are_read() -> None:
    rng = np.random.default_rng(3)
    team = [issue(index, f"item {index % 7}", float(rng.choice([1.0, 8.0]))) for index in range(200)]
    team = [replace(each, facts=replace(each.facts, issue_type=_TYPES[each.story_points])) for each in team]
    model = PointsModel.from_bytes(trained(team).serving, prior=load_prior())

    answers = [model.recommend(IssueFacts(title="item 3", issue_type=kind)) for kind in ("bug", "epic")]

    assert [answer.recommended_points for answer in answers] == [1.0, 8.0]


def test_points_known_since_the_training_move_the_level(team: list[CompletedIssue], model: PointsModel) -> None:
    facts = IssueFacts(title="users list page", description="admin shows new list data for the old team")

    before, after = model.recommend(facts), model.recommend(facts, recent=np.full(60, 8.0))

    assert after.probabilities[8.0] > before.probabilities[8.0] + 0.1
    assert sum(part.effect for part in after.contributions) == pytest.approx(after.recommended_points, abs=1e-9)


def test_a_model_trained_with_another_prior_is_refused(training: TrainedPointsModel) -> None:
    with pytest.raises(ArtifactCorrupted, match="needs prior"):
        PointsModel.from_bytes(training.serving, prior=None)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ArtifactCorrupted):
        PointsModel.from_bytes(load_prior().to_bytes(), prior=load_prior())


def test_a_quick_refit_keeps_the_vocabulary(team: list[CompletedIssue], training: TrainedPointsModel) -> None:
    refit = trained([*team, issue(300, "migration", 8.0)], basis=training.basis)

    assert refit.basis is training.basis
    assert refit.training_samples == 301


def test_training_tells_how_far_it_is(team: list[CompletedIssue]) -> None:
    told: list[float] = []

    trained(team, progress=told.append)

    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_bare_title_is_answered_within_what_long_descriptions_taught(model: PointsModel) -> None:
    answers = [model.recommend(IssueFacts(title=title)) for title in ("migration scheduler", "typo label")]

    assert [answer.recommended_points for answer in answers] == [8.0, 1.0]


def test_a_long_horizon_leaves_out_the_short_memories(team: list[CompletedIssue]) -> None:
    folded = PointsModel.from_bytes(trained(team, horizon=240).serving, prior=load_prior()).folded

    assert folded.trust[folded.half_lives < 120].tolist() == [0.0] * int((folded.half_lives < 120).sum())
    assert folded.trust.sum() == pytest.approx(1.0)


def test_its_layout_has_its_number(training: TrainedPointsModel) -> None:
    assert_layout_has_its_number(training.serving)
