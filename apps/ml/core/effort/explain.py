"""Why these hours: parts that add up to the prediction, and a few sentences, from the very numbers that answered."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from apps.ml.core.effort.answer import HeadAnswers, ServedHead
from apps.ml.core.effort.features import EffortGroup, log_estimate
from apps.ml.core.effort.header import Header, HeadHeader
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import Contribution

#: Parts below three minutes are noise to a reader; they are summed up in one.
SMALLEST_PART_HOURS = 0.05

GROUP_NAMES = {
    EffortGroup.TYPE: "issue type",
    EffortGroup.PRIORITY: "priority",
    EffortGroup.COMPONENT: "component",
    EffortGroup.LABELS: "labels",
    EffortGroup.PEOPLE: "people",
    EffortGroup.COMBINATIONS: "combinations of fields",
    EffortGroup.TITLE: "words of the title",
    EffortGroup.DESCRIPTION: "words of the description",
    EffortGroup.LENGTH: "length of the text",
    EffortGroup.POINTS: "story points",
    EffortGroup.ESTIMATE: "size of the estimate",
}


#: Boosted trees, for a reader.
TREES = "further patterns (boosted trees)"
#: What a global model's answer is moved by.
OWN_OUTCOMES = "what your own finished issues took"
#: Names of the naive experts of either head, in the order of their columns.
PLAIN_BASELINES = ("typical hours of the team", "typical hours of the team lately", "typical hours of this issue type")
INFORMED_BASELINES = ("your own estimate", "typical hours of the team")


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """A counterfactual: the answer if the issue had these story points."""

    points: float
    hours: float


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything that the explanations of n answers of one head are made from; sequences of length n."""

    header: Header
    head: ServedHead
    answers: HeadAnswers
    facts: Sequence[IssueFacts]
    hours: Sequence[float]
    informed: bool
    #: Whether an issue learned from is alike in its words.
    has_similar: Sequence[bool]
    otherwise: Sequence[Counterfactual | None]
    #: What a global model's answers were moved by towards the outcomes of the team that asks, on the log scale.
    shift: float = 0.0


#: What a sum starts from, its level, and the named steps from there, all but the name on the log scale.
_Parts = tuple[str, float, list[tuple[str, float]]]


def contributions(told: Explained) -> list[tuple[Contribution, ...]]:
    """Of each answer named hours that add up to it.

    The model is a sum on the log scale; its parts are turned into hours in a fixed order, each as the step it makes
    from where the parts before it had led.
    """
    return [
        _in_hours(start_name, start, parts, hours) if parts else (Contribution(start_name, hours),)
        for (start_name, start, parts), hours in zip(_parts(told), told.hours, strict=True)
    ]


def _parts(told: Explained) -> Iterator[_Parts]:
    moved = [(OWN_OUTCOMES, told.shift)] if told.shift else []
    if not told.head.header.serves_model:
        name = _baseline_name(told)
        yield from ((name, start, moved) for start in told.answers.served(told.head.header).tolist())
        return
    found = _informed_parts(told) if told.informed else _plain_parts(told)
    for (name, start, parts), snapped in zip(found, told.answers.snapped.tolist(), strict=True):
        yield name, start, (moved if snapped else parts + moved)


def _baseline_name(told: Explained) -> str:
    """What the naive expert is that answers where nothing beats it."""
    return (INFORMED_BASELINES if told.informed else PLAIN_BASELINES)[told.head.header.baseline]


def _group_names(facts: IssueFacts) -> tuple[str, ...]:
    """What each group of features is called; what the issue does not have still says something, by its absence."""
    missing = {
        EffortGroup.PRIORITY: facts.priority is None,
        EffortGroup.COMPONENT: not facts.component,
        EffortGroup.LABELS: not facts.labels,
        EffortGroup.PEOPLE: not (facts.reporter or facts.assignee),
        EffortGroup.DESCRIPTION: not facts.description,
        EffortGroup.POINTS: facts.story_points is None,
        EffortGroup.TYPE: not facts.issue_type,
    }
    return _names_without(tuple(group for group, is_missing in missing.items() if is_missing))


@lru_cache(maxsize=128)
def _names_without(missing: tuple[EffortGroup, ...]) -> tuple[str, ...]:
    return tuple(f"no {name}" if group in missing else name for group, name in GROUP_NAMES.items())


def _plain_parts(told: Explained) -> Iterator[_Parts]:
    # Numbers of Python: a few sums of single NumPy ones take three times as long.
    weights, linear = told.head.weights.tolist(), told.head.linear
    usual = float(linear.intercepts[0] + linear.means[:, 0].sum())
    of_line = weights[4] + weights[5] * told.answers.lean
    by_group = (of_line[:, None] * (told.answers.parts[:, :, 0] - linear.means[:, 0])).tolist()
    columns = (of_line.tolist(), told.answers.lean.tolist(), by_group, told.facts, told.has_similar)
    for experts, share, lean, groups, facts, has_similar in zip(told.answers.experts.tolist(), *columns, strict=True):
        overall, recent, of_type, similar, line, boosted = experts
        alike = weights[3] * (similar - overall)
        trees = weights[5] * (boosted - overall - lean * (line - overall))
        if lean:
            alike, trees = alike + trees, 0.0
        parts = [
            ("recent level of the team", weights[1] * (recent - overall) + weights[2] * (of_type - overall)),
            *zip(_group_names(facts), groups, strict=True),
            ("similar issues" if has_similar else "loosely similar issues", alike),
            (TREES, trees),
        ]
        yield "typical hours of the team", overall + share * (usual - overall), parts


def _informed_parts(told: Explained) -> Iterator[_Parts]:
    weights, linear = told.head.weights.tolist(), told.head.linear
    usual = float(linear.intercepts[0] + linear.means[:, 0].sum())
    of_line = weights[3] + weights[4] * told.answers.lean
    by_group = (of_line[:, None] * (told.answers.parts[:, :, 0] - linear.means[:, 0])).tolist()
    columns = (of_line.tolist(), told.answers.lean.tolist(), by_group, told.facts)
    for experts, share, lean, groups, facts in zip(told.answers.experts.tolist(), *columns, strict=True):
        own, level, plain, line, boosted = experts
        parts = [
            ("the team's usual overrun", share * usual),
            ("recent level of the team", weights[1] * (level - own)),
            *zip(_group_names(facts), groups, strict=True),
            ("the model without your estimate", weights[2] * (plain - own)),
            (TREES, weights[4] * (boosted - own - lean * (line - own))),
        ]
        yield "your own estimate", own, parts


def _in_hours(
    start_name: str, start: float, parts: Sequence[tuple[str, float]], hours: float
) -> tuple[Contribution, ...]:
    level, reached, small = start, math.exp(start), 0.0
    told, told_hours = [Contribution(start_name, reached)], reached
    for name, step in parts:
        level += step
        before, reached = reached, math.exp(level)
        effect = reached - before
        if abs(effect) < SMALLEST_PART_HOURS:
            small += effect
            continue
        told.append(Contribution(name, effect))
        told_hours += effect
    # What is left is the small parts, the bounds of an answer and the rounding of floats: the sum is exact.
    rest = hours - told_hours
    return (*told, Contribution("everything smaller", rest)) if rest else tuple(told)


def reasoning(told: Explained) -> list[str]:
    """Of each answer one to three plain sentences with numbers."""
    learned, kept = _learned(told), _kept(told)
    told_of_all = (
        ""
        if told.header.in_time
        else " The dates of the finished issues do not tell which were known when; that was taken from their order."
    )
    asked = zip(told.facts, told.answers.snapped.tolist(), told.otherwise, strict=True)
    return [
        f"{kept.format(math.exp(log_estimate(facts))) if snapped and kept else learned}{told_of_all}"
        f"{_otherwise(facts, otherwise)}"
        for facts, snapped, otherwise in asked
    ]


def _otherwise(facts: IssueFacts, otherwise: Counterfactual | None) -> str:
    if otherwise is None:
        return ""
    now = "none" if facts.story_points is None else f"{facts.story_points:g}"
    return f" With {otherwise.points:g} points instead of {now}: {otherwise.hours:.1f} h."


def _learned(told: Explained) -> str:
    """Who answered, and how well it did."""
    head, learned = told.head.header, f"{told.header.n_issues} finished issues"
    if not head.serves_model:
        said = _baseline_name(told)
        more = f"about {head.more_issues_needed} more completed issues with hours would help"
        return f"{said[0].upper()}{said[1:]}: nothing learned from {learned} beats this on later ones; {more}."
    against = "your estimates alone" if told.informed else "the team's typical hours alone"
    naive = math.exp(head.baseline_malr)
    return f"Learned from {learned}; {_measured(head)}, {against} by a factor of {naive:.1f}."


def _kept(told: Explained) -> str:
    """What is said where the team's own number is kept, to be filled in; nothing where the head does not answer."""
    head = told.head.header
    return f"The model agrees with your {{:.1f}} h closely enough to keep it; {_measured(head)}." * head.serves_model


def _measured(head: HeadHeader) -> str:
    factor = math.exp(head.measured_malr)
    return f"on the last {head.n_measured} issues it was typically off by a factor of {factor:.1f}"
