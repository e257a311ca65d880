"""What is said of replayed forecasts: shares, losses, and how much of it may be chance."""

from dataclasses import replace

import numpy as np
import pytest

from apps.ml.core.evaluation.reliability import share_interval
from apps.ml.core.forecasts.replay import METHODS, NAIVE, SERVED, ReplayRecord
from apps.ml.core.forecasts.score import BLOCK_WEEKS, TeamReplay, replay_team, score_replays, verdict


def poisson_team(n_weeks, *, seed=0, name="team"):
    return replay_team(name, np.random.default_rng(seed).poisson(6, n_weeks).astype(float), n_runs=300)


def scored(*teams):
    return score_replays(teams, rng=np.random.default_rng(0))


def record(kept, *, promised=8.0, taken=8.0):
    """Every promise of one method is the same."""
    rows = np.ones((len(kept), 1))
    return ReplayRecord(
        promised=rows * np.full(4, promised),
        kept=rows * np.asarray(kept, dtype=float)[:, None] * np.ones(4),
        taken=np.full(len(kept), taken),
        held=rows * np.full(3, np.nan),
    )


def team_of(kept, *, naive=8.0):
    """A team asked in each of so many weeks; the served forecast names the true week, the naive one another."""
    weeks = np.arange(len(kept)) + BLOCK_WEEKS
    others = {name: record(kept, promised=naive) for name in METHODS if name != SERVED}
    return TeamReplay("team", weeks, np.full(len(kept), 5.0), {SERVED: record(kept), **others})


def test_a_steady_team_is_asked_in_each_week_and_its_promise_holds():
    team = poisson_team(120)
    found = scored(team)

    assert found.asked == len(team) == 108
    assert found.judged.low <= 0.85 <= found.judged.high
    assert found.judged.n == team.due < len(team)


def test_the_interval_counts_stretches_not_weeks():
    found = scored(team_of([1, 0] * 40))

    assert found.judged.n == 80
    assert (found.judged.low, found.judged.high) == share_interval(0.5, 80 // BLOCK_WEEKS)


def test_stretches_of_two_teams_are_told_apart():
    one, two = scored(team_of([1, 0] * 40)).judged, scored(team_of([1, 0] * 40), team_of([1, 0] * 40)).judged

    assert two.high - two.low < one.high - one.low


def test_a_promise_that_fails_is_called_so():
    said = verdict(scored(team_of([1, 0] * 130)))

    assert said.startswith("P85 was met in 50 % of 260 forecasts (95 % interval")
    assert "fewer than promised." in said


def test_the_loss_is_compared_with_average_velocity_over_whole_stretches():
    found = scored(team_of([1] * 13 * 25, naive=6.0))

    against = found.loss_against[NAIVE]
    assert (against.value, against.n) == (1.0, 325)
    assert against.reference_error == pytest.approx(0.85 * 2)
    assert against.is_told_apart
    assert "with average velocity 1.70: 100 % better" in verdict(found)


def test_a_few_stretches_do_not_tell_a_gain_from_chance():
    found = scored(team_of([1] * 13 * 6, naive=6.0))

    assert found.loss_against[NAIVE].low is None
    assert "on too few outcomes to tell whether that is chance" in verdict(found)


def test_work_that_never_ended_counts_against_the_promise_and_not_in_the_loss():
    team = team_of([0] * 40)
    unfinished = {name: replace(each, taken=np.full(40, np.nan)) for name, each in team.records.items()}

    found = scored(replace(team, records=unfinished))

    assert (found.judged.observed, found.methods[SERVED].finished, found.methods[SERVED].loss) == (0.0, 0, None)
    assert "loss" not in verdict(found)


def test_without_anything_due_there_is_nothing_to_judge():
    team = poisson_team(12)

    assert len(team) == team.due == 0
    assert verdict(scored(team)) == "No forecast has come due yet."


def test_a_condition_takes_its_questions_only():
    team = poisson_team(60)
    early = team.where(team.weeks_before < 26)

    assert scored(early).asked == 14
    assert scored(early, team.where(team.weeks_before >= 26)).asked == len(team)
