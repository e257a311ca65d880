"""Figures of trainings and models as text for a terminal and as plain data for a script."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from apps.common.console import table
from apps.ml.core.intervals import is_missed
from apps.ml.models import MLModel
from apps.ml.services.model_trainer import Training
from apps.ml.services.models.kinds import ModelKind, kind_of

#: Metrics shown after a training, and what to call them.
_SHOWN = (
    ("mae", "mean absolute error"),
    ("rmse", "root mean squared error"),
    ("malr", "mean absolute log ratio"),
    ("rps", "ranked probability score"),
    ("log_loss", "log loss"),
    ("r2", "R²"),
    ("crps", "continuous ranked probability score"),
    ("brier", "Brier score of the chance to deliver"),
    ("coverage", "range holds (promised {level:.3f})"),
    ("top_1", "right person first"),
    ("top_3", "right person among three"),
)
#: Smaller differences of errors are rounding: the answers are the same.
_NOTHING = 1e-9


@dataclass(frozen=True, slots=True)
class Report:
    """The same facts twice."""

    text: str
    figures: dict[str, Any]


def training_report(training: Training, scope: str) -> Report:
    """What a training gave, beside the naive baseline's figures."""
    model = training.model
    figures = model_figures(model) | {"scope": scope, "verdict": training.verdict.reason}
    header, *rows = _metric_rows(model.metrics)
    lines = [
        f"{model.model_type} {model.version} for {scope}: {_learned_from(model)}." + "".join(_broken_ranges(model)),
        *_measured_on(model.metrics),
        "",
        *table(header, rows),
        "",
        _baseline_sentence(model),
        *_team_sentence(model.metrics),
        f"{'Active' if model.is_active else 'Not activated'}: {training.verdict.reason}",
    ]
    return Report("\n".join(lines), figures)


def _learned_from(model: MLModel) -> str:
    return f"{model.training_samples:,} completed {kind_of(model.model_type).lessons}"


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


def _broken_ranges(model: MLModel) -> Iterator[str]:
    """Of ranges of hours that held less than they promise, by more than chance."""
    kind, level = kind_of(model.model_type), settings.ML_INTERVAL_LEVEL
    if kind.truth is None or not kind.truth.by_ratio:
        return
    for metrics, which in ((model.metrics, ""), (model.metrics.get("with_estimate"), " with the team's estimate")):
        if not metrics:
            continue
        # Trainings that do not say how many looked at all of the test part.
        n_ranges = metrics.get("n_ranges", metrics["n_test"])
        if is_missed(level, metrics["coverage"], n_ranges):
            held = f"held {metrics['coverage']:.0%} of {n_ranges:,} issues"
            yield f" The {level:.0%} range{which} {held}: what is served is wider for it."


def _metric_rows(metrics: dict[str, Any]) -> Iterator[Sequence[str]]:
    """Header and figures; the team's own are of the issues that the model answered with their estimate."""
    informed = metrics.get("with_estimate")
    columns = {"model": (metrics, "{}")}
    if informed:
        columns["with the team's estimate"] = (informed, "{}")
    columns["naive baseline"] = (metrics, "baseline_{}")
    if (informed or metrics).get("human_mae") is not None:
        columns["team's estimate"] = (informed or metrics, "human_{}")
    yield ("", *columns)
    for name, label in _SHOWN:
        if metrics.get(name) is not None:
            values = [_number(source.get(pattern.format(name))) for source, pattern in columns.values()]
            yield (label.format(level=settings.ML_INTERVAL_LEVEL), *values)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _measured_on(metrics: dict[str, Any]) -> Iterator[str]:
    if not metrics.get("n_test"):
        scored = int(metrics["scored_issues"])
        yield f"Measured on the newest {scored:,}, each by a model that knew only older ones:"
        return
    trained, tested = metrics["n_train"], metrics["n_test"]
    yield f"Measured on the newest {tested:,}, with a model that knew only the {trained:,} before them:"
    informed = metrics.get("with_estimate")
    if informed and informed["n_test"] != tested:
        yield f"(with the team's estimate, and their own: the {informed['n_test']:,} that were estimated)"


def _baseline_sentence(model: MLModel) -> str:
    kind = kind_of(model.model_type)
    if kind.truth is not None and kind.truth.by_ratio:
        return _sentence_of_ratios(model.metrics, kind)
    return kind.beats if model.metrics.get("beats_baseline") else kind.does_not_beat


def _sentence_of_ratios(metrics: dict[str, Any], kind: ModelKind) -> str:
    """The decision rests on every issue answered unseen, the table on the newest of them: where they differ, both."""
    beats, newest = metrics["beats_baseline"], _nearer(metrics, "baseline", "the model", "the baseline")
    if newest == "the model was better" and beats:
        return "It beats the naive baseline on issues it had not seen, the newest among them."
    if newest == "the baseline was better" and not beats:
        return kind.does_not_beat
    overall = (
        "the model was, so it answers"
        if beats
        else "its gain is too small to tell from chance: it answers with the baseline and says so"
    )
    return f"On the newest {metrics['n_test']:,} {newest}; over all issues it had not seen {overall}."


def _team_sentence(metrics: dict[str, Any]) -> Iterator[str]:
    """Whether the model adds anything to the team's own estimate."""
    informed = metrics.get("with_estimate")
    if informed and informed.get("human_mae") is not None:
        said = _nearer(informed, "human", "the model with the team's estimate", "the team's estimate alone")
        yield f"Of the {informed['n_test']:,} that the team had estimated, {said}."


def _nearer(metrics: dict[str, Any], rival: str, own_name: str, rival_name: str) -> str:
    """Who was better, by ratios and by hours."""
    gains = [metrics[f"{rival}_{name}"] - metrics[name] for name in ("malr", "mae")]
    if all(abs(gain) < _NOTHING for gain in gains):
        return f"{own_name} was as good as {rival_name}"
    in_ratios, in_hours = (own_name if gain > 0 else rival_name for gain in gains)
    if in_ratios == in_hours:
        return f"{in_ratios} was better"
    return f"{in_ratios} was better by ratios, {in_hours} was better by hours"
