"""What a file tells of its team, as one HTML page that needs nothing else; everything typed by somebody is escaped."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import Any

from apps.importers.report import ImportReport
from apps.importers.telling.own_report import Absent, OwnReport
from apps.ml.reports import forecast_replay_page
from apps.ml.reports.document import document, html_table
from apps.ml.reports.issue_replay_page import promises, table_rows
from apps.ml.services.evaluation.issue_replay_figures import Backtest
from apps.ml.services.models.kinds import kind_of


def page(found: OwnReport, *, made_at: datetime) -> str:
    """The page."""
    body = [
        *_opening(found, made_at),
        "<h2>What the data suffices for</h2>",
        html_table(_features(found.read)),
        "<h2>What your own estimates are worth</h2>",
        *_estimates(found),
        *_replays(found),
        "<h2>When the open work is done</h2>",
        *_forecast(found),
        "<h2>What is unusual</h2>",
        *(_items(found.anomalies) or ["<p>Nothing.</p>"]),
        "<h2>What was read, and what was not</h2>",
        *_reading(found.read),
    ]
    return document(f"{found.name}: what your issues tell", body)


def _opening(found: OwnReport, made_at: datetime) -> Iterator[str]:
    read = found.read
    yield _p(
        f"{read.new:,} issues, {read.sprints:,} sprints, {read.people_added:,} people. Made {made_at:%Y-%m-%d}; "
        "nothing was stored and nothing was sent anywhere."
    )
    if found.is_stale:
        yield _p(f"The file ends on {found.as_of:%Y-%m-%d}: everything is told as of that day.")


def _features(read: ImportReport) -> Iterator[Sequence[str]]:
    yield ("", "enough", "there are", "needed", "of")
    for feature in read.features:
        suffices = "yes" if feature.suffices else "not yet"
        yield feature.name, suffices, f"{feature.have:,}", f"{feature.needed:,}", feature.what


def _estimates(found: OwnReport) -> Iterator[str]:
    if isinstance(found.estimates, Absent):
        yield _p(found.estimates.reason)
        return
    yield from map(_p, found.estimates.in_words())


def _replays(found: OwnReport) -> Iterator[str]:
    for replayed in found.replays:
        yield from _replay(replayed)
    yield from map(_p, found.no_replay)


def _replay(found: Backtest) -> Iterator[str]:
    """Predictions and ranges of one kind, each asked as of the day its work began."""
    kind, replay = kind_of(found.kind), found.replay
    yield f"<h2>{escape(kind.title)} as Scrum ML would have told them</h2>"
    yield f'<p class="verdict">{escape(found.verdict)}</p>'
    yield _p(
        f"The newest {found.score.n:,} issues, begun from {replay.asked_at[0]:%Y-%m-%d} to "
        f"{replay.asked_at[-1]:%Y-%m-%d}, each asked about as of that day by a model of what was finished before its "
        f"month; the first knew {replay.n_known:,} issues."
    )
    yield html_table(table_rows(found))
    yield f'<div class="pair">{promises(found)}</div>'
    yield _p("Dots on the dashed line are honest; below it too much was promised. Whiskers are 95 % intervals.")
    yield from map(_p, replay.notes)


def _forecast(found: OwnReport) -> Iterator[str]:
    if isinstance(found.forecast, Absent):
        yield _p(found.forecast.reason)
    else:
        told: dict[str, Any] = found.forecast["when"]
        yield f'<p class="verdict">{escape(told["in_words"])}</p>'
        yield html_table(_finishes(told["percentiles"]))
    if not isinstance(found.soon, Absent):
        yield _p(found.soon["how_many"]["in_words"])
    if isinstance(found.promises, Absent):
        yield _p(f"How far such forecasts could be relied on: {found.promises.reason}")
        return
    yield _p(found.promises.verdict)
    yield html_table(forecast_replay_page.promise_rows(found.promises.overall))


def _finishes(percentiles: Sequence[dict[str, Any]]) -> Iterator[Sequence[str]]:
    yield ("in so many of 100 futures", "done by")
    for finish in percentiles:
        yield f"{finish['percent']}", str(finish["date"] or "not within ten years")


def _reading(read: ImportReport) -> Iterator[str]:
    yield from _items([*read.notes, *(f"{count:,} {remark}" for remark, count in sorted(read.remarks.items()))])
    if read.error_count:
        first = "; ".join(f"line {error.line:,}: {error.reason}" for error in read.errors[:5])
        yield _p(f"{read.error_count:,} rows could not be used: {first}.")
    if read.unread:
        yield _p(f"Columns that were not read: {', '.join(read.unread)}.")
    yield from _items([line.sentence() for line in read.ledger])
    for kind, told in (("statuses", "means"), ("types", "level")):
        rows = [(str(row["name"]), str(row[told]).replace("_", " "), f"{row['issues']:,}") for row in read.board[kind]]
        yield html_table([(kind, "taken for", "issues"), *rows])


def _items(lines: Sequence[str]) -> list[str]:
    return ["<ul>", *(f"<li>{escape(line)}</li>" for line in lines), "</ul>"] if lines else []


def _p(text: str) -> str:
    return f"<p>{escape(text)}</p>"
