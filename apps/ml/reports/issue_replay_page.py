"""A replay as one HTML page that needs nothing else: verdict, table, and three charts."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from apps.common.charts.series import Line, lines_over_time
from apps.common.charts.shares import calibration
from apps.ml.core.evaluation.words import skill_in_short
from apps.ml.reports.document import document, html_table
from apps.ml.services.evaluation.issue_replay_figures import Backtest, Rival, Stretch
from apps.ml.services.models.kinds import kind_of, truth_of


def page(found: Backtest, *, made_at: datetime) -> str:
    """The page; everything in it that a person typed is escaped."""
    title = f"{kind_of(found.kind).title} of {found.project}, replayed"
    replay = found.replay
    body = (
        f'<p class="verdict">{escape(found.verdict)}</p>',
        f"<p>{found.score.n:,} issues whose work began between {replay.asked_at[0]:%Y-%m-%d} and "
        f"{replay.asked_at[-1]:%Y-%m-%d} were asked about as of then: {replay.n_models:,} models, one a month, each "
        f"made of what was finished before it, the first of {replay.n_known:,} issues. Made {made_at:%Y-%m-%d}.</p>",
        *(f"<p>{escape(note)}</p>" for note in replay.notes),
        "<h2>Beside simple methods</h2>",
        html_table(table_rows(found)),
        "<h2>Did confidence and ranges hold what they promised?</h2>",
        "<p>Dots on the dashed line are honest; below it too much was promised. Whiskers are 95 % intervals.</p>",
        f'<div class="pair">{promises(found)}</div>',
        "<h2>Errors over time</h2>",
        _errors_over_time(found),
    )
    return document(title, body)


def promises(found: Backtest) -> str:
    """Confidences and ranges, each beside what came true."""
    promise = f"stated confidence: {truth_of(found.kind).promise}"
    confidence = calibration(found.calibration, label="Confidence against what happened", promise=promise)
    inside = "promised share inside the range"
    ranges = calibration(found.ranges, label="Coverage of ranges by their level", promise=inside)
    return f"<section>{confidence.figure}</section><section>{ranges.figure}</section>"


def table_rows(found: Backtest) -> Iterator[Sequence[str]]:
    """Header, predictions, simple methods: name, outcomes, errors, and how much better the predictions are."""
    yield ("", "n", f"mean error, {found.unit}", "typical factor", "predictions are")
    yield _row("predictions", found.score.n, found.score.mean_absolute_error, found.score.mean_absolute_log_ratio, "")
    for rival in found.rivals:
        yield _rival_row(rival)


def _rival_row(rival: Rival) -> Sequence[str]:
    skill = "-" if rival.skill is None else skill_in_short(rival.skill)
    return _row(rival.name, rival.n, rival.mean_absolute_error, rival.mean_absolute_log_ratio, skill)


def _row(name: str, n: int, error: float, log_ratio: float | None, skill: str) -> Sequence[str]:
    factor = "-" if log_ratio is None else f"{math.exp(log_ratio):.2f}"
    return name, f"{n:,}", f"{error:.2f}", factor, skill


def _errors_over_time(found: Backtest) -> str:
    by_ratio = truth_of(found.kind).by_ratio
    what = "typically off by a factor of" if by_ratio else f"mean error, {found.unit}"
    stretches = found.over_time
    lines = [
        _line("predictions", stretches, [each.served for each in stretches], by_ratio),
        _line("median", stretches, [each.median for each in stretches], by_ratio),
        _line("team's estimate", stretches, [each.team for each in stretches], by_ratio),
    ]
    drawn = [line for line in lines if line.points]
    return f"<p>{what}</p>{lines_over_time(drawn, label=f'Errors over time: {what}').figure}"


def _line(name: str, stretches: Sequence[Stretch], values: Sequence[float | None], by_ratio: bool) -> Line:
    known = [(each.asked_at.date(), value) for each, value in zip(stretches, values, strict=True) if value is not None]
    return Line(name, [(day, math.exp(value) if by_ratio else value) for day, value in known])
