"""Inputs that are others than those of the training are told before any outcome; what chance does is not."""

import numpy as np
import pytest

from apps.ml.core.records import IssueFacts
from apps.ml.core.training.drift import LEVEL_PER_LOOK, MIN_RECENT, MIN_REFERENCE, divergence, input_drift


def issues(rng: np.random.Generator, n: int, *, bugs: float = 0.3, bunch: float = 0.0, **more) -> list[IssueFacts]:
    """Issues in bunches: neighbours share a topic, and half of them a type and a reporter."""
    made: list[IssueFacts] = []
    while len(made) < n:
        topic, reporter, kind = int(rng.integers(30)), _person(rng), _kind(rng, bugs)
        for _ in range(1 + rng.poisson(bunch)):
            shared = rng.random() < 0.5
            facts = {
                "title": " ".join(f"word{topic * 5 + int(word)}x" for word in rng.integers(0, 5, 4)),
                "issue_type": kind if shared else _kind(rng, bugs),
                "reporter": reporter if shared else _person(rng),
                "story_points": float(rng.choice([1, 2, 3, 5])),
            }
            made.append(IssueFacts(**(facts | more)))
    return made[:n]


def _kind(rng: np.random.Generator, bugs: float) -> str:
    return "bug" if rng.random() < bugs else "story"


def _person(rng: np.random.Generator) -> str:
    return f"person {min(int(rng.geometric(0.3)), 9)}"


def test_the_divergence_is_nothing_for_the_same_and_one_bit_for_what_has_nothing_in_common():
    total = np.array([4.0, 4.0])

    # Shares (1/2, 1/2) twice; (1, 0) and (0, 1); (3/4, 1/4) and (1/4, 3/4): 1 - H(1/4) = .189 bits.
    found = divergence(np.array([[2.0, 2.0], [4.0, 0.0], [3.0, 1.0]]), total)

    assert found == pytest.approx([0.0, 1.0, 0.1887], abs=1e-4)


@pytest.mark.parametrize("bunch", [0.0, 3.0], ids=["single issues", "bunches"])
def test_chance_and_bunches_are_no_drift(bunch):
    rng = np.random.default_rng(1)

    found = [input_drift(issues(rng, 200, bunch=bunch), issues(rng, 60, bunch=bunch), rng=rng) for _ in range(25)]

    # A hundred comparisons at one of 2,000 each; bunches that are longer than half a run cost a few more.
    assert sum(len(each.drifted) for each in found) <= (1 if bunch else 0)
    values = np.array([aspect.p_value for each in found for aspect in each.aspects])
    assert np.mean(values <= 0.05) < (0.12 if not bunch else 0.25)


def test_other_types_are_found_and_named_and_the_rest_is_left_alone():
    rng = np.random.default_rng(2)

    found = input_drift(issues(rng, 200), issues(rng, 60, bugs=0.9), rng=rng)

    [drift] = found.drifted
    assert (drift.aspect, drift.most_changed in ("bug", "story")) == ("types", True)
    assert abs(drift.share_now - drift.share_then) > 0.4
    assert drift.divergence > 10 * drift.by_chance


def test_other_words_people_and_sizes_are_found():
    rng = np.random.default_rng(3)

    found = input_drift(
        issues(rng, 200), issues(rng, 60, title="migrate the cluster", reporter="new", story_points=21.0), rng=rng
    )

    assert {each.aspect for each in found.drifted} == {"words", "people", "sizes"}


def test_issues_that_are_not_sized_yet_are_no_drift_of_sizes():
    rng = np.random.default_rng(4)

    found = input_drift(issues(rng, 200), issues(rng, 60, story_points=None), rng=rng)

    assert {each.aspect for each in found.aspects} == {"types", "words", "people"}


def test_too_few_say_nothing_and_the_least_that_speak_can_reach_the_level():
    rng = np.random.default_rng(5)

    assert input_drift(issues(rng, MIN_REFERENCE), issues(rng, MIN_RECENT - 1), rng=rng) is None
    found = input_drift(issues(rng, MIN_REFERENCE), issues(rng, MIN_RECENT, issue_type="incident"), rng=rng)
    assert found.aspects[0].p_value <= LEVEL_PER_LOOK
