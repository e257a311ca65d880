"""Model age, live error and coverage by project, asked of the database when Prometheus asks us.

The busiest projects have series of their own, the others share one, so that ten thousand projects do not make ten
thousand series. A global model's project is `(global)`; keys of projects have no parentheses.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.common.operations.metrics import LIVE_GAUGES
from apps.ml.selectors.monitoring import LiveAccuracy, ServingModel, live_accuracy, serving_models

WINDOW = timedelta(days=30)
#: Projects with series of their own; at two types and five figures each some 500 series.
MOST_PROJECTS = 50
#: The figures change with outcomes, of which there are a few a day; Prometheus asks every 15 s, each process by turns.
KEEP_SECONDS = 60.0
OTHERS, GLOBAL = "(others)", "(global)"


def read() -> list[Metric]:
    return read_at(timezone.now())


def read_at(now: datetime) -> list[Metric]:
    return gauges(serving_models(), live_accuracy(since=now - WINDOW), now=now)


def gauges(models: Sequence[ServingModel], accuracy: Sequence[LiveAccuracy], *, now: datetime) -> list[Metric]:
    """The metrics of these rows; `accuracy` comes with the busiest projects first."""
    own = set(list(dict.fromkeys(row.project for row in accuracy))[:MOST_PROJECTS])
    rows = _grouped(accuracy, own)
    return [
        _gauge("scrum_ml_active_models", _counts(models)),
        _gauge("scrum_ml_model_age_seconds", _ages(models, _own_models(models, own), now)),
        _gauge("scrum_ml_live_outcomes", {key: float(sum(row.n for row in group)) for key, group in rows.items()}),
        _gauge("scrum_ml_live_mae", _means(rows, "mean_absolute_error", "n")),
        _gauge("scrum_ml_live_rmse", _roots(_means(rows, "mean_squared_error", "n"))),
        _gauge("scrum_ml_live_coverage_ratio", _means(rows, "coverage", "n_ranged")),
        _gauge("scrum_ml_live_nominal_coverage_ratio", _means(rows, "nominal_coverage", "n_ranged")),
    ]


def _own_models(models: Sequence[ServingModel], own: set[str]) -> set[str]:
    """Projects whose model's age is shown by itself: the busy ones, and others while there is room."""
    quiet = sorted({model.project for model in models if model.project} - own)
    return own | set(quiet[: max(MOST_PROJECTS - len(own), 0)])


def _counts(models: Sequence[ServingModel]) -> dict[tuple[str, ...], float]:
    counts: dict[tuple[str, ...], float] = defaultdict(float)
    for model in models:
        counts[(model.model_type,)] += 1
    return counts


def _ages(models: Sequence[ServingModel], own: set[str], now: datetime) -> dict[tuple[str, ...], float]:
    """The age of the oldest model of each series, since an alert asks for that one."""
    ages: dict[tuple[str, ...], float] = defaultdict(float)
    for model in models:
        project = (model.project if model.project in own else OTHERS) if model.project else GLOBAL
        key = (model.model_type, project)
        ages[key] = max(ages[key], (now - model.trained_at).total_seconds())
    return ages


def _grouped(accuracy: Sequence[LiveAccuracy], own: set[str]) -> dict[tuple[str, ...], list[LiveAccuracy]]:
    groups: dict[tuple[str, ...], list[LiveAccuracy]] = defaultdict(list)
    for row in accuracy:
        groups[(row.prediction_type, row.project if row.project in own else OTHERS)].append(row)
    return groups


def _means(groups: dict[tuple[str, ...], list[LiveAccuracy]], figure: str, weight: str) -> dict[tuple[str, ...], float]:
    """Weighted by outcomes, so that the series of the others is what one query over all of them would say."""
    means = {}
    for key, rows in groups.items():
        total = sum(getattr(row, weight) for row in rows)
        if total:
            means[key] = sum(getattr(row, figure) * getattr(row, weight) for row in rows) / total
    return means


def _roots(means: dict[tuple[str, ...], float]) -> dict[tuple[str, ...], float]:
    return {key: math.sqrt(value) for key, value in means.items()}


def _gauge(name: str, values: dict[tuple[str, ...], float]) -> Metric:
    text, labels = LIVE_GAUGES[name]
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
