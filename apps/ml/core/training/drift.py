"""Whether what comes in is still like what a model was trained on: told before its outcomes are known.

Of types, sizes, words and people the shares among recent issues are held against those of the training. How far two
such shares lie apart (Jensen and Shannon's divergence) has a meaning only beside what chance does to samples of this
size, so that it is compared with divisions of the same issues by chance. Issues come in bunches, an epic's today and
another's next week: runs of neighbours are dealt out together.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import tokens

#: Fewer recent issues, or issues of the training, say nothing.
MIN_RECENT, MIN_REFERENCE = 50, 150
#: The newest of each are compared: what was learned from last, and what comes in now.
MOST_RECENT, MOST_REFERENCE = 200, 400
#: Neighbours that are dealt out together: more than a team writes in one sitting.
RUN_LENGTH = 10
#: Chance of any false alarm in a model's whole life on inputs that stay as they are: looked at once a week until it is
#: trained again after a month, in four respects.
FALSE_ALARM_LEVEL, LOOKS = 0.01, 5
ASPECTS = ("types", "sizes", "words", "people")
LEVEL_PER_LOOK = FALSE_ALARM_LEVEL / LOOKS / len(ASPECTS)
#: So many divisions by chance that two of them reach the level.
N_DIVISIONS = round(2 / LEVEL_PER_LOOK)
#: Words that the issues use most; the others are one.
MOST_WORDS = 150
#: Sizes are told apart by fifths of those of the training.
SIZE_STEPS = 5
_OTHER = "(other)"


@dataclass(frozen=True, slots=True)
class AspectDrift:
    """One respect in which inputs are compared."""

    #: One of `ASPECTS`.
    aspect: str
    #: Of the two sets of shares, in bits: 0 for the same, 1 where they have nothing in common.
    divergence: float
    #: What half of the divisions by chance stay below.
    by_chance: float
    p_value: float
    #: Where the shares differ most: its share in the training, and among recent issues.
    most_changed: str
    share_then: float
    share_now: float

    @property
    def is_drift(self) -> bool:
        """Whether chance explains it no more."""
        return self.p_value <= LEVEL_PER_LOOK


@dataclass(frozen=True, slots=True)
class InputDrift:
    """Recent issues beside those of the training."""

    n_reference: int
    n_recent: int
    aspects: tuple[AspectDrift, ...]

    @property
    def drifted(self) -> tuple[AspectDrift, ...]:
        """Respects in which the inputs are others than they were."""
        return tuple(each for each in self.aspects if each.is_drift)


def input_drift(
    reference: Sequence[IssueFacts], recent: Sequence[IssueFacts], *, rng: "np.random.Generator"
) -> InputDrift | None:
    """Compare recent issues with those of a training, both in the order they came; None where either are too few.

    Respects in which either say too little are left out.

    References
    ----------
    J. Lin, Divergence measures based on the Shannon entropy, IEEE Transactions on Information Theory 37 (1991).
    P. Good, Permutation, Parametric and Bootstrap Tests of Hypotheses (2005), for the divisions by chance.
    """
    then, now = reference[-MOST_REFERENCE:], recent[-MOST_RECENT:]
    if len(then) < MIN_REFERENCE or len(now) < MIN_RECENT:
        return None
    edges = _size_edges(then)
    tell: dict[str, Callable[[IssueFacts], Sequence[str]]] = {
        "types": lambda facts: [facts.issue_type] if facts.issue_type else [],
        "sizes": lambda facts: _size_class(facts, edges),
        "words": lambda facts: tokens(facts.title),
        "people": lambda facts: [facts.reporter] if facts.reporter else [],
    }
    aspects = []
    for name in ASPECTS:
        # What is not said yet is no change: new issues are often sized later.
        told_then, told_now = ([own for facts in some if (own := tell[name](facts))] for some in (then, now))
        if len(told_then) >= MIN_REFERENCE and len(told_now) >= MIN_RECENT:
            aspects.append(aspect_drift(name, [*told_then, *told_now], n_reference=len(told_then), rng=rng))
    return InputDrift(len(then), len(now), tuple(aspects))


def aspect_drift(
    aspect: str, told: Sequence[Sequence[str]], *, n_reference: int, rng: "np.random.Generator"
) -> AspectDrift:
    """Hold the categories of the later issues against those of the first `n_reference`; `told` has each issue's."""
    names, counts = _counted(told)
    runs = [*_runs(counts[:n_reference]), *_runs(counts[n_reference:])]
    n_recent_runs = -(-(len(told) - n_reference) // RUN_LENGTH)
    sums, total = np.stack(runs), counts.sum(axis=0)
    recent = counts[n_reference:].sum(axis=0)
    found = float(divergence(recent[np.newaxis], total)[0])
    dealt = np.argsort(rng.random((N_DIVISIONS, len(runs))), axis=1)[:, :n_recent_runs]
    chosen = np.zeros((N_DIVISIONS, len(runs)))
    np.put_along_axis(chosen, dealt, 1.0, axis=1)
    by_chance = divergence(chosen @ sums, total)
    then, now = (each / max(each.sum(), 1.0) for each in (total - recent, recent))
    most = int(np.argmax(np.abs(now - then)))
    return AspectDrift(
        aspect=aspect,
        divergence=round(found, 4),
        by_chance=round(float(np.median(by_chance)), 4),
        # The division that happened is one of those that could have.
        p_value=(1.0 + float(np.sum(by_chance >= found - 1e-12))) / (N_DIVISIONS + 1.0),
        most_changed=names[most],
        share_then=round(float(then[most]), 3),
        share_now=round(float(now[most]), 3),
    )


def divergence(parts: Floats, total: Floats) -> Floats:
    """Jensen and Shannon's, in bits, between each part of some counts and their rest: shape (n_parts,)."""
    one, other = _shares(parts), _shares(total - parts)
    middle = (one + other) / 2.0
    return np.asarray((_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2.0, dtype=np.float64)


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1.0), dtype=np.float64)


def _relative_entropy(shares: Floats, middle: Floats) -> Floats:
    ratio = np.divide(shares, middle, out=np.ones_like(shares), where=shares > 0)
    return np.asarray((shares * np.log2(ratio)).sum(axis=-1), dtype=np.float64)


def _counted(told: Sequence[Sequence[str]]) -> tuple[list[str], Floats]:
    """Names of the categories, and how often each issue has each: shape (n_issues, n_categories)."""
    common = [name for name, _ in Counter(name for own in told for name in own).most_common(MOST_WORDS)]
    names = [*sorted(common), _OTHER]
    place = {name: at for at, name in enumerate(names)}
    counts = np.zeros((len(told), len(names)))
    for row, own in zip(counts, told, strict=True):
        for name in own:
            row[place.get(name, len(names) - 1)] += 1.0
    return names, counts


def _runs(counts: Floats) -> Iterable[Floats]:
    return (counts[start : start + RUN_LENGTH].sum(axis=0) for start in range(0, len(counts), RUN_LENGTH))


def _size(facts: IssueFacts) -> float | None:
    return facts.story_points if facts.story_points is not None else facts.estimated_hours


def _size_edges(reference: Sequence[IssueFacts]) -> Floats:
    known = [size for facts in reference if (size := _size(facts)) is not None]
    return np.unique(np.quantile(known, np.arange(1, SIZE_STEPS) / SIZE_STEPS)) if known else np.zeros(0)


def _size_class(facts: IssueFacts, edges: Floats) -> list[str]:
    size = _size(facts)
    return [] if size is None else [f"size {int(np.searchsorted(edges, size)) + 1} of {len(edges) + 1}"]
