"""Young teams: the prior and pooling answer, and say so."""

import numpy as np
import pytest

from apps.ml.core.points import load_prior, recommend_with_little_history
from apps.ml.core.points.features import extract
from apps.ml.core.points.little_history import DEFAULT_SHARES
from apps.ml.core.points.scales import DEFAULT_SCALE
from apps.ml.core.records import IssueFacts
from apps.ml.tests.core.points.teams import issue, random_team

FACTS = IssueFacts(title="Fix typo in label")
#: Long, structured text about new things, which other projects found large.
LARGE = IssueFacts(
    title="Design and implement a new integration framework",
    description="As a user I want a new module. * research the architecture * implement the api * write tests " * 8,
)


def test_a_team_without_history_gets_the_default_scale_and_is_told_so() -> None:
    answer = recommend_with_little_history(FACTS, [], prior=load_prior())

    assert tuple(answer.probabilities) == DEFAULT_SCALE
    assert answer.method == "prior"
    assert "scale is assumed to be 1, 2, 3, 5, 8, 13" in answer.reasoning
    assert "About 50 more issues with points" in answer.reasoning
    assert answer.interval.high - answer.interval.low >= 4.0


@pytest.mark.parametrize("n_known", [1, 10, 20, 49])
def test_a_young_team_is_told_what_is_known_and_what_would_help(n_known: int) -> None:
    answer = recommend_with_little_history(FACTS, random_team(n_known), prior=load_prior())

    assert f"Based on the {n_known} issue" in answer.reasoning
    assert f"About {50 - n_known} more issues with points" in answer.reasoning
    assert sum(answer.probabilities.values()) == pytest.approx(1.0)


def test_of_a_long_history_without_a_model_the_latest_issues_are_counted_as_such() -> None:
    answer = recommend_with_little_history(FACTS, random_team(612), prior=load_prior())

    assert "Based on the latest 100 of 612 issues with points known of this team." in answer.reasoning


@pytest.mark.parametrize("n_known", [0, 3, 30, 120])
def test_confidence_and_range_are_read_from_the_printed_probabilities(n_known: int) -> None:
    answer = recommend_with_little_history(LARGE, random_team(n_known), prior=load_prior())

    low, high = answer.one_step
    near = sum(chance for value, chance in answer.probabilities.items() if low <= value <= high)
    held = sum(
        chance for value, chance in answer.probabilities.items() if answer.interval.low <= value <= answer.interval.high
    )
    assert answer.confidence == pytest.approx(near, abs=1e-6)
    assert held >= answer.interval.level - 1e-6


def test_without_a_prior_other_projects_are_not_named() -> None:
    answer = recommend_with_little_history(FACTS, random_team(10), prior=None)

    assert "experience of other projects" not in {part.name for part in answer.contributions}


def test_without_a_prior_the_answer_is_the_teams_own_distribution() -> None:
    team = [issue(index, "anything", points) for index, points in enumerate([2.0, 3.0, 3.0, 3.0, 5.0])]

    answer = recommend_with_little_history(FACTS, team, prior=None)

    assert answer.method == "heuristic"
    assert answer.recommended_points == 3.0
    assert "The text was not read." in answer.reasoning


def test_what_other_projects_found_large_is_recommended_larger() -> None:
    team = random_team(20)

    small, large = (recommend_with_little_history(facts, team, prior=load_prior()) for facts in (FACTS, LARGE))

    assert large.recommended_points > small.recommended_points
    assert "larger than" in large.reasoning
    assert "smaller than" in small.reasoning


def test_contributions_add_up_to_the_recommendation() -> None:
    answer = recommend_with_little_history(LARGE, random_team(10), prior=load_prior())

    assert sum(part.effect for part in answer.contributions) == pytest.approx(answer.recommended_points)


def test_issues_without_points_are_not_history() -> None:
    answer = recommend_with_little_history(FACTS, [issue(0, "no points", None)], prior=load_prior())

    assert "No points of this team are known" in answer.reasoning


def test_a_team_that_used_one_value_only_is_not_pinned_to_probability_one_of_nothing() -> None:
    answer = recommend_with_little_history(
        FACTS, [issue(index, "same", 40.0) for index in range(5)], prior=load_prior()
    )

    assert answer.recommended_points == 40.0
    assert np.isclose(sum(answer.probabilities.values()), 1.0)


def test_the_text_of_strange_projects_moves_a_young_team_by_three_quarters_of_what_it_moved_others() -> None:
    prior = load_prior()
    told = recommend_with_little_history(LARGE, [], prior=prior).probabilities

    odds = np.log(1 / np.cumsum(list(told.values()))[:-1] - 1)
    usual = np.log(1 / np.cumsum(DEFAULT_SHARES)[:-1] - 1)

    assert odds - usual == pytest.approx(0.75 * prior.slope * prior.score(extract(LARGE)))
