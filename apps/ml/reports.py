"""Figures of trainings and models as text for a terminal and as plain data for a script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from apps.ml.models import MLModel
from apps.ml.services.model_trainer import Training

#: Metrics shown after a training: name in the row, its baseline's name, what to call it.
_SHOWN = (
    ("mae", "baseline_mae", "mean absolute error"),
    ("malr", "baseline_malr", "mean absolute log ratio"),
    ("rps", "baseline_rps", "ranked probability score"),
    ("log_loss", "baseline_log_loss", "log loss"),
    ("rmse", "baseline_rmse", "root mean squared error"),
    ("r2", "baseline_r2", "R²"),
    ("coverage", "baseline_coverage", "range holds"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """The same facts twice."""

    text: str
    figures: dict[str, Any]


def training_report(training: Training, scope: str) -> Report:
    """What a training gave, beside the naive baseline's figures."""
    model = training.model
    figures = model_figures(model) | {"scope": scope, "verdict": training.verdict.reason}
    lines = [
        f"{model.model_type} {model.version} for {scope}: {model.training_samples:,} completed issues.",
        _measured_on(model.metrics),
        "",
        *table(("", "model", "naive baseline", "team's estimate"), _metric_rows(model.metrics)),
        "",
        _baseline_sentence(model),
        f"{'Active' if model.is_active else 'Not activated'}: {training.verdict.reason}",
    ]
    return Report("\n".join(lines), figures)


def model_figures(model: MLModel) -> dict[str, Any]:
    """One model's row for a script."""
    return {
        "id": str(model.id),
        "model_type": model.model_type,
        "project": model.project.key if model.project else None,
        "version": model.version,
        "status": model.status,
        "is_active": model.is_active,
        "training_samples": model.training_samples,
        "trained_at": model.trained_at.isoformat(),
        "s3_key": model.s3_key,
        "failure_reason": model.failure_reason,
        "metrics": model.metrics,
    }


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns: the first to the left, the others to the right."""
    cells = [list(header), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _metric_rows(metrics: dict[str, Any]) -> Iterable[Sequence[str]]:
    for name, baseline, label in _SHOWN:
        if metrics.get(name) is not None:
            yield label, _number(metrics[name]), _number(metrics.get(baseline)), _number(metrics.get(f"human_{name}"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _measured_on(metrics: dict[str, Any]) -> str:
    if metrics.get("n_test"):
        trained, tested = metrics["n_train"], metrics["n_test"]
        return f"Measured on the newest {tested:,}, with a model that knew only the {trained:,} before them:"
    return f"Measured on the newest {int(metrics['scored_issues']):,}, each by a model that knew only older ones:"


def _baseline_sentence(model: MLModel) -> str:
    if model.metrics.get("beats_baseline"):
        return "It beats the naive baseline on issues it had not seen."
    return "Nothing beats the naive baseline here yet: the model answers with the baseline and says so."
