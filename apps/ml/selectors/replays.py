"""Replays that were kept, and what of a project's data a prediction could use and does not have."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from apps.ml.models import MLModel, Replay
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, Project
from apps.projects.selectors import ids_after

#: What was finished in a year says how a team records its work today.
GAPS_DAYS = 365


def kept_replays(project_id: UUID) -> dict[str, Replay]:
    """Each kind's row, also while the first is being made."""
    return {replay.kind: replay for replay in Replay.objects.filter(project_id=project_id)}


def projects_with_models(after: str = "") -> Iterator[UUID]:
    """Projects that a model of their own serves, by their ids."""
    served = MLModel.objects.filter(is_active=True, project=OuterRef("pk"))
    return ids_after(Project.objects.filter(Exists(served)), after)


@dataclass(frozen=True, slots=True)
class DataGaps:
    """How many of the issues finished in the last year have what predictions are learned from."""

    finished: int
    with_hours: int
    with_points: int
    with_estimate: int
    with_description: int
    with_start: int


def data_gaps(project_id: UUID, *, now: datetime) -> DataGaps:
    """One query."""
    finished = Issue.objects.filter(
        COUNTED, project_id=project_id, resolved_at__gt=now - timedelta(days=GAPS_DAYS), resolved_at__lte=now
    )
    return DataGaps(
        **finished.aggregate(
            finished=Count("id"),
            with_hours=Count("id", filter=Q(worked_hours__gt=0)),
            with_points=Count("id", filter=Q(story_points__gt=0)),
            with_estimate=Count("id", filter=Q(estimated_hours__gt=0)),
            with_description=Count("id", filter=~Q(description="")),
            with_start=Count("id", filter=Q(started_at__isnull=False)),
        )
    )
