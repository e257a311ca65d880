"""What a sprint delivers: features without a unit, folded trees, corrections by the team's own past."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from importlib import resources

import numpy as np
import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.artifact import ArtifactCorrupted, dumps, loads
from apps.ml.core.sprints.outcome import (
    Outlook,
    OwnRecord,
    PastSprint,
    SprintPrior,
    load_prior,
    own_record,
    sprint_outcome,
    training,
)
from apps.ml.core.sprints.outcome.baselines import average_velocity, committed_ratio, usual_ratio
from apps.ml.core.sprints.outcome.explain import explained
from apps.ml.core.sprints.outcome.features import DIRECTIONS, NAMES, features, matrix
from apps.ml.core.sprints.outcome.folding import fold_boosters
from apps.ml.core.sprints.outcome.moment import replayed
from apps.ml.core.sprints.outcome.prior import HEADS, KIND
from apps.ml.core.sprints.outcome.record import ABSTAIN_BEYOND_ERRORS, MIN_SPRINTS_TO_ABSTAIN
from apps.ml.core.sprints.outcome.serving import BASELINE, LEARNED, PRIOR_ONLY
from apps.ml.core.sprints.outcome.training import MIN_SAMPLES_LEAF, fit_heads, tabled, train_prior
from apps.ml.core.sprints.risks import under_delivery
from apps.ml.tests.core.sprints.teams import moment, sprints, team

LARGEST_FILE_BYTES = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    """What is tested here holds for a few trees as for hundreds, which take half a minute to grow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "N_CHANCE_TREES", 20)
        patch.setattr(training, "N_RATIO_TREES", 12)
        patch.setattr(training, "N_BOOSTERS", 2)
        yield


@pytest.fixture(scope="module")
def projects() -> dict[str, list[PastSprint]]:
    return {str(seed): team(60, seed=seed) for seed in range(3)}


@pytest.fixture(scope="module")
def prior(projects: dict[str, list[PastSprint]]) -> SprintPrior:
    return train_prior(projects, version="t")


def test_features_do_not_change_with_the_teams_scale_of_points() -> None:
    small, large = sprints(12, seed=1)[-1], sprints(12, seed=1, scale=8.0)[-1]
    same_issues = replace(large.moment, to_do=large.moment.to_do, done=large.moment.done)

    scaled = dict(zip(NAMES, features(same_issues), strict=True))
    plain = dict(zip(NAMES, features(small.moment), strict=True))

    in_points = [name for name in NAMES if "issue" not in name]
    assert [scaled[name] for name in in_points] == pytest.approx([plain[name] for name in in_points], abs=1e-6)


def test_nothing_committed_has_no_features_and_no_answer(prior: SprintPrior) -> None:
    nothing = moment(committed=0.0, done=0.0, in_progress=0.0)

    with pytest.raises(ValueError, match="committed"):
        features(nothing)
    with pytest.raises(NotEnoughData):
        sprint_outcome(prior, nothing, OwnRecord())


def test_a_sprint_is_told_by_earlier_ones_alone() -> None:
    past = tuple(sprints(5, seed=2))

    walked = replayed((*past, PastSprint(moment(committed=0.0, done=0.0, in_progress=0.0), 0.0)))

    assert [len(sprint.moment.past) for sprint in walked] == [0, 1, 2, 3, 4]


def test_what_was_added_is_committed_and_what_was_removed_is_not() -> None:
    assert moment(committed=20.0, added=6.0, removed=3.0).committed_points == pytest.approx(20.0)
    assert PastSprint(moment(committed=10.0), 9.0).delivered
    assert not PastSprint(moment(committed=10.0), 8.9).delivered


def test_the_baselines_look_at_the_last_three_sprints() -> None:
    past = tuple(PastSprint(moment(committed=10.0), delivered) for delivered in (100.0, 2.0, 6.0, 10.0))
    asked = moment(committed=20.0, past=past)

    assert usual_ratio(past) == pytest.approx(0.6)
    assert committed_ratio(asked) == pytest.approx(12.0)
    assert average_velocity(asked) == pytest.approx(6.0)
    assert usual_ratio(()) == 1.0
    assert average_velocity(moment()) is None


@pytest.mark.slow
def test_folded_trees_say_what_scikit_learn_says(projects: dict[str, list[PastSprint]]) -> None:
    table = tabled(projects)
    heads = fit_heads(table)

    for name, models in heads.items():
        folded = fold_boosters(models)
        unfolded = np.mean([_raw(model, table.rows) for model in models], axis=0)
        assert np.abs(folded.predict_rows(table.rows) - unfolded).max() < 1e-9, name
        assert folded.predict(table.rows[3]) == pytest.approx(unfolded[3], abs=1e-9)
        assert min(_leaf_sizes(models)) >= MIN_SAMPLES_LEAF >= 20


def _raw(model, rows):
    return model.decision_function(rows) if hasattr(model, "decision_function") else model.predict(rows)


def _leaf_sizes(models):
    nodes = np.concatenate([stage[0].nodes for model in models for stage in model._predictors])
    return nodes["count"][nodes["is_leaf"].astype(bool)]


@pytest.mark.slow
def test_the_same_projects_give_the_same_prior(projects: dict[str, list[PastSprint]], prior: SprintPrior) -> None:
    again = train_prior(dict(reversed(projects.items())), version="t")

    assert again.to_bytes() == prior.to_bytes()
    assert SprintPrior.from_bytes(prior.to_bytes()).to_bytes() == prior.to_bytes()


def test_trees_that_rank_strangers_the_wrong_way_round_say_how_many_deliver() -> None:
    delivered = np.array([True, True, True, False])

    intercept, slope = training._platt(np.array([-1.0, -2.0, -1.5, 3.0]), delivered, np.ones(4))

    assert (intercept, slope) == (pytest.approx(np.log(3.0)), 0.0)


def test_one_project_cannot_tell_how_the_prior_travels() -> None:
    with pytest.raises(ValueError, match="two projects"):
        train_prior({"alone": team(30, seed=1)}, version="t")


def test_a_prior_for_other_features_is_refused(prior: SprintPrior) -> None:
    read = loads(prior.to_bytes(), kind=KIND)

    with pytest.raises(ArtifactCorrupted, match="train it anew"):
        SprintPrior.from_bytes(dumps(KIND, read.arrays, read.meta | {"features": ["other"]}))


def test_on_a_team_it_never_saw_the_prior_errs_less_than_the_usual_ratio(prior: SprintPrior) -> None:
    strangers = [sprint for seed in range(20, 30) for sprint in sprints(20, seed=seed)]
    outcomes = [sprint_outcome(prior, sprint.moment, OwnRecord()) for sprint in strangers]

    delivered = np.array([sprint.delivered_points for sprint in strangers])
    served = np.abs([outcome.typical_points for outcome in outcomes] - delivered).mean()
    usual = np.abs([outcome.committed_ratio_points for outcome in outcomes] - delivered).mean()

    assert served < usual


def test_more_done_never_lowers_the_chance(prior: SprintPrior) -> None:
    past = tuple(sprints(8, seed=3))
    rising = matrix([moment(past=past)]).repeat(20, axis=0)
    for name in ("done_share", "ahead_of_usual", "projected_ratio"):
        assert DIRECTIONS[name] == 1
        rising[:, NAMES.index(name)] += np.linspace(0, 1, 20)

    assert (np.diff(prior.ask(rising).log_odds) >= 0).all()


def test_a_range_is_in_order_and_holds_the_typical_value(prior: SprintPrior) -> None:
    for sprint in sprints(30, seed=5):
        outcome = sprint_outcome(prior, sprint.moment, own_record(prior, sprint.moment.past, level=0.8))

        assert 0 <= outcome.interval.low <= outcome.typical_points <= outcome.interval.high
        assert 0 < outcome.probability < 1


def test_a_team_outside_its_ranges_gets_wider_ones(prior: SprintPrior) -> None:
    steady, wild = sprints(25, seed=6), []
    for index, sprint in enumerate(steady):
        swing = 2.5 if index % 2 else 0.0
        wild.append(replace(sprint, delivered_points=swing * sprint.committed_points))

    asked = moment(past=tuple(steady))
    narrow = sprint_outcome(prior, asked, own_record(prior, replayed(tuple(steady)), level=0.8)).interval
    wide = sprint_outcome(prior, asked, own_record(prior, replayed(tuple(wild)), level=0.8)).interval

    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert wide.n_outcomes == 25
    assert 0.6 < wide.measured_coverage <= 1.0


def test_a_team_that_always_delivers_gets_a_better_chance(prior: SprintPrior) -> None:
    asked = moment()
    raw = prior.ask(matrix([asked]))
    record = OwnRecord()
    for _ in range(10):
        record = record.with_sprint(raw, PastSprint(asked, asked.committed_points), held=True)

    alone = sprint_outcome(prior, asked, OwnRecord()).probability

    assert sprint_outcome(prior, asked, record).probability > alone


def test_the_baseline_answers_only_where_it_did_better_by_more_than_noise(prior: SprintPrior) -> None:
    asked = moment(past=(PastSprint(moment(), 15.0),))
    better = OwnRecord(*[np.zeros(MIN_SPRINTS_TO_ABSTAIN)] * 4, np.linspace(1.0, 2.0, MIN_SPRINTS_TO_ABSTAIN))
    noise = replace(better, excess_errors_points=np.array([9.0, -8.0, 9.0, -8.0, 9.0, -8.0, 9.0, -8.0]))
    few = OwnRecord(*[np.zeros(MIN_SPRINTS_TO_ABSTAIN - 1)] * 4, np.ones(MIN_SPRINTS_TO_ABSTAIN - 1))

    assert ABSTAIN_BEYOND_ERRORS > 1
    outcome = sprint_outcome(prior, asked, better)
    assert (outcome.method, outcome.typical_points) == (BASELINE, outcome.committed_ratio_points)
    assert sprint_outcome(prior, asked, noise).method == LEARNED
    assert sprint_outcome(prior, asked, few).method == LEARNED
    assert sprint_outcome(prior, moment(), OwnRecord()).method == PRIOR_ONLY


@pytest.mark.parametrize(
    ("chance", "severity"), [(0.41, None), (0.40, "low"), (0.30, "medium"), (0.20, "high"), (0.05, "critical")]
)
def test_a_sprint_that_will_hardly_deliver_is_a_risk(prior: SprintPrior, chance: float, severity: str | None) -> None:
    asked = moment(past=(PastSprint(moment(), 15.0),))
    outcome = replace(sprint_outcome(prior, asked, OwnRecord()), probability=chance)

    risk = under_delivery(Outlook(outcome, asked, "points"))

    assert (risk and risk.severity) == severity
    assert risk is None or f"20 points is {chance:.0%}: 5 are done with 50% of the time gone" in risk.description
    assert under_delivery(Outlook(replace(outcome, method=PRIOR_ONLY), asked, "points")) is None
    assert under_delivery(None) is None


def test_what_the_team_delivered_beside_the_typical_answers_moves_its_expected_total() -> None:
    record = OwnRecord(*[np.zeros(10)] * 5, typical_points=np.full(10, 10.0), delivered_points=np.full(10, 14.0))

    assert OwnRecord().mean_factor(1.1) == 1.1
    assert record.mean_factor(1.0) == pytest.approx(1.2)


def test_the_sentence_tells_the_numbers_of_the_answer(prior: SprintPrior) -> None:
    past = tuple(sprints(6, seed=8))
    asked = moment(past=past)
    outcome = sprint_outcome(prior, asked, own_record(prior, replayed(past), level=0.8))

    told = explained(outcome, asked, unit="points")

    assert "Of 20 points committed, 5 are done with 50% of the time gone." in told
    assert f"{outcome.usual_ratio:.0%}" in told
    assert f"is {outcome.probability:.0%}" in told
    assert "On its last 6 sprints" in told
    assert "other teams alone" in explained(sprint_outcome(prior, moment(), OwnRecord()), moment(), unit="points")


def test_the_shipped_prior_is_small_and_holds_numbers_only() -> None:
    data = (resources.files("apps.ml.core.sprints.outcome") / "data" / "sprint_prior.npz").read_bytes()

    read = loads(data, kind=KIND)

    assert len(data) <= LARGEST_FILE_BYTES
    assert {array.dtype.kind for array in read.arrays.values()} == {"f", "i"}
    assert set(read.meta) == {"features", "learned_from", "measured", "version"}
    assert load_prior() is load_prior()
    assert set(load_prior().trees) == set(HEADS)


def test_the_data_sheet_bears_the_digest_of_the_file() -> None:
    folder = resources.files("apps.ml.core.sprints.outcome") / "data"

    assert sha256((folder / "sprint_prior.npz").read_bytes()).hexdigest() in (folder / "sprint_prior.md").read_text()


def test_serving_imports_no_scikit_learn() -> None:
    code = (
        "import sys; from apps.ml.core.sprints.outcome import explain, load_prior;"
        "load_prior(); sys.exit('sklearn' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
