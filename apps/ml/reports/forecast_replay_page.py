"""A replay of forecasts as tables and as one HTML page that needs nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape

from apps.common.charts.shares import Row, calibration, strip
from apps.ml.core.evaluation.reliability import Share
from apps.ml.core.evaluation.words import skill_in_short
from apps.ml.core.forecasts.replay import HORIZONS_WEEKS, NAIVE, RANGE, SERVED, TEXTBOOK
from apps.ml.core.forecasts.score import BLOCK_WEEKS, JUDGED_PERCENT, MethodScore, ReplayScore
from apps.ml.core.forecasts.simulation import PERCENTILES
from apps.ml.reports.document import document, html_table
from apps.ml.services.evaluation.forecast_replay import ForecastBacktest

Rows = Iterator[Sequence[str]]


def page(found: ForecastBacktest, *, made_at: datetime) -> str:
    """The page; everything in it that a person typed is escaped."""
    body = [
        f'<p class="verdict">{escape(found.verdict)}</p>',
        *(f"<p>{escape(line)}</p>" for line in explanation(found)),
        f"<p>Made {made_at:%Y-%m-%d}.</p>",
        "<h2>Did the promises hold?</h2>",
        "<p>Dots on the dashed line are honest; below it too much was promised. Whiskers are 95 % intervals.</p>",
        f'<div class="pair">{_calibration(found, SERVED)}{_calibration(found, TEXTBOOK)}</div>',
        "<h2>Beside simple methods</h2>",
        html_table(promise_rows(found.overall)),
        html_table(range_rows(found.overall)),
        "<h2>With little to go on</h2>",
        html_table(score_rows("served", found.conditions)),
        *_projects(found),
    ]
    return document(f"Forecasts of {found.plan.name}, replayed", body)


def explanation(found: ForecastBacktest) -> Iterator[str]:
    """What was asked, and what the words of the tables mean."""
    yield (
        "Asked in each past week, with the weeks before alone: when four weeks of work, at the pace of the last "
        f"twelve, will be done, and how many {found.plan.unit} in two, four and eight weeks. P85 is the week by which "
        f"it is done in 85 of 100 futures. {found.overall.asked:,} forecasts of {found.plan.n_runs:,} futures each."
    )
    yield (
        "A promise counts once the week it names is over, whatever came of it. Losses and errors, in weeks, are of "
        "work that has been done since. Average velocity divides the work by the mean weekly output of the last six "
        "weeks, three sprints of two."
    )
    yield (
        f"Forecasts of neighbouring weeks are right or wrong together: intervals count {BLOCK_WEEKS} weeks of a team "
        "as one."
    )
    if found.left_out:
        yield f"Nothing has come due of {', '.join(found.left_out)}."


def promise_rows(score: ReplayScore) -> Rows:
    """Header and one row a method: promises due and kept, loss, error."""
    yield ("done by", "due", *(f"P{percent}" for percent in PERCENTILES), f"loss at P{JUDGED_PERCENT}", "P50 off by")
    for name, method in score.methods.items():
        kept = map(_percent, method.kept)
        yield name, _count(_judged(method)), *kept, _weeks(method.loss), _weeks(method.error)


def range_rows(score: ReplayScore) -> Rows:
    """Header and one row a method that has ranges: how many of them held what was finished."""
    level = f"{100 * (RANGE[1] - RANGE[0]):.0f} % range holds"
    yield (level, *(f"in {horizon} weeks" for horizon in HORIZONS_WEEKS))
    for name, method in score.methods.items():
        if any(method.held):
            yield name, *map(_percent, method.held)


def score_rows(label: str, scores: Mapping[str, ReplayScore]) -> Rows:
    """Header and one row a team or condition: the judged promise with its interval, and what it is worth."""
    yield (label, "due", f"P{JUDGED_PERCENT} kept", "interval", "loss", "beside average velocity")
    for name, score in scores.items():
        share, skill = score.judged, score.loss_against[NAIVE]
        yield (
            name,
            _count(share),
            _percent(share),
            "-" if share is None else f"{100 * share.low:.0f} to {100 * share.high:.0f} %",
            _weeks(score.methods[SERVED].loss),
            "-" if skill is None else skill_in_short(skill),
        )


def _calibration(found: ForecastBacktest, name: str) -> str:
    shares = [share for share in found.overall.methods[name].kept if share]
    drawn = calibration(shares, label=f"Promises kept: {name}", promise="promised share done in time")
    return f"<section><h3>{escape(name)}</h3>{drawn.figure}</section>"


def _projects(found: ForecastBacktest) -> Iterator[str]:
    """Nothing where there is one only."""
    rows = [(name, score.judged) for name, score in found.teams.items()]
    if len(rows) < 2:
        return
    yield "<h2>Project by project</h2>"
    title = f"Promises of {JUDGED_PERCENT} % kept, by project"
    yield strip([Row(name, share) for name, share in rows if share], label=title).figure
    yield html_table(score_rows("project", found.teams))


def _judged(method: MethodScore) -> Share | None:
    return method.kept[PERCENTILES.index(JUDGED_PERCENT)]


def _count(share: Share | None) -> str:
    return "0" if share is None else f"{share.n:,}"


def _percent(share: Share | None) -> str:
    return "-" if share is None else f"{100 * share.observed:.1f} %"


def _weeks(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
