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
from apps.ml.core.sprints.outcome.baselines import average_velocity, scope_ratio, usual_ratio
from apps.ml.core.sprints.outcome.distribution import LEVELS, MAX_CHANCE, OutcomeDistribution
from apps.ml.core.sprints.outcome.explain import explained
from apps.ml.core.sprints.outcome.features import DIRECTIONS, NAMES, features, matrix
from apps.ml.core.sprints.outcome.folding import fold_boosters
from apps.ml.core.sprints.outcome.moment import replayed
from apps.ml.core.sprints.outcome.prior import KIND, asked_rows
from apps.ml.core.sprints.outcome.serving import LEARNED, POOLED, PRIOR_ONLY, SIMULATION_WEIGHT
from apps.ml.core.sprints.outcome.training import MIN_SAMPLES_LEAF, fit_boosters, tabled, train_prior
from apps.ml.core.sprints.risks import under_delivery
from apps.ml.tests.core.sprints.teams import moment, sprints, team

LARGEST_FILE_BYTES = 1_000_000
ALL = int(np.argmax(LEVELS == 1.0))


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    """What is tested here holds for a few trees and splits as for hundreds, which take half a minute to grow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(training._LEARNING, "max_bins", 31)
        patch.setattr(training, "N_TREES", 30)
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
    nothing = moment(scope=0.0, done=0.0, in_progress=0.0)

    with pytest.raises(ValueError, match="in scope"):
        features(nothing)
    with pytest.raises(NotEnoughData):
        sprint_outcome(prior, nothing, OwnRecord())


def test_a_sprint_is_told_by_earlier_ones_alone() -> None:
    past = tuple(sprints(5, seed=2))

    walked = replayed((*past, PastSprint(moment(scope=0.0, done=0.0, in_progress=0.0), 0.0)))

    assert [len(sprint.moment.past) for sprint in walked] == [0, 1, 2, 3, 4]


def test_what_was_added_is_committed_and_what_was_removed_is_not() -> None:
    assert moment(scope=20.0, added=6.0, removed=3.0).scope_points == pytest.approx(20.0)
    assert PastSprint(moment(scope=10.0), 9.0).delivered
    assert not PastSprint(moment(scope=10.0), 8.9).delivered


def test_the_baselines_look_at_the_last_three_sprints() -> None:
    past = tuple(PastSprint(moment(scope=10.0), delivered) for delivered in (100.0, 2.0, 6.0, 10.0))
    asked = moment(scope=20.0, past=past)

    assert usual_ratio(past) == pytest.approx(0.6)
    assert scope_ratio(asked) == pytest.approx(12.0)
    assert average_velocity(asked) == pytest.approx(6.0)
    assert usual_ratio(()) is None
    assert average_velocity(moment()) is None


@pytest.mark.slow
def test_folded_trees_say_what_scikit_learn_says(projects: dict[str, list[PastSprint]]) -> None:
    table = tabled(projects)
    models = fit_boosters(table)
    rows = asked_rows(table.rows, table.done_share)

    folded = fold_boosters(models)

    unfolded = np.mean([model.decision_function(rows) for model in models], axis=0)
    assert np.abs(folded.predict_rows(rows) - unfolded).max() < 1e-9
    assert folded.predict(rows[3]) == pytest.approx(unfolded[3], abs=1e-9)
    assert min(_leaf_sizes(models)) >= MIN_SAMPLES_LEAF >= 400


def _leaf_sizes(models):
    nodes = np.concatenate([stage[0].nodes for model in models for stage in model._predictors])
    return nodes["count"][nodes["is_leaf"].astype(bool)]


@pytest.mark.slow
def test_the_same_projects_give_the_same_prior(projects: dict[str, list[PastSprint]], prior: SprintPrior) -> None:
    again = train_prior(dict(reversed(projects.items())), version="t")

    assert again.to_bytes() == prior.to_bytes()
    assert SprintPrior.from_bytes(prior.to_bytes()).to_bytes() == prior.to_bytes()


def test_one_project_cannot_tell_how_the_prior_travels() -> None:
    with pytest.raises(ValueError, match="two projects"):
        train_prior({"alone": team(30, seed=1)}, version="t")


def test_a_prior_for_other_features_or_levels_is_refused(prior: SprintPrior) -> None:
    read = loads(prior.to_bytes(), kind=KIND)

    for arrays, meta in (
        (read.arrays, read.meta | {"features": ["other"]}),
        (read.arrays | {"levels": read.arrays["levels"][1:]}, read.meta),
    ):
        with pytest.raises(ArtifactCorrupted, match="train it anew"):
            SprintPrior.from_bytes(dumps(KIND, arrays, meta))


def test_on_a_team_it_never_saw_the_prior_errs_less_than_the_usual_ratio(prior: SprintPrior) -> None:
    strangers = [sprint for seed in range(20, 30) for sprint in sprints(20, seed=seed)]
    outcomes = [sprint_outcome(prior, sprint.moment, OwnRecord()) for sprint in strangers]

    delivered = np.array([sprint.delivered_points for sprint in strangers])
    served = np.abs([outcome.typical_points for outcome in outcomes] - delivered).mean()
    usual = np.abs([outcome.scope_ratio_points or outcome.scope_points for outcome in outcomes] - delivered).mean()

    assert served < usual


def test_more_done_never_lowers_the_chance(prior: SprintPrior) -> None:
    asked = moment(past=tuple(sprints(8, seed=3)))
    rising = matrix([asked]).repeat(20, axis=0)
    for name in ("done_share", "ahead_of_usual", "projected_ratio"):
        assert DIRECTIONS[name] == 1
        rising[:, NAMES.index(name)] += np.linspace(0, 1, 20)

    assert (np.diff(prior.chances_of(rising, np.full(20, asked.done_share)), axis=0) >= 0).all()


def test_everything_read_from_an_outcome_is_possible_together(prior: SprintPrior) -> None:
    for sprint in sprints(30, seed=5):
        outcome = sprint_outcome(prior, sprint.moment, own_record(prior, sprint.moment.past, level=0.8))

        assert sprint.moment.done.points - 1e-6 <= outcome.interval.low <= outcome.typical_points
        assert outcome.typical_points <= outcome.interval.high
        assert sprint.moment.done.points <= outcome.expected_points
        assert 0 < outcome.probability_all <= outcome.probability < 1
        assert (outcome.probability > 0.5) <= (outcome.typical_points >= outcome.delivering_points - 1e-6)


def test_a_team_outside_its_ranges_gets_wider_ones(prior: SprintPrior) -> None:
    steady, wild = sprints(25, seed=6), []
    for index, sprint in enumerate(steady):
        delivered = 1.4 * sprint.scope_points if index % 2 else sprint.moment.done.points
        wild.append(replace(sprint, delivered_points=delivered))

    asked = moment(past=tuple(steady))
    narrow = sprint_outcome(prior, asked, own_record(prior, replayed(tuple(steady)), level=0.8)).interval
    wide = sprint_outcome(prior, asked, own_record(prior, replayed(tuple(wild)), level=0.8)).interval

    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)
    assert wide.n_outcomes == 25
    assert 0.6 < wide.measured_coverage <= 1.0


def test_a_team_that_always_delivers_gets_a_better_chance(prior: SprintPrior) -> None:
    asked = moment()
    said, record = prior.chances([asked])[0], OwnRecord()
    for _ in range(10):
        record = record.with_sprint(said, PastSprint(asked, asked.scope_points), held=True)

    alone = sprint_outcome(prior, asked, OwnRecord()).probability

    assert sprint_outcome(prior, asked, record).probability > alone


def test_sprints_of_a_like_size_speak_more(prior: SprintPrior) -> None:
    small, large = moment(), moment(scope=200.0, done=50.0, in_progress=50.0)
    said, record = prior.chances([small])[0], OwnRecord()
    for _ in range(10):
        record = record.with_sprint(said, PastSprint(small, small.scope_points), held=True)
        record = record.with_sprint(said, PastSprint(large, large.done.points), held=True)

    of_small, of_large = (record.mixed(said, asked.scope_points)[ALL] for asked in (small, large))

    assert of_small > of_large


def test_the_method_tells_who_speaks(prior: SprintPrior) -> None:
    asked = moment(past=(PastSprint(moment(), 15.0),))

    assert sprint_outcome(prior, moment(), OwnRecord()).method == PRIOR_ONLY
    assert sprint_outcome(prior, asked, OwnRecord()).method == LEARNED
    assert sprint_outcome(prior, asked, OwnRecord(), simulated=np.ones(10)).method == POOLED


def test_the_simulation_is_pooled_into_every_number(prior: SprintPrior) -> None:
    asked = moment(past=(PastSprint(moment(), 15.0),))
    alone, all_done, nothing_done = (
        sprint_outcome(prior, asked, OwnRecord(), simulated=simulated)
        for simulated in (None, np.ones(10), np.zeros(10))
    )

    learned = (1.0 - SIMULATION_WEIGHT) * alone.probability_all
    assert all_done.probability_all == pytest.approx(learned + SIMULATION_WEIGHT * MAX_CHANCE)
    assert nothing_done.probability_all == pytest.approx(learned)
    assert nothing_done.expected_points < alone.expected_points < all_done.expected_points


def test_when_the_time_is_up_what_is_done_is_what_is_delivered(prior: SprintPrior) -> None:
    outcome = sprint_outcome(prior, replace(moment(), is_over=True), OwnRecord(), simulated=np.ones(10))

    assert (outcome.probability_all, outcome.probability) == (0.0, 0.0)
    assert (outcome.interval.low, outcome.typical_points, outcome.interval.high) == (5.0, 5.0, 5.0)


@pytest.mark.parametrize(
    ("chance", "severity"), [(0.41, None), (0.40, "low"), (0.30, "medium"), (0.20, "high"), (0.05, "critical")]
)
def test_a_sprint_that_will_hardly_deliver_is_a_risk(prior: SprintPrior, chance: float, severity: str | None) -> None:
    asked = moment(past=(PastSprint(moment(), 15.0),))
    told = OutcomeDistribution(np.array([0.25, 0.9, 0.9, 1.0]), np.array([1.0, chance, chance / 2, 0.0]))
    outcome = replace(sprint_outcome(prior, asked, OwnRecord()), distribution=told)

    risk = under_delivery(Outlook(outcome, asked, "points"))

    assert (risk and risk.severity) == severity
    assert risk is None or f"the sprint is {chance:.0%}: 5 are done with 50% of the time gone" in risk.description
    assert under_delivery(Outlook(replace(outcome, past_sprints=0), asked, "points")) is None
    assert under_delivery(None) is None


def test_the_sentence_tells_the_numbers_of_the_answer(prior: SprintPrior) -> None:
    past = tuple(sprints(6, seed=8))
    asked = moment(past=past)
    outcome = sprint_outcome(prior, asked, own_record(prior, replayed(past), level=0.8))

    told = explained(outcome, asked, unit="points")

    assert "Of 20 points in the sprint (20 were committed), 5 are done with 50% of the time gone." in told
    assert f"{outcome.usual_ratio:.0%}" in told
    assert f"is {outcome.probability:.0%}, all 20 {outcome.probability_all:.0%}" in told
    assert "On its last 6 sprints" in told
    assert "other teams alone" in explained(sprint_outcome(prior, moment(), OwnRecord()), moment(), unit="points")


def test_the_shipped_prior_is_small_and_holds_numbers_only() -> None:
    data = (resources.files("apps.ml.core.sprints.outcome") / "data" / "sprint_prior.npz").read_bytes()

    read = loads(data, kind=KIND)

    assert len(data) <= LARGEST_FILE_BYTES
    assert {array.dtype.kind for array in read.arrays.values()} == {"f", "i"}
    assert set(read.meta) == {"features", "learned_from", "measured", "version"}
    assert load_prior() is load_prior()
    assert {"reached_value", "slope", "levels"} <= set(read.arrays)


def test_the_data_sheet_bears_the_digest_of_the_file() -> None:
    folder = resources.files("apps.ml.core.sprints.outcome") / "data"

    assert sha256((folder / "sprint_prior.npz").read_bytes()).hexdigest() in (folder / "sprint_prior.md").read_text()


def test_serving_imports_no_scikit_learn() -> None:
    code = (
        "import sys; from apps.ml.core.sprints.outcome import explain, load_prior;"
        "load_prior(); sys.exit('sklearn' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
