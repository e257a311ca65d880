"""Why a number: contributions that add up to the recommendation, and a few plain sentences that only repeat them."""

from collections.abc import Mapping, Sequence

from apps.ml.core.arrays import Floats
from apps.ml.core.points.features import RawFeatures, bucket
from apps.ml.core.points.folded import GROUPS, FoldedExperts
from apps.ml.core.points.prior import PointsPrior
from apps.ml.core.points.promise import Promise
from apps.ml.core.points.scales import expected
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import Contribution
from apps.ml.core.text import tokens

USUAL = "the team's usual issue"
DRIFT = "issues finished since the training"
OTHERS = GROUPS[-1]
#: The rest: from the expected points to the median of a skewed distribution, on a scale that ends and has gaps.
ROUNDING = "rounding to the team's scale"
#: Smaller parts are noise of the arithmetic.
_NOISE_POINTS = 1e-9
#: Smaller effects, in points, are not worth a word.
_WORTH_SAYING = 0.05
_N_WORDS = 3
#: Two camps: a value below and one above the recommendation, each likely enough and this many times likelier than it.
_CAMP_CHANCE, _CAMP_RATIO = 0.15, 1.5


def contributions(
    model: FoldedExperts, facts: IssueFacts, effects: Floats, moved: Floats, recommended: float
) -> tuple[Contribution, ...]:
    """Parts in points that add up to the recommendation.

    Parameters
    ----------
    facts : IssueFacts
        What it does not have is not named: its reference is then the team's usual issue without it.
    effects : ndarray of shape (n_groups, n_thresholds)
        Of this issue; the reference is the team's average recent issue.
    moved : ndarray of shape (n_thresholds,)
        What points known since the training add.
    """
    unit = model.points_per_threshold()
    parts = {USUAL: float(expected(model.survival(model.usual), model.scale.grid))}
    for name, effect in zip(_group_names(facts), ((effects - model.usual) @ unit).tolist(), strict=True):
        parts[name] = parts.get(name, 0.0) + effect
    parts[DRIFT] = float(moved @ unit)
    return adding_up(parts, recommended)


def adding_up(parts: Mapping[str, float], recommended: float) -> tuple[Contribution, ...]:
    """The parts that say something, and as the last what rounding adds, so that all sum to the recommendation."""
    kept = [Contribution(name, effect) for name, effect in parts.items() if abs(effect) > _NOISE_POINTS]
    rest = recommended - sum(part.effect for part in kept)
    return (*kept, Contribution(ROUNDING, rest)) if abs(rest) > _NOISE_POINTS else tuple(kept)


def camps(promise: Promise) -> str:
    """A sentence where the recommendation lies between two values that are both much likelier, else nothing."""
    middle = promise.recommended
    below = _likeliest({value: chance for value, chance in promise.probabilities.items() if value < middle})
    above = _likeliest({value: chance for value, chance in promise.probabilities.items() if value > middle})
    chance = promise.probabilities.get(middle, 0.0)
    if min(below[1], above[1]) < max(_CAMP_CHANCE, _CAMP_RATIO * chance):
        return ""
    return (
        f"There are two camps: issues like this were more often {below[0]:g} ({below[1]:.0%}) or {above[0]:g} "
        f"({above[1]:.0%}) than the middle, {middle:g} ({chance:.0%}); ask which of the two this one is."
    )


def reasoning(model: FoldedExperts, promise: Promise, words: Sequence[tuple[str, float]]) -> str:
    """Two or three sentences with the numbers behind the answer."""
    if model.meta["method"] == "baseline":
        return _baseline_reasoning(model, promise)
    metrics = model.meta["metrics"]
    gain = 100.0 * (1.0 - metrics["rps"] / metrics["baseline_rps"])
    sentences = [_answer(promise), camps(promise), _moved(model, words), _record(model, gain), _held(model)]
    return " ".join(filter(None, sentences))


def strongest_words(
    model: FoldedExperts, prior: PointsPrior | None, raw: RawFeatures, title: str
) -> list[tuple[str, float]]:
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


def chance_of_one_step(promise: Promise) -> str:
    """The confidence in words: '66% should lie between 3 and 8'."""
    low, high = promise.one_step
    where = f"lie between {low:g} and {high:g}" if low < high else f"have {low:g}"
    return f"{promise.confidence:.0%} should {where}"


def _answer(promise: Promise) -> str:
    unit = "point" if promise.recommended == 1.0 else "points"
    return f"Half of comparable issues had {promise.recommended:g} {unit} or fewer; {chance_of_one_step(promise)}."


def _moved(model: FoldedExperts, words: Sequence[tuple[str, float]]) -> str:
    """The strongest words; their effects hold what other projects know of them, which `contributions` tell apart."""
    if not words:
        return ""
    whose = "" if model.meta["prior_version"] is None else ", here and in other projects"
    return f"Words of the title that moved it most{whose}: {_listed(words)}."


def _record(model: FoldedExperts, gain: float) -> str:
    metrics, n_scored = model.meta["metrics"], int(model.meta["metrics"]["scored_issues"])
    return (
        f"On the team's last {n_scored} issues this model missed by {metrics['mae']:.2f} points on average, the team's "
        f"usual value by {metrics['baseline_mae']:.2f}; its probabilities were {gain:.0f}% closer."
    )


def _baseline_reasoning(model: FoldedExperts, promise: Promise) -> str:
    n_issues = model.meta["n_issues"]
    return (
        f"This is the team's usual value, {promise.recommended:g}: on its last "
        f"{int(model.meta['metrics']['scored_issues'])} issues, reading the text did not predict points better. "
        f"About {max(n_issues // 2, 50)} more issues with points, or descriptions that say more, would help. "
        f"{_held(model)}"
    )


def _held(model: FoldedExperts) -> str:
    """How the range did on the record; what it does on outcomes to come is counted elsewhere, by outcomes."""
    promises = model.calibration
    if promises.record_coverage is None:
        return ""
    return (
        f"Such a range, promised to hold {promises.level:.0%}, would have held {promises.record_coverage:.0%} of the "
        f"{promises.n_record} issues it was set on."
    )


def _group_names(facts: IssueFacts) -> tuple[str, ...]:
    """Name of each group of features; `USUAL` for those the issue has nothing of."""
    title, description, _, form, others = GROUPS
    return (
        title if facts.title.strip() else USUAL,
        description if facts.description.strip() else USUAL,
        _fields(facts),
        form,
        others,
    )


def _fields(facts: IssueFacts) -> str:
    """The fields that are filled in: 'type, component and labels'."""
    known = {
        "type": facts.issue_type.strip(),
        "component": facts.component.strip(),
        "labels": any(label.strip() for label in facts.labels),
        "priority": facts.priority is not None,
    }
    given = [name for name, value in known.items() if value]
    if not given:
        return USUAL
    return " and ".join(filter(None, [", ".join(given[:-1]), given[-1]]))


def _likeliest(chances: Mapping[float, float]) -> tuple[float, float]:
    return max(chances.items(), key=lambda each: each[1], default=(0.0, 0.0))


def _listed(words: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"'{word}' {effect:+.1f}" for word, effect in words)
