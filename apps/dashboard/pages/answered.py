"""How the answers that were given came out: every kind in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import Table
from apps.ml.services.evaluation.scorecard import TypeScorecard

_TITLES: Mapping[str, str | Promise] = {
    "effort_prediction": gettext_lazy("Hours"),
    "story_points": gettext_lazy("Story points"),
    "task_assignment": gettext_lazy("Who does what"),
    "sprint_duration": gettext_lazy("Durations of sprints"),
    "sprint_outcome": gettext_lazy("Outcomes of sprints"),
    "sprint_risk": gettext_lazy("Risk that a sprint falls short"),
    "forecast": gettext_lazy("Forecasts"),
    "what_if": gettext_lazy("What if"),
}
#: Units whose errors are amounts, as they are written behind a number; of chances and of people there are none.
_UNITS: Mapping[str, str | Promise] = {
    "h": "h",
    "points": gettext_lazy("pt"),
    "issues": gettext_lazy("issues"),
    "days": gettext_lazy("days"),
}


@dataclass(frozen=True, slots=True)
class KindAnswered:
    """One kind of answers: what came of those whose outcome became known."""

    title: str | Promise
    n: str
    error: str
    #: Shares, as held and as promised.
    ranges: str
    brier: str
    pinball: str
    #: Share in which the first person named did it.
    first: str
    #: Answers that wait for their outcome, and those that will never have one.
    waiting: str
    unscored: str
    verdict: str

    @property
    def is_empty(self) -> bool:
        """Whether no answer of the kind came out, waits or will never come out."""
        return not (self.n or self.waiting or self.unscored)

    @property
    def cells(self) -> tuple[str, ...]:
        """As in the table, with the sentence."""
        return (
            str(self.title), self.n, self.error, self.ranges, self.brier, self.pinball, self.first, self.waiting,
            self.unscored, self.verdict,
        )  # fmt: skip


def kind_answered(card: TypeScorecard) -> KindAnswered:
    """A scorecard as a row."""
    found, unit = card.overall, _UNITS.get(card.unit)
    ranges, told = (found.ranges, found.confidence) if found else (None, None)
    return KindAnswered(
        title=_TITLES[card.prediction_type],
        n=number(found.n) if found else "",
        error=f"{number(found.mean_absolute_error)} {unit}" if found and unit else "",
        ranges=f"{percent(ranges.coverage)} / {percent(ranges.nominal)}" if ranges else "",
        brier=f"{told.brier:.2f}" if told else "",
        pinball=f"{number(found.pinball)} {unit}" if found and found.pinball is not None else "",
        first=percent(found.hits.named_first) if found and found.hits else "",
        waiting=number(card.waiting) if card.waiting else "",
        unscored=number(sum(card.unscored.values(), card.about_no_issue))
        if card.unscored or card.about_no_issue
        else "",
        verdict=f"{card.verdict} {card.inputs_in_words}".strip(),
    )


def answers_table(rows: Sequence[KindAnswered]) -> Table:
    """All kinds, to be had as a file."""
    columns = (
        _("Answers"), _("Outcomes"), _("Mean error"), _("Range held / promised"), _("Brier score"), _("Pinball loss"),
        _("Right first"), _("Waiting"), _("Never scored"), _("In words"),
    )  # fmt: skip
    return Table(columns, tuple(row.cells for row in rows))
