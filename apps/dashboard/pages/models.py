"""The models of a project: what serves, how well it was measured, what was tried, and what is being trained."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.common.charts.numbers import number, percent
from apps.dashboard.pages.trust import told_queued
from apps.dashboard.types import MLModel, Project, TrainingRun, User
from apps.ml.selectors.registry import newest_models, runs_visible_to
from apps.ml.services.models.kinds import KINDS
from apps.projects.history.moments import lies_ahead

#: Versions of each kind that are listed, the newest; the API has them all.
MOST_VERSIONS = 8
#: Of trainings, the latest: the open ones, and why the last one of a kind failed.
_MOST_RUNS = 20
#: A worker that trains shows every few seconds that it lives.
_ALIVE_WITHIN = timedelta(minutes=2)
_TITLES: Mapping[str, str | Promise] = {
    "effort_prediction": gettext_lazy("Hours"),
    "story_points": gettext_lazy("Story points"),
    "task_assignment": gettext_lazy("Who does what"),
    "sprint_duration": gettext_lazy("Sprints"),
}
_LESSONS: Mapping[str, str | Promise] = {"issues": gettext_lazy("Issues"), "sprints": gettext_lazy("Sprints")}
#: What was measured, by its name in the registry, what it is called, and how it is written.
_METRICS: tuple[tuple[str, str | Promise, str], ...] = (
    ("mae", gettext_lazy("mean error"), "amount"),
    # The same in every language.
    ("rmse", "RMSE", "amount"),
    ("malr", gettext_lazy("typical factor"), "factor"),
    ("rps", gettext_lazy("error of the probabilities (RPS)"), "amount"),
    # Its per cent is a sign and no place for a value, xgettext:no-python-format
    ("coverage", gettext_lazy("80 % range held"), "share"),
    ("crps", gettext_lazy("error of the distribution (CRPS)"), "amount"),
    ("brier", gettext_lazy("error of the chance to deliver (Brier)"), "amount"),
    ("top_1", gettext_lazy("right person first"), "share"),
    ("top_3", gettext_lazy("right person among three"), "share"),
)
STATUSES: Mapping[str, tuple[str | Promise, str]] = {
    "active": (pgettext_lazy("status of a model", "serves"), "good"),
    "trained": (pgettext_lazy("status of a model", "trained"), "plain"),
    "deprecated": (pgettext_lazy("status of a model", "served before"), "plain"),
    "failed": (pgettext_lazy("status of a model", "failed"), "bad"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure of a model beside the naive baseline's and the team's own."""

    name: str | Promise
    model: str
    #: Of the model that knows the team's estimate, and of the estimate alone, on the issues that had one.
    informed: str
    baseline: str
    team: str


@dataclass(frozen=True, slots=True)
class Version:
    """One training, as the list shows it."""

    model: MLModel
    status: str | Promise
    tone: str
    error: str
    verdict: str
    #: Whether it could serve in place of the one that does.
    may_serve: bool


@dataclass(frozen=True, slots=True)
class Duel:
    """The newest model against the one that served, on the same newer issues."""

    challenger: str
    champion: str
    n: str
    rows: Sequence[tuple[str | Promise, str]]


@dataclass(frozen=True, slots=True)
class OpenTraining:
    """A training that waits or runs."""

    title: str | Promise
    step: int
    steps: int
    told: str


@dataclass(frozen=True, slots=True)
class KindOfModel:
    """Everything about the models of one type."""

    model_type: str
    title: str | Promise
    learns_from: str
    #: What it is counted in.
    lessons: str | Promise
    #: None while none serves; of all projects together where the project has none of its own.
    active: MLModel | None
    is_global: bool
    measured: Sequence[Measured]
    beats: str
    duel: Duel | None
    versions: Sequence[Version]
    can_roll_back: bool
    is_training: bool
    failure: str

    @property
    def n_estimated(self) -> int:
        """Of the issues it was measured on, those that the team had estimated: there it answers with the estimate."""
        informed = self.active.metrics.get("with_estimate") if self.active else None
        return int(informed["n_test"]) if informed and informed.get("human_mae") is not None else 0


@dataclass(frozen=True, slots=True)
class Models:
    """What the page shows."""

    kinds: Sequence[KindOfModel]
    trainings: Sequence[OpenTraining]


def models_of(project: Project, user: User, *, now: datetime) -> Models:
    """Versions and trainings of the project's own models and of those that serve all projects; a query a type."""
    runs = _runs(project, user)
    found = {kind: newest_models(user, project, kind, most=MOST_VERSIONS) for kind in KINDS}
    return Models([_kind(kind, models, runs) for kind, models in found.items()], trainings_of(runs, now=now))


def _runs(project: Project, user: User) -> list[TrainingRun]:
    return list(runs_visible_to(user).filter(project=project).order_by("-created_at")[:_MOST_RUNS])


def progress_of(project: Project, user: User, *, now: datetime) -> list[OpenTraining]:
    """Trainings of a project that wait or run."""
    return trainings_of(_runs(project, user), now=now)


def trainings_of(runs: Sequence[TrainingRun], *, now: datetime) -> list[OpenTraining]:
    """Those that wait or run, in words."""
    return [
        OpenTraining(_TITLES[run.model_type], run.progress_step, run.STEPS, _told(run, runs, now))
        for run in runs
        if run.state in run.OPEN
    ]


def _told(run: TrainingRun, runs: Sequence[TrainingRun], now: datetime) -> str:
    if run.state == run.State.RUNNING:
        return run.progress_text or _("begun")
    beats = [other.heartbeat_at for other in runs if other.heartbeat_at]
    if any(now - beat < _ALIVE_WITHIN and not lies_ahead(beat, now) for beat in beats):
        return _("queued behind another training")
    return told_queued(now)


def _kind(kind: str, models: Sequence[MLModel], runs: Sequence[TrainingRun]) -> KindOfModel:
    """`models` are the newest, after the one that serves."""
    own = sorted((model for model in models if model.project_id is not None), key=_trained_at, reverse=True)
    active = next((model for model in models if model.is_active), None)
    mine = [run for run in runs if run.model_type == kind]
    latest = mine[0] if mine else None
    return KindOfModel(
        model_type=kind,
        title=_TITLES[kind],
        learns_from=KINDS[kind].learns_from,
        lessons=_LESSONS[KINDS[kind].lessons],
        active=active,
        is_global=active is not None and active.project_id is None,
        measured=list(_measured(active)) if active else [],
        beats=_beats(active) if active else "",
        duel=_duel(own[0]) if own else None,
        versions=[_version(model) for model in own],
        can_roll_back=any(not model.is_active and model.activated_at for model in own),
        is_training=any(run.state in run.OPEN for run in mine),
        failure=latest.failure_reason if latest and latest.state == latest.State.FAILED else "",
    )


def _trained_at(model: MLModel) -> datetime:
    return model.trained_at


def _measured(model: MLModel) -> Iterator[Measured]:
    metrics, informed = model.metrics, model.metrics.get("with_estimate") or {}
    unit = _unit(model)
    for name, label, how in _METRICS:
        if metrics.get(name) is not None:
            figures = (metrics.get(name), informed.get(name), metrics.get(f"baseline_{name}"))
            told = [_written(value, how, unit) for value in (*figures, informed.get(f"human_{name}"))]
            yield Measured(label, *told)


def _unit(model: MLModel) -> str:
    truth = KINDS[model.model_type].truth
    return "" if truth is None else _("pt") if truth.unit == "points" else truth.unit


def _written(value: float | None, how: str, unit: str) -> str:
    if value is None:
        return ""
    if how == "share":
        return percent(value)
    if how == "factor":
        return f"{number(math.exp(value))}×"
    # What has no unit lies between nothing and one: what tells two models apart stands in the third decimal.
    return f"{number(value)} {unit}" if unit else number_format(value, 3)


def _beats(model: MLModel) -> str:
    kind = KINDS[model.model_type]
    return kind.beats if model.metrics.get("beats_baseline") else kind.does_not_beat


def _version(model: MLModel) -> Version:
    status, tone = STATUSES[model.status]
    return Version(
        model=model,
        status=status,
        tone=tone,
        error=_written(model.mae, "amount", _unit(model)) or _written(model.metrics.get("top_1"), "share", ""),
        verdict=str(model.metrics.get("verdict", "")) or model.failure_reason,
        may_serve=bool(not model.is_active and model.serving_key),
    )


def _duel(model: MLModel) -> Duel | None:
    found: Mapping[str, Any] | None = model.metrics.get("comparison")
    if not found:
        return None
    rows = (
        (_("new model %(version)s") % {"version": model.version}, found["challenger_error"]),
        (_("model %(version)s, which served") % {"version": found["champion"]}, found["champion_error"]),
        (_("naive baseline"), found["baseline_error"]),
    )
    told = [(name, number(error) if error >= 1 else f"{error:.2f}") for name, error in rows]
    return Duel(model.version, found["champion"], number(found["n"]), told)
