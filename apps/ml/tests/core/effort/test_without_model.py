"""Hours without a model: honest about how little is known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apps.ml.core.effort.ranges.own_outcomes import last_outcomes
from apps.ml.core.effort.without_model import (
    DEFAULT_HOURS,
    TypeOutcomes,
    estimate_from_similar,
    estimate_without_model,
)
from apps.ml.core.effort.without_model import (
    estimate_from_type as estimate_from_outcomes,
)
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.similarity import SimilarIssueIndex

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def finished(number, hours, *, title="", issue_type="bug"):
    facts = IssueFacts(title=title or f"issue {number}", issue_type=issue_type)
    done = NOW + timedelta(days=number)
    return CompletedIssue(f"K-{number}", facts, done - timedelta(days=1), done, hours)


def width(estimate):
    return np.log(estimate.interval.high / estimate.interval.low)


def estimate_from_type(facts, history, **level):
    return estimate_from_outcomes(facts, TypeOutcomes.of(history), **level)


def told(estimate):
    return sum(part.effect for part in estimate.contributions)


def test_with_no_history_the_default_says_that_nothing_is_known():
    estimate = estimate_from_type(IssueFacts(title="anything"), [])

    assert estimate.predicted_hours == pytest.approx(DEFAULT_HOURS)
    assert estimate.method == "heuristic"
    assert estimate.confidence < 0.5
    assert estimate.interval.high / estimate.interval.low > 20
    assert "Nothing is known" in estimate.reasoning


def test_issues_without_hours_are_no_history():
    estimate = estimate_from_type(IssueFacts(title="anything"), [finished(1, None), finished(2, 0.0)])

    assert "Nothing is known" in estimate.reasoning


def test_the_average_of_the_type_answers():
    history = [finished(n, 2.0) for n in range(30)] + [finished(n, 20.0, issue_type="story") for n in range(30)]

    bug = estimate_from_type(IssueFacts(title="x", issue_type="bug"), history)
    story = estimate_from_type(IssueFacts(title="x", issue_type="story"), history)

    assert 2.0 <= bug.predicted_hours < 3.5
    assert 14.0 < story.predicted_hours <= 20.0


def test_one_outcome_of_a_type_hardly_moves_the_answer():
    history = [finished(n, 2.0) for n in range(30)] + [finished(31, 100.0, issue_type="epic")]

    estimate = estimate_from_type(IssueFacts(title="x", issue_type="epic"), history)

    assert estimate.predicted_hours < 6.0


def test_an_unknown_type_gets_the_hours_of_all():
    estimate = estimate_from_type(IssueFacts(title="x", issue_type="spike"), [finished(n, 3.0) for n in range(9)])

    assert estimate.predicted_hours == pytest.approx(3.0)
    assert "'spike'" in estimate.reasoning


def test_recent_outcomes_outweigh_old_ones():
    history = [finished(n, 1.0) for n in range(200)] + [finished(200 + n, 10.0) for n in range(200)]

    estimate = estimate_from_type(IssueFacts(title="x", issue_type="bug"), history)

    assert estimate.predicted_hours > 5.0


def test_more_history_that_agrees_makes_the_range_narrower():
    few, many = ([finished(n, 3.0) for n in range(size)] for size in (3, 60))
    facts = IssueFacts(title="x", issue_type="bug")

    assert width(estimate_from_type(facts, many)) < width(estimate_from_type(facts, few))


def test_a_higher_level_makes_a_wider_range():
    history, facts = [finished(n, 3.0) for n in range(9)], IssueFacts(title="x", issue_type="bug")

    assert width(estimate_from_type(facts, history, level=0.95)) > width(estimate_from_type(facts, history))


def test_the_mean_exceeds_the_typical_hours():
    estimate = estimate_from_type(IssueFacts(title="x"), [finished(n, float(n + 1)) for n in range(20)])

    assert estimate.expected_hours > estimate.predicted_hours


def test_parts_of_a_heuristic_add_up_to_it():
    history = [finished(n, 2.0) for n in range(9)] + [finished(n, 20.0, issue_type="story") for n in range(9)]

    estimate = estimate_from_type(IssueFacts(title="x", issue_type="story"), history)

    assert told(estimate) == pytest.approx(estimate.predicted_hours, abs=1e-9)


def test_unrelated_text_gives_no_answer_from_similarity():
    index = SimilarIssueIndex.build([finished(1, 5.0, title="Release the billing service")])

    assert estimate_from_similar(IssueFacts(title="Fix login page"), index) is None


def test_similar_issues_without_hours_give_no_answer():
    index = SimilarIssueIndex.build([finished(1, None, title="Fix login page")])

    assert estimate_from_similar(IssueFacts(title="Fix login page"), index) is None


def test_similar_issues_answer_with_what_they_took():
    history = [finished(n, 30.0, title=f"release number{n} of product{n}") for n in range(20)]
    history += [finished(50 + n, 4.0, title="login page fails") for n in range(4)]

    estimate = estimate_from_similar(IssueFacts(title="login page fails"), SimilarIssueIndex.build(history))

    assert estimate is not None
    assert estimate.method == "similarity"
    assert estimate.predicted_hours == pytest.approx(4.0, rel=0.15)
    assert {issue.actual_hours for issue in estimate.similar_issues} == {4.0}
    assert told(estimate) == pytest.approx(estimate.predicted_hours, abs=1e-9)


def test_a_distant_neighbour_is_believed_less_than_a_twin():
    history = [finished(n, 2.0, title=f"word{n} other{n} thing{n}") for n in range(40)]
    history.append(finished(99, 40.0, title="login page fails on mobile devices today"))
    index = SimilarIssueIndex.build(history)

    twin = estimate_from_similar(IssueFacts(title="login page fails on mobile devices today"), index)
    distant = estimate_from_similar(IssueFacts(title="login page fails with colours"), index)

    assert twin is not None
    assert distant is not None
    assert 2.0 < distant.predicted_hours < twin.predicted_hours
    assert distant.confidence < twin.confidence


def test_neighbours_that_disagree_make_a_wider_range():
    agree = [finished(n, 4.0, title="login page fails") for n in range(4)]
    differ = [finished(n, hours, title="login page fails") for n, hours in enumerate((0.5, 2.0, 8.0, 32.0))]
    facts = IssueFacts(title="login page fails")

    same, apart = (estimate_from_similar(facts, SimilarIssueIndex.build(issues)) for issues in (agree, differ))

    assert same is not None
    assert apart is not None
    assert width(apart) > width(same)


def asked_without_model(facts, history):
    return estimate_without_model(
        facts, TypeOutcomes.of(history), SimilarIssueIndex.build(history), last_outcomes(history)
    )


def test_an_estimate_of_the_team_is_answered_with_what_theirs_came_to():
    facts = IssueFacts(title="x", estimated_hours=4.0)
    history = [finished(n, 6.0) for n in range(20)]
    history = [replace(issue, facts=replace(issue.facts, estimated_hours=3.0)) for issue in history]

    estimate = asked_without_model(facts, history)

    # Twice, drawn towards once by 5 of 25: 4 * 2 ** 0.8.
    assert estimate.predicted_hours == pytest.approx(4.0 * 2.0**0.8)
    assert (estimate.method, estimate.used_estimate) == ("heuristic", True)
    assert "typically 2.00 times" in estimate.reasoning
    assert told(estimate) == pytest.approx(estimate.predicted_hours)


def test_too_few_estimates_with_an_outcome_tell_nothing_of_the_next():
    history = [finished(n, 6.0) for n in range(20)]
    history[:4] = [replace(issue, facts=replace(issue.facts, estimated_hours=3.0)) for issue in history[:4]]

    assert not asked_without_model(IssueFacts(title="x", estimated_hours=4.0), history).used_estimate


def test_without_history_the_answer_without_model_says_so():
    assert "Nothing is known" in asked_without_model(IssueFacts(title="x"), []).reasoning


@pytest.mark.parametrize("n_known", [10, 20])
def test_the_first_ranges_of_a_team_hold(n_known):
    rng = np.random.default_rng(0)
    held = []
    for _ in range(40):
        level, spread = rng.normal(0, 1), rng.uniform(0.8, 1.6)
        hours = np.exp(rng.normal(level, spread, n_known + 50))
        history = [finished(n, float(h)) for n, h in enumerate(hours[:n_known])]
        interval = asked_without_model(IssueFacts(title="x", issue_type="bug"), history).interval
        held += [interval.low <= h <= interval.high for h in hours[n_known:]]

    assert 0.77 <= np.mean(held) <= 0.92
