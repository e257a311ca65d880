"""Models, trainings and outcomes as the registry and the planning of trainings see them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, F, FilteredRelation, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.ml.models import MLModel, PredictionHistory, TrainingRun
from apps.ml.selectors.terms import GIVEN_TO_AGENT, AgentMarks
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, Project, Sprint
from apps.projects.selectors import projects_visible_to

#: Rows in memory at a time where thousands are read.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a type of model learns from: finished issues or, without a condition, completed sprints."""

    of_issues: Q | None

    @property
    def by_label(self) -> bool:
        """Whether labels may tell that an agent did it."""
        return self.of_issues is not None

    def rows(self) -> QuerySet[Any]:
        """Those of all projects, without the issues of members who are agents."""
        if self.of_issues is None:
            return sprints_to_learn_from()
        return Issue.objects.filter(self.of_issues, ~GIVEN_TO_AGENT, resolved_at__isnull=False).order_by()


def sprints_to_learn_from() -> QuerySet[Sprint]:
    """Completed sprints of all projects of which the days and the commitment are known."""
    has_days = Q(end_date__isnull=False) & (Q(start_date__isnull=False) | Q(started_at__isnull=False))
    inside = Issue.objects.filter(COUNTED, sprint=OuterRef("pk"))
    # Of imported ones nobody kept the books.
    had_work = Q(snapshot__committed_issues__gt=0) | (Q(snapshot__isnull=True) & Exists(inside))
    completed = Sprint.objects.filter(status=Sprint.Status.COMPLETED, scope_is_recorded=True)
    return completed.filter(has_days, had_work).order_by()


def count_outcomes(outcomes: Outcomes, project_id: UUID | str | None) -> int:
    """How many there are to learn from; of all projects, those that are predicted for."""
    scope = Q(project__predictions_enabled=True) if project_id is None else Q(project_id=project_id)
    rows = outcomes.rows().filter(scope)
    if not outcomes.by_label:
        return rows.count()
    by_label = rows.exclude(project__agent_labels=[]).values_list("project__agent_labels", "labels")
    return rows.count() - sum(AgentMarks.of(agents).bear(labels) for agents, labels in by_label.iterator())


class Candidate(NamedTuple):
    """A project with enough to learn from, and the model that serves it, if one does."""

    project_id: UUID
    samples: int
    model_id: UUID | None
    trained_at: datetime | None
    training_samples: int | None
    refusal: str | None


def training_plan(model_type: str, outcomes: Outcomes, *, at_least: int) -> Iterator[Candidate]:
    """Projects with predictions, so many outcomes and no training queued or running: one query for all, streamed.

    Where labels tell agents from people, two more a project count what people did.
    """
    samples = outcomes.rows().filter(project_id=OuterRef("pk")).values("project_id").annotate(n=Count("*"))
    under_way = TrainingRun.objects.filter(project_id=OuterRef("pk"), model_type=model_type, state__in=TrainingRun.OPEN)
    rows = (
        Project.objects.filter(~Exists(under_way), predictions_enabled=True)
        .annotate(samples=Coalesce(Subquery(samples.values("n"), output_field=IntegerField()), 0))
        .annotate(active=FilteredRelation("ml_models", condition=_active("ml_models__", model_type)))
        .filter(samples__gte=at_least)
        .order_by()
        .values_list(
            "agent_labels",
            "pk",
            "samples",
            "active__id",
            "active__trained_at",
            "active__training_samples",
            "active__refusal",
        )
    )
    for agent_labels, *row in rows.iterator(chunk_size=CHUNK):
        candidate = Candidate(*row)
        if agent_labels and outcomes.by_label:
            candidate = candidate._replace(samples=count_outcomes(outcomes, candidate.project_id))
        if candidate.samples >= at_least:
            yield candidate


class LiveAnswer(NamedTuple):
    """One scored answer of a model that serves now; both values are positive."""

    model_id: UUID
    issue_id: UUID
    predicted: float
    actual: float


def live_answers(model_type: str) -> Iterator[LiveAnswer]:
    """Answers ordered by model and issue, the first about an issue first: one query, streamed."""
    rows = PredictionHistory.objects.filter(
        _active("model__", model_type),
        issue__isnull=False,
        scored_at__isnull=False,
        predicted_value__gt=0,
        actual_value__gt=0,
    ).order_by("model_id", "issue_id", "created_at")
    columns = rows.values_list("model_id", "issue_id", "predicted_value", "actual_value")
    return map(LiveAnswer._make, columns.iterator(chunk_size=CHUNK))


def reference_errors(model_type: str) -> Iterator[tuple[UUID, list[float]]]:
    """What the training of each active model measured: one query, streamed."""
    rows = MLModel.objects.filter(_active("", model_type)).order_by().values_list("id", "metrics__reference_errors")
    return ((model_id, errors or []) for model_id, errors in rows.iterator(chunk_size=CHUNK))


def _active(prefix: str, model_type: str) -> Q:
    return Q(**{f"{prefix}is_active": True, f"{prefix}model_type": model_type})


def models_visible_to(user: User | AnonymousUser) -> QuerySet[MLModel]:
    """Models of the projects this person sees, and the global ones, which hold nothing of any project."""
    return _visible(MLModel.objects.select_related("project"), user).order_by("-trained_at", "id")


def newest_models(user: User | AnonymousUser, project: Project, model_type: str, *, most: int) -> list[MLModel]:
    """The newest trainings of a project and type, after the model that serves it, be it that of all projects."""
    serving = Q(is_active=True, project=None)
    found = models_visible_to(user).filter(Q(project=project) | serving, model_type=model_type)
    return list(found.order_by("-is_active", F("project").desc(nulls_last=True), "-trained_at", "id")[:most])


def runs_visible_to(user: User | AnonymousUser) -> QuerySet[TrainingRun]:
    """Trainings of the same projects, and the global ones."""
    return _visible(TrainingRun.objects.all(), user)


def _visible(rows: QuerySet[Any], user: User | AnonymousUser) -> QuerySet[Any]:
    return rows.filter(Q(project__isnull=True) | Q(project__in=projects_visible_to(user)))


def global_run_is_open(model_type: str) -> bool:
    """Whether a training of the global model is queued or running."""
    return TrainingRun.objects.filter(project=None, model_type=model_type, state__in=TrainingRun.OPEN).exists()


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """What a process needs to load a model: no live row is ever cached."""

    id: UUID
    model_type: str
    version: str
    project_id: UUID | None
    trained_at: datetime
    serving_key: str
    serving_digest: str
    serving_signature: str
    provenance: Mapping[str, Any]
    #: Why a process could not serve it.
    refusal: str = ""


def active_model(model_type: str, project_id: UUID | str | None = None) -> ActiveModel | None:
    """The project's own active model, else the global one; never another project's."""
    scope = Q(project__isnull=True) if project_id is None else Q(project__isnull=True) | Q(project_id=project_id)
    row = (
        MLModel.objects.filter(scope, model_type=model_type, is_active=True, status=MLModel.Status.ACTIVE)
        .order_by(F("project_id").desc(nulls_last=True))
        .values(
            "id",
            "model_type",
            "version",
            "project_id",
            "trained_at",
            "serving_key",
            "serving_digest",
            "serving_signature",
            "provenance",
            "refusal",
        )
        .first()
    )
    return ActiveModel(**row) if row else None


def latest_active(most: int) -> list[tuple[str, UUID | None]]:
    """Type and project of the models that serve, the latest trained first."""
    rows = MLModel.objects.filter(is_active=True, status=MLModel.Status.ACTIVE).order_by("-trained_at", "id")
    return list(rows.values_list("model_type", "project_id")[:most])
