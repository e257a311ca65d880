"""What own sprints add to the prior that ships: learned where there is something, silent where there is nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.core.artifact import ArtifactCorrupted, dumps, loads
from apps.ml.core.sprints.learned import training
from apps.ml.core.sprints.learned.lessons import SprintLesson, TaughtMoment, rows_of, scored
from apps.ml.core.sprints.learned.serving import KIND, SprintModel, own_log_odds
from apps.ml.core.sprints.learned.training import (
    EQUAL_SAY_SPRINTS,
    LEAST_GAIN_ERRORS,
    MIN_SAMPLES_LEAF,
    TrainedSprintModel,
    train_sprint_model,
)
from apps.ml.core.sprints.outcome import OwnRecord, PastSprint, SprintMoment, load_prior
from apps.ml.core.sprints.outcome.features import NAMES, features, matrix
from apps.ml.core.training.crowd import People
from apps.ml.tests.core.layouts import assert_layout_has_its_number
from apps.ml.tests.core.sprints.teams import moment

NOW = datetime(2026, 3, 2, tzinfo=UTC)
N = 100


def lessons(
    ratio: Callable[[SprintMoment, np.random.Generator], float], *, n: int = N, seed: int = 1
) -> list[SprintLesson]:
    """Sprints of one team, of two or eight people each, whose outcome follows from how many there were, or does not."""
    rng, found, past = np.random.default_rng(seed), [], ()
    for number in range(n):
        people = float(rng.choice([2.0, 8.0]))
        begun = replace(moment(done=0.0, elapsed_ratio=0.0), team_size=people, past=past)
        share, moments = ratio(begun, rng), []
        for elapsed in (0.0, 0.5):
            standing = replace(begun, elapsed_ratio=elapsed)
            sprint = PastSprint(replace(standing, past=()), share * standing.scope_points)
            moments.append(TaughtMoment(sprint, tuple(features(standing))))
        past = (*past, moments[-1].sprint)[-8:]
        found.append(SprintLesson(f"s{number}", "p", NOW - timedelta(days=14 * (n - number)), tuple(moments)))
    return found


def by_people(begun: SprintMoment, rng: np.random.Generator) -> float:
    """Two people do a third of what they plan, eight all of it."""
    return (0.3 if begun.team_size == 2.0 else 1.0) + float(rng.normal(0.0, 0.03))


def as_elsewhere(begun: SprintMoment, rng: np.random.Generator) -> float:
    """As other teams do, by the prior's own distribution."""
    told = OwnRecord().distribution(load_prior().chances([begun])[0], begun)
    return float(told.quantiles(rng.uniform(0.001, 0.999, size=1))[0])


def trained(sprints: list[SprintLesson]) -> TrainedSprintModel:
    return train_sprint_model(sprints, now=NOW, prior=load_prior(), level=0.8, version="1.0.0")


@pytest.fixture(scope="module", autouse=True)
def few_trees() -> Iterator[None]:
    """What is tested here holds for a few trees as for sixty."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "N_TREES", 20)
        yield


@pytest.fixture(scope="module")
def learned() -> TrainedSprintModel:
    return trained(lessons(by_people))


@pytest.fixture(scope="module")
def model(learned: TrainedSprintModel) -> SprintModel:
    return SprintModel.from_bytes(learned.serving, prior=load_prior())


def test_what_only_this_team_s_sprints_tell_is_learned_and_measured_on_later_ones(
    learned: TrainedSprintModel, model: SprintModel
) -> None:
    later = lessons(by_people, seed=2)
    rows, done = rows_of(later)
    crps, of_prior = (
        scored(later, teacher.chances_of(rows, done), level=0.8).crps.mean() for teacher in (model, load_prior())
    )

    assert learned.beats_baseline
    assert learned.metrics["gain_errors"] > LEAST_GAIN_ERRORS
    assert learned.metrics["crps"] < learned.metrics["baseline_crps"]
    assert (learned.metrics["n_train"], learned.metrics["n_test"], learned.training_samples) == (60, 40, N)
    assert list(learned.test_errors) == [f"s{number}" for number in range(60, N)]
    assert np.mean(list(learned.test_errors.values())) == pytest.approx(learned.metrics["crps"])
    assert crps < 0.95 * of_prior
    assert model.own_share == pytest.approx(N / (N + EQUAL_SAY_SPRINTS))
    assert model.version == f"{load_prior().version}+1.0.0"


def test_where_own_sprints_add_nothing_the_prior_answers() -> None:
    found = trained(lessons(as_elsewhere))
    model = SprintModel.from_bytes(found.serving, prior=load_prior())
    asked = [replace(moment(), team_size=people) for people in (2.0, 8.0)]

    assert not found.beats_baseline
    assert found.metrics["crps"] == found.metrics["baseline_crps"]
    assert model.version == load_prior().version
    assert model.chances(asked).tolist() == load_prior().chances(asked).tolist()


def test_fifty_sprints_are_needed_and_later_ones_are_unknown() -> None:
    sprints = lessons(as_elsewhere, n=50)

    with pytest.raises(NotEnoughData, match="completed sprints"):
        train_sprint_model(sprints, now=sprints[-1].completed_at - timedelta(seconds=1), prior=load_prior(), level=0.8)


def test_a_sprint_s_score_knows_nothing_of_later_ones() -> None:
    sprints, others = lessons(as_elsewhere, n=8), lessons(as_elsewhere, n=8, seed=3)
    mixed = [*sprints[:5], *others[5:]]
    rows, done = rows_of(sprints)
    chances = load_prior().chances_of(rows, done)

    assert scored(sprints, chances, level=0.8).crps[:5].tolist() == scored(mixed, chances, level=0.8).crps[:5].tolist()


def test_a_sprint_told_exactly_costs_next_to_nothing() -> None:
    [sprint] = lessons(lambda begun, rng: 1.0, n=1)
    sure = np.tile(np.where(np.arange(16) <= 10, 1.0, 0.0), (2, 1))

    told = scored([sprint], sure, level=0.8)

    # While work remains no chance exceeds .99: .01 squared over the whole scope.
    assert told.crps[0] == pytest.approx(1e-4, abs=1e-6)
    assert told.brier[0] == pytest.approx(1e-4, abs=1e-6)
    assert (told.held[0], told.absolute_error[0]) == (1.0, pytest.approx(0.0, abs=1e-6))


def test_the_artefact_reads_as_it_was_written_and_no_leaf_rests_on_few_rows(learned, model) -> None:
    asked = [moment(), moment(done=10.0)]

    assert_layout_has_its_number(learned.serving)
    assert (
        SprintModel.from_bytes(model.to_bytes(), prior=load_prior()).chances(asked).tolist()
        == model.chances(asked).tolist()
    )
    assert model.nbytes > 0
    nodes = [stage[0].nodes for each in learned.estimators["boosters"] for stage in each._predictors]
    assert min(tree["count"][tree["is_leaf"].astype(bool)].min() for tree in nodes) >= MIN_SAMPLES_LEAF


@pytest.mark.parametrize(("with_pairs", "told"), [(1, False), (4, False), (5, True)])
def test_what_sprints_of_fewer_than_five_projects_tell_a_model_of_all_is_not_told(with_pairs: int, told: bool) -> None:
    """Teams of two are in so many of six projects; in the others all teams are of eight."""
    people_of = {f"p{number}": People(frozenset({f"u{number}"})) for number in range(6)}
    known = [
        replace(each, sprint_id=f"{project} {each.sprint_id}", project_id=project)
        for number, project in enumerate(people_of)
        for each in lessons(by_people, n=40, seed=number)
        if number < with_pairs or each.moments[0].sprint.moment.team_size == 8.0
    ]

    found = train_sprint_model(known, now=NOW, prior=load_prior(), level=0.8, people_of=people_of)

    own = SprintModel.from_bytes(found.serving, prior=load_prior()).own
    rows = matrix([replace(moment(done=0.0, elapsed_ratio=0.0), team_size=people) for people in (2.0, 8.0)])
    pair, eight = own_log_odds(own, rows, np.zeros(2))
    assert (pair.tolist() != eight.tolist()) is told


def test_a_model_for_other_features_is_refused(learned: TrainedSprintModel) -> None:
    read = loads(learned.serving, kind=KIND)

    with pytest.raises(ArtifactCorrupted, match="other features"):
        SprintModel.from_bytes(dumps(KIND, read.arrays, read.meta | {"features": NAMES[1:]}), prior=load_prior())
