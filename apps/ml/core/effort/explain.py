"""Why these hours: parts that add up to the prediction, and a few sentences, from the very numbers that answered."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.answer import HeadAnswer
from apps.ml.core.effort.features import EffortGroup, log_estimate
from apps.ml.core.effort.header import Header, HeadHeader
from apps.ml.core.effort.linear import FoldedLinear
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
class Explanation:
    """Everything an explanation is made from."""

    header: Header
    head: HeadHeader
    facts: IssueFacts
    answer: HeadAnswer
    hours: float
    informed: bool
    #: Whether an issue learned from is alike in its words.
    has_similar: bool
    otherwise: Counterfactual | None
    #: What a global model's answer was moved by towards the outcomes of the team that asks, on the log scale.
    shift: float = 0.0


def contributions(told: Explanation, weights: Floats, linear: FoldedLinear) -> tuple[Contribution, ...]:
    """Named hours that add up to the prediction.

    The model is a sum on the log scale; its parts are turned into hours in a fixed order, each as the step it makes
    from where the parts before it had led.
    """
    if told.informed:
        start_name, start, parts = _informed_parts(told, weights.tolist(), linear)
    else:
        start_name, start, parts = _plain_parts(told, weights.tolist(), linear)
    if not told.head.serves_model:
        start_name, start, parts = _baseline_name(told), float(told.answer.experts[told.head.baseline]), {}
    elif told.answer.snapped:
        parts = {}
    if told.shift:
        parts |= {OWN_OUTCOMES: told.shift}
    return _in_hours(start_name, start, parts, told.hours) if parts else (Contribution(start_name, told.hours),)


def _baseline_name(told: Explanation) -> str:
    """What the naive expert is that answers where nothing beats it."""
    return (INFORMED_BASELINES if told.informed else PLAIN_BASELINES)[told.head.baseline]


def _group_name(group: EffortGroup, facts: IssueFacts) -> str:
    """What a group of features is called; what the issue does not have still says something, by its absence."""
    missing = {
        EffortGroup.PRIORITY: facts.priority is None,
        EffortGroup.COMPONENT: not facts.component,
        EffortGroup.LABELS: not facts.labels,
        EffortGroup.PEOPLE: not (facts.reporter or facts.assignee),
        EffortGroup.DESCRIPTION: not facts.description,
        EffortGroup.POINTS: facts.story_points is None,
        EffortGroup.TYPE: not facts.issue_type,
    }
    return f"no {GROUP_NAMES[group]}" if missing.get(group) else GROUP_NAMES[group]


def _plain_parts(
    told: Explanation, weights: Sequence[float], linear: FoldedLinear
) -> tuple[str, float, dict[str, float]]:
    # Numbers of Python: a few sums of single NumPy ones take three times as long.
    overall, recent, of_type, similar, line, boosted = told.answer.experts.tolist()
    of_line = weights[4] + weights[5] * told.answer.lean
    by_group = (of_line * (told.answer.parts[:, 0] - linear.means[:, 0])).tolist()
    usual = float(linear.intercepts[0] + linear.means[:, 0].sum())
    start = float(overall + of_line * (usual - overall))
    alike = weights[3] * (similar - overall)
    trees = weights[5] * (boosted - overall - told.answer.lean * (line - overall))
    if told.answer.lean:
        alike, trees = alike + trees, 0.0
    parts = {"recent level of the team": weights[1] * (recent - overall) + weights[2] * (of_type - overall)}
    parts |= {_group_name(group, told.facts): by_group[group] for group in EffortGroup}
    parts |= {_alike(told): alike, TREES: trees}
    return "typical hours of the team", start, parts


def _alike(told: Explanation) -> str:
    return "similar issues" if told.has_similar else "loosely similar issues"


def _informed_parts(
    told: Explanation, weights: Sequence[float], linear: FoldedLinear
) -> tuple[str, float, dict[str, float]]:
    own, level, plain, line, boosted = told.answer.experts.tolist()
    of_line = weights[3] + weights[4] * told.answer.lean
    by_group = (of_line * (told.answer.parts[:, 0] - linear.means[:, 0])).tolist()
    usual = float(linear.intercepts[0] + linear.means[:, 0].sum())
    parts = {"the team's usual overrun": of_line * usual, "recent level of the team": weights[1] * (level - own)}
    parts |= {_group_name(group, told.facts): by_group[group] for group in EffortGroup}
    parts |= {
        "the model without your estimate": weights[2] * (plain - own),
        TREES: weights[4] * (boosted - own - told.answer.lean * (line - own)),
    }
    return "your own estimate", float(own), parts


def _in_hours(start_name: str, start: float, parts: dict[str, float], hours: float) -> tuple[Contribution, ...]:
    level, reached, small = start, math.exp(start), 0.0
    told, told_hours = [Contribution(start_name, reached)], reached
    for name, step in parts.items():
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


def reasoning(told: Explanation) -> str:
    """One to three plain sentences with numbers."""
    sentences = [_who_answered(told)]
    if not told.header.in_time:
        sentences.append(
            "The dates of the finished issues do not tell which were known when; that was taken from their order."
        )
    if told.otherwise is not None:
        points = told.facts.story_points
        now = "none" if points is None else f"{points:g}"
        sentences.append(f"With {told.otherwise.points:g} points instead of {now}: {told.otherwise.hours:.1f} h.")
    return " ".join(sentences)


def _who_answered(told: Explanation) -> str:
    head, learned = told.head, f"{told.header.n_issues} finished issues"
    more = f"about {head.more_issues_needed} more completed issues with hours would help"
    if not head.serves_model:
        said = _baseline_name(told)
        return f"{said[0].upper()}{said[1:]}: nothing learned from {learned} beats this on later ones; {more}."
    factor, naive = math.exp(head.measured_malr), math.exp(head.baseline_malr)
    measured = f"on the last {head.n_measured} issues it was typically off by a factor of {factor:.1f}"
    if told.answer.snapped:
        own = math.exp(log_estimate(told.facts))
        return f"The model agrees with your {own:.1f} h closely enough to keep it; {measured}."
    against = "your estimates alone" if told.informed else "the team's typical hours alone"
    return f"Learned from {learned}; {measured}, {against} by a factor of {naive:.1f}."
