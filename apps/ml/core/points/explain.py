"""Why a number: contributions that add up to the recommendation, and a few plain sentences that only repeat them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.ml.core.points.features import RawFeatures, bucket
from apps.ml.core.points.folded import GROUPS, Folded
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.promise import Promise
from apps.ml.core.points.scales import expected
from apps.ml.core.results import Contribution
from apps.ml.core.text import tokens

FloatArray = NDArray[np.float64]
USUAL = "the team's usual issue"
DRIFT = "points known since the training"
LIMITS = "limits of the scale"
ROUNDING = "from the expected value to the likeliest middle step"
#: Smaller effects, in points, are not worth a word.
_WORTH_SAYING = 0.05
_N_WORDS = 3


def contributions(
    model: Folded, effects: FloatArray, moved: FloatArray, survival: FloatArray, recommended: float
) -> tuple[Contribution, ...]:
    """Parts in points that add up to the recommendation.

    Parameters
    ----------
    effects : ndarray of shape (n_groups, n_thresholds)
        Of this issue; the reference is the team's average recent issue.
    moved : ndarray of shape (n_thresholds,)
        What points known since the training add.
    survival : ndarray of shape (n_values - 1,)
        The distribution that is answered with.
    """
    unit = model.points_per_threshold()
    usual_survival = model.survival(model.usual)
    mean = float(expected(survival, model.scale.grid))
    parts = [(USUAL, float(expected(usual_survival, model.scale.grid)))]
    parts += list(zip(GROUPS, ((effects - model.usual) @ unit).tolist(), strict=True))
    parts.append((DRIFT, float(moved @ unit)))
    parts.append((LIMITS, mean - sum(effect for _, effect in parts)))
    parts.append((ROUNDING, recommended - mean))
    kept = [Contribution(name, effect) for name, effect in parts if effect != 0.0]
    return tuple(kept)


def reasoning(model: Folded, promise: Promise, words: Sequence[tuple[str, float]]) -> str:
    """Two or three sentences with the numbers behind the answer."""
    if model.meta["method"] == "baseline":
        return _baseline_reasoning(model, promise)
    metrics = model.meta["metrics"]
    gain = 100.0 * (1.0 - metrics["rps"] / metrics["baseline_rps"])
    sentences = [_answer(promise), _record(model, gain)]
    if words:
        sentences.insert(1, f"Words of the title that moved it most: {_listed(words)}.")
    return " ".join(sentences)


def strongest_words(model: Folded, prior: PointsPrior | None, raw: RawFeatures, title: str) -> list[tuple[str, float]]:
    """The words of the title that move the expected points most, with their effect in points."""
    unit = model.points_per_threshold()
    row, values = model.word_weights(0, raw)
    by_column = dict(zip(model.columns[row].tolist(), (values * (model.words[row] @ unit)).tolist(), strict=True))
    if prior is not None:
        foreign = prior.word_effects(0, raw.words[0]) * float(model.prior @ unit)
        for place, effect in zip(raw.words[0].buckets.tolist(), foreign.tolist(), strict=True):
            by_column[place] = by_column.get(place, 0.0) + effect
    found = {word: by_column.get(bucket(word), 0.0) for word in tokens(title)}
    worth = [(word, effect) for word, effect in found.items() if abs(effect) >= _WORTH_SAYING]
    return sorted(worth, key=lambda each: -abs(each[1]))[:_N_WORDS]


def _answer(promise: Promise) -> str:
    low, high = promise.one_step
    return (
        f"Half of comparable issues had {promise.recommended:g} points or fewer; "
        f"{promise.confidence:.0%} should lie between {low:g} and {high:g}."
    )


def _record(model: Folded, gain: float) -> str:
    metrics, n_scored = model.meta["metrics"], int(model.meta["metrics"]["scored_issues"])
    return (
        f"On the team's last {n_scored} issues this model missed by {metrics['mae']:.2f} points on average, the team's "
        f"usual value by {metrics['baseline_mae']:.2f}; its probabilities were {gain:.0f} % closer."
    )


def _baseline_reasoning(model: Folded, promise: Promise) -> str:
    n_issues = model.meta["n_issues"]
    return (
        f"This is the team's usual value, {promise.recommended:g}: on its last "
        f"{int(model.meta['metrics']['scored_issues'])} issues, reading the text did not predict points better. "
        f"About {max(n_issues // 2, 50)} more issues with points, or descriptions that say more, would help."
    )


def _listed(words: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"'{word}' {effect:+.1f}" for word, effect in words)
