"""A scorecard in sentences."""

from apps.ml.core.evaluation.reliability import Share, against_promise, share_interval
from apps.ml.core.evaluation.scorecard import (
    INTERVAL_LEVEL,
    MIN_FOR_INTERVAL,
    ConfidenceScore,
    HitScore,
    RangeScore,
    Score,
    Skill,
)

#: Of answers that are chances, and of those that name people: their errors are no amounts.
CHANCE, RANK = "chance", "1 - 1/rank"


def verdict(found: Score, *, unit: str) -> str:
    """A score in plain words; `unit` as it is written behind a number: 'h', 'points' or 'days'."""
    if unit == CHANCE and found.confidence is not None:
        return _chance_sentence(found.confidence)
    if found.hits is not None:
        return _hit_sentence(found.hits)
    sentences = [_main_sentence(found, unit)]
    if found.pinball is not None:
        sentences.append(f"The percentiles that were told lost {found.pinball:.1f} {unit} each (pinball loss).")
        sentences += [_chance_sentence(found.confidence)] if found.confidence else []
    if found.ranges is not None:
        sentences.append(_range_sentence(found.ranges))
    if found.against_team is not None:
        sentences.append(_team_sentence(found.against_team, unit))
    return " ".join(sentences)


def _chance_sentence(found: ConfidenceScore) -> str:
    always = found.came_true * (1.0 - found.came_true)
    return (
        f"A chance of {_percent(found.promised)} on average came true in {_percent(found.came_true)} of "
        f"{_outcomes(found.n)}; Brier score {found.brier:.2f}, where always saying that share has {always:.2f}."
    )


def _hit_sentence(found: HitScore) -> str:
    return (
        f"Over {_outcomes(found.n)} the first named did it in {_percent(found.named_first)}, one of those named in "
        f"{_percent(found.among_named)}, mean reciprocal rank {found.mean_reciprocal_rank:.2f}. Who follows a "
        "suggestion makes it right."
    )


def _main_sentence(found: Score, unit: str) -> str:
    against = found.against_baseline
    if against is None:
        n, off = _outcomes(found.n), f"{found.mean_absolute_error:.1f} {unit}"
        return f"Over {n} the predictions were off by {off} on average; there is no baseline error to compare with."
    return (
        f"Over {_outcomes(against.n)} the predictions were off by {against.mean_absolute_error:.1f} {unit} on average, "
        f"the naive baseline by {against.reference_error:.1f} {unit}: {in_words(against)}."
    )


def _range_sentence(found: RangeScore) -> str:
    held = f"The {_percent(found.nominal)} ranges held {_percent(found.coverage)} of {_outcomes(found.n)}"
    if found.n < MIN_FOR_INTERVAL:
        return f"{held}, too few to tell whether they hold what they promise."
    share = Share(found.nominal, found.coverage, found.n, *share_interval(found.coverage, found.n))
    return f"{held}: {against_promise(share)}."


def _team_sentence(against: Skill, unit: str) -> str:
    return (
        f"Where the team had estimated ({_outcomes(against.n)}), the predictions were off by "
        f"{against.mean_absolute_error:.1f} {unit}, the team by {against.reference_error:.1f} {unit}: "
        f"{in_words(against)}."
    )


def _outcomes(n: int) -> str:
    return f"{n:,} outcome" if n == 1 else f"{n:,} outcomes"


def in_words(found: Skill) -> str:
    """A skill with its interval: '25 % better (95 % interval 14 to 35 %)'."""
    difference, level = difference_in_words(found.value), _percent(INTERVAL_LEVEL)
    if found.low is None or found.high is None:
        return f"{difference}, on too few outcomes to tell whether that is chance"
    if found.is_told_apart:
        near, far = sorted((abs(found.low), abs(found.high)))
        return f"{difference} ({level} interval {100 * near:.0f} to {_percent(far)})"
    ends = f"{difference_in_words(found.low)} to {difference_in_words(found.high)}"
    return f"no clear difference ({difference}, which may be chance: {level} interval {ends})"


def skill_in_short(found: Skill) -> str:
    """A skill for a table: '25 % better (+14 to +35)'."""
    better = difference_in_words(found.value)
    if found.low is None or found.high is None:
        return f"{better} (too few)"
    return f"{better} ({100 * found.low:+.0f} to {100 * found.high:+.0f})"


def difference_in_words(value: float) -> str:
    """A skill as a plain difference: '25 % better', '3 % worse', 'as good'."""
    if round(100 * abs(value)) == 0:
        return "as good"
    return f"{_percent(abs(value))} {'better' if value > 0 else 'worse'}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
