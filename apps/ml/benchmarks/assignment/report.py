"""The table of every method, and what is asked of suggested people."""

from collections.abc import Mapping

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Figures, Value, at_least, at_most, figure, shown

_COLUMNS = ("top_1", "top_3", "top_5", "top_10", "mrr")
_ANSWER_MS, _FIT_SECONDS = at_most(5.0, 2.0), at_most(10.0, 5.0)


def _of_tasks(method: str, column: str) -> Value:
    return figure("methods", method, column)


def _of_reports(split: str, column: str) -> Value:
    return figure(split, "methods", "learned", column)


TASKS = (
    Criterion("probability, top 1", _of_tasks("probability", "top_1"), at_least(0.78, 0.84), at_least(0.88, 0.90)),
    Criterion("probability, top 3", _of_tasks("probability", "top_3"), at_least(0.92, 0.95), at_least(0.97, 0.97)),
    Criterion("probability, MRR", _of_tasks("probability", "mrr"), at_least(0.86, 0.90), at_least(0.93, 0.93)),
    Criterion("learned total, top 1", _of_tasks("learned", "top_1"), at_least(0.78, 0.83), at_least(0.88, 0.88)),
    Criterion("learned total, top 3", _of_tasks("learned", "top_3"), at_least(0.90, 0.94), at_least(0.97, 0.97)),
    Criterion("right where sure", figure("sure_right"), at_least(0.93, 0.96), at_least(0.93, 0.96)),
    Criterion("share that is sure", figure("sure_share"), at_least(0.55, 0.70), at_least(0.70, 0.70)),
    Criterion("one answer, 95th percentile, ms", figure("predict_ms_p95"), _ANSWER_MS, _ANSWER_MS),
    Criterion("slowest training, s", figure("fit_seconds"), _FIT_SECONDS, _FIT_SECONDS),
)
REPORTS = (
    Criterion("random split, top 1", _of_reports("random_split", "top_1"), at_least(0.45, 0.50)),
    Criterion("random split, top 5", _of_reports("random_split", "top_5"), at_least(0.74, 0.78)),
    Criterion("in time order, top 5", _of_reports("chronological", "top_5"), at_least(0.63, 0.70)),
    Criterion("in time order, MRR", _of_reports("chronological", "mrr"), at_least(0.43, 0.50)),
)


def methods(figures: Figures) -> list[str]:
    """Hit rates of every method, one line each; a block for each split."""
    if "methods" in figures:
        heading = f"{figures['n']} tasks, {figures['mean_candidates']:.1f} candidates on average"
        sure = figures["sure_right"]
        told = "never" if sure is None else f"{sure:.1%} right on {figures['sure_share']:.1%} of the tasks"
        last = f"sure (probability of 0.8 or more): {told}; calibration error {figures['ece']:.3f}"
        return [heading, *_block(figures["methods"]), last]
    splits = [name for name in ("random_split", "chronological") if name in figures]
    return [line for name in splits for line in (_heading(name, figures[name]), *_block(figures[name]["methods"]))]


def _heading(name: str, split: Figures) -> str:
    unseen = f"{split['unseen_share']:.0%} by people not seen before"
    return f"{name}: {split['n_test']} reports, {split['n_people']} people, {unseen}"


def _block(rates: Mapping[str, Figures]) -> list[str]:
    columns = [column for column in _COLUMNS if any(column in row for row in rates.values())]
    ordered = sorted(rates.items(), key=lambda pair: -pair[1]["mrr"])
    return table(("", *columns), [(name, *(shown(row[column]) for column in columns)) for name, row in ordered])
