"""Whether the predictions are right: promised and kept, in a replay of the past and in what was answered."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import Picture, Table
from apps.common.charts.series import Line, lines_over_time
from apps.common.charts.shares import calibration
from apps.dashboard.pages.answered import KindAnswered, answers_table, kind_answered
from apps.dashboard.types import Project, Replay
from apps.ml.core.evaluation.reliability import Share
from apps.ml.selectors.replays import DataGaps, data_gaps, kept_replays
from apps.ml.selectors.workers import LONG, missing_workers
from apps.ml.services.evaluation.kept_replays import is_under_way
from apps.ml.services.evaluation.scorecard import project_scorecard

#: Of the dates that are promised, the share that is promised when nothing else is said.
PROMISED_PERCENT = "85"
#: What fewer of the finished issues have is worth a hint.
_HINT_BELOW = {"with_hours": 0.8, "with_points": 0.8, "with_estimate": 0.5, "with_description": 0.5, "with_start": 0.9}
#: Fewer finished issues than this say nothing of how a team records its work.
_HINTS_FROM = 20
_TITLES: Mapping[str, str | Promise] = {
    "effort_prediction": gettext_lazy("Hours"),
    "story_points": gettext_lazy("Story points"),
}
_TEAM = "the team's own estimate"
#: Simple methods by the names of the replay.
_METHODS: Mapping[str, str | Promise] = {
    "median": gettext_lazy("the team's median"),
    "median of the last 50": gettext_lazy("median of the last 50"),
    "median of last 50": gettext_lazy("median of the last 50"),
    "median of last 200": gettext_lazy("median of the last 200"),
    "recent shares": gettext_lazy("shares of recent points"),
    "jaccard": gettext_lazy("similar issues"),
    "boosted trees": gettext_lazy("boosted trees on word counts"),
    "average of the issue type": gettext_lazy("average of the type"),
    "most similar issues (Jaccard)": gettext_lazy("similar issues"),
    "boosted trees on word counts": gettext_lazy("boosted trees on word counts"),
    _TEAM: gettext_lazy("your own estimates"),
}


@dataclass(frozen=True, slots=True)
class Beside:
    """One method's row in the table of errors; the first row is the predictions' own."""

    name: str | Promise
    n: str
    error: str
    factor: str
    #: How the predictions are beside it, and the colour of the word.
    verdict: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class KindOfTrust:
    """Hours or points, replayed."""

    #: In names of files.
    name: str
    title: str | Promise
    unit: str
    made_at: datetime
    n: str
    verdict: str
    inside: str
    rows: Sequence[Beside]
    #: The team's median and its own estimates, where the predictions differ from them beyond chance.
    told_apart: Sequence[Beside]
    confidence: Picture | None
    ranges: Picture | None
    errors: Picture | None

    @property
    def files(self) -> dict[str, Picture | Table]:
        """The table and the pictures, by the names of their files."""
        columns = (_("Method"), _("Outcomes"), _("Mean error"), _("Typical factor"), _("Predictions are"))
        cells = tuple((str(row.name), row.n, row.error, row.factor, row.verdict) for row in self.rows)
        found: dict[str, Picture | Table | None] = {
            "methods": Table(columns, cells),
            "confidence": self.confidence,
            "ranges": self.ranges,
            "errors": self.errors,
        }
        return {f"{self.name}-{name}": each for name, each in found.items() if each is not None}


@dataclass(frozen=True, slots=True)
class DatesOfTrust:
    """Promised dates, replayed."""

    made_at: datetime
    verdict: str
    promised: str
    kept: str
    due: str
    word: str
    tone: str
    picture: Picture


@dataclass(frozen=True, slots=True)
class ReplayProgress:
    """A replay that was asked for: how far it is, in words; `is_over` when there is nothing to wait for."""

    is_over: bool
    told: str
    #: By kind, why the latest came to nothing.
    failures: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Trust:
    """What the page shows."""

    kinds: Sequence[KindOfTrust]
    dates: DatesOfTrust | None
    #: Each type of prediction and how its answers of the last days came out, in words.
    answered: Sequence[KindAnswered]
    answered_days: int
    gaps: DataGaps
    hints: Sequence[str]
    progress: ReplayProgress

    @property
    def answered_so_far(self) -> Sequence[KindAnswered]:
        """Without the types that nobody asked for."""
        return [kind for kind in self.answered if not kind.is_empty]

    @property
    def files(self) -> dict[str, Picture | Table]:
        """Every table and picture, by the names of their files."""
        found = {name: each for kind in self.kinds for name, each in kind.files.items()}
        found["answers"] = answers_table(self.answered)
        return found | ({"dates": self.dates.picture} if self.dates else {})


def trust_of(project: Project, *, now: datetime) -> Trust:
    """Everything that tells whether to believe the predictions, in a handful of queries."""
    kept = kept_replays(project.id)
    shown = {kind: replay for kind, replay in kept.items() if replay.figures}
    gaps = data_gaps(project.id, now=now)
    dates = shown.pop("forecasts", None)
    answered = project_scorecard(project.id, now=now)
    return Trust(
        [_kind(replay) for _kind_name, replay in sorted(shown.items())],
        _dates(dates) if dates else None,
        [kind_answered(card) for card in answered.types],
        answered.days,
        gaps,
        list(_hints(gaps)),
        progress_of(kept, now=now),
    )


def progress_of(kept: Mapping[str, Replay], *, now: datetime) -> ReplayProgress:
    """How far the latest replay is."""
    failures = [each.failure_reason for each in kept.values() if each.failure_reason]
    waiting = [each for each in kept.values() if is_under_way(each, now=now)]
    if not waiting:
        return ReplayProgress(True, "", failures)
    begun = [each for each in waiting if each.begun_at and each.begun_at >= each.asked_at]
    if begun:
        share = sum(each.progress_percent for each in kept.values()) / (100 * len(kept))
        return ReplayProgress(False, _("Replaying the past: %(share)s") % {"share": percent(share)}, failures)
    return ReplayProgress(False, told_queued(now), failures)


def told_queued(now: datetime) -> str:
    """What waits, and whether anybody is there to do it."""
    return _("queued, no worker has been seen") if missing_workers(now, [LONG]) else _("queued")


def _kind(replay: Replay) -> KindOfTrust:
    found = replay.figures
    unit, served = found["unit"], found["served"]
    own = Beside(_("predictions"), number(found["n"]), _amount(served["mae"], unit), _factor(served["malr"]))
    # A single level says no more than the sentence.
    ranges = found["ranges"] if len(found["ranges"]) > 1 else []
    # The team's own estimates first: what a team wants to know.
    named = sorted(found["baselines"].items(), key=lambda item: item[0] != _TEAM)
    others = [_beside(name, rival, unit) for name, rival in named]
    return KindOfTrust(
        name=replay.kind.replace("_", "-"),
        title=_TITLES[replay.kind],
        unit=unit,
        made_at=_moment(replay),
        n=number(found["n"]),
        verdict=found["verdict"],
        inside=percent(served["coverage"]) if served["coverage"] is not None else "",
        rows=[own, *others],
        told_apart=[each for each in others if each.name in (_METHODS["median"], _METHODS[_TEAM]) and each.tone],
        confidence=_shares(found["calibration"], _("Confidence that was stated, and what came true"), _("stated")),
        ranges=_shares(ranges, _("Shares that ranges promised to hold, and what they held"), _("promised")),
        errors=_over_time(found["over_time"], unit),
    )


def _moment(replay: Replay) -> datetime:
    """Of figures, which only a replay that was made has."""
    return replay.made_at or replay.asked_at


def _beside(name: str, rival: Mapping[str, Any], unit: str) -> Beside:
    verdict, tone = told_skill(rival["skill"])
    known = _METHODS.get(name, name)
    return Beside(known, number(rival["n"]), _amount(rival["mae"], unit), _factor(rival["malr"]), verdict, tone)


def told_skill(skill: Mapping[str, Any] | None) -> tuple[str, str]:
    """How predictions are beside another method, and the colour of the word; a difference only beyond chance."""
    if skill is None or skill["low"] is None or skill["high"] is None:
        return _("too few to tell"), ""
    if skill["low"] <= 0 <= skill["high"]:
        return _("no clear difference"), ""
    share = {"share": percent(abs(skill["value"]))}
    return (_("%(share)s better") % share, "good") if skill["value"] > 0 else (_("%(share)s worse") % share, "bad")


def _amount(value: float, unit: str) -> str:
    return f"{number(value)} {unit}"


def _factor(log_ratio: float | None) -> str:
    """The typical error as a factor."""
    return "–" if log_ratio is None else f"{number(math.exp(log_ratio))}×"


def _shares(found: Sequence[Mapping[str, Any]], label: str, promise: str) -> Picture | None:
    return calibration([Share(**each) for each in found], label=label, promise=promise) if found else None


def _over_time(stretches: Sequence[Mapping[str, Any]], unit: str) -> Picture | None:
    """Errors along time: of hours as factors, of points in points."""
    if not stretches:
        return None
    by_ratio = unit == "h"
    names = {"served": _("predictions"), "median": _("team's median"), "team": _("your estimates")}
    lines = [Line(name, _points(stretches, key, by_ratio=by_ratio)) for key, name in names.items()]
    label = _("Typical error over time, as a factor") if by_ratio else _("Mean error over time, in points")
    return lines_over_time([line for line in lines if line.points], label=label)


def _points(stretches: Sequence[Mapping[str, Any]], key: str, *, by_ratio: bool) -> list[tuple[Any, float]]:
    return [
        (datetime.fromisoformat(each["asked_at"]).date(), math.exp(each[key]) if by_ratio else each[key])
        for each in stretches
        if each[key] is not None
    ]


def _dates(replay: Replay) -> DatesOfTrust:
    kept = replay.figures["overall"]["methods"]["served"]["kept"]
    shares = [Share(**each) for each in kept.values() if each]
    judged = Share(**kept[PROMISED_PERCENT])
    word, tone = told_promise(judged)
    return DatesOfTrust(
        made_at=_moment(replay),
        verdict=replay.figures["verdict"],
        promised=percent(judged.promised),
        kept=number(round(judged.observed * judged.n)),
        due=number(judged.n),
        word=word,
        tone=tone,
        picture=calibration(shares, label=_("Dates that were promised, and how many were kept"), promise=_("promised")),
    )


def told_promise(share: Share) -> tuple[str, str]:
    """Whether a share is what was promised, and the colour of the word; a difference only beyond its interval."""
    if share.high < share.promised:
        return _("fewer than promised"), "bad"
    if share.low > share.promised:
        return _("more than promised"), "warn"
    return _("as promised"), "good"


def _hints(gaps: DataGaps) -> Iterator[str]:
    """What the team could record so that predictions become better, with how much of it there is."""
    if gaps.finished < _HINTS_FROM:
        return
    texts = {
        "with_hours": _(
            "Hours are known of %(share)s of the issues finished in a year. Only from those hours are learned."
        ),
        "with_points": _(
            "Points are known of %(share)s of the issues finished in a year. Only from those points are learned."
        ),
        "with_estimate": _(
            "%(share)s had an estimate in hours before the work began. It is the strongest single sign."
        ),
        "with_description": _("%(share)s have a description. Its words tell sizes that titles do not."),
        "with_start": _("Of %(share)s it is known when the work began. Cycle times and replays rest on it."),
    }
    for name, text in texts.items():
        share = getattr(gaps, name) / gaps.finished
        if share < _HINT_BELOW[name]:
            yield text % {"share": percent(share)}
