"""What models, training sets and indexes have learned of texts: removed by an erasure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q

from apps.ml.models import MLModel, StrayObject
from apps.ml.services.forecasts.kept_pasts import forget_pasts
from apps.ml.services.similar.text_snapshots import forget_indexes
from apps.ml.services.upkeep.installation import installation, names_of
from apps.ml.storage import get_object_store
from apps.ml.storage.marks import withdraw
from apps.upkeep.objects import ours_of

_DROPPED = "Its artefacts were removed by an erasure."


def keys_of(rows: "models.QuerySet[MLModel]") -> set[str]:
    return {key for row in rows.values_list("s3_key", "serving_key", "dataset_key") for key in row if key}


def learned_by(projects: Sequence[UUID], found: Collection[str]) -> "models.QuerySet[MLModel]":
    of_ours = Q(s3_key__in=found) | Q(serving_key__in=found) | Q(dataset_key__in=found)
    rows: models.QuerySet[MLModel] = MLModel.objects.filter(Q(project__in=projects) | Q(project=None) | of_ours)
    return rows


@dataclass(frozen=True, slots=True)
class Dropped:
    """Which models served, and the keys of objects that stay, since another installation holds them, too."""

    served: set[tuple[str, UUID | None]]
    kept: set[str]
    #: How many objects went.
    objects: int = 0

    def add(self, other: "Dropped") -> None:
        self.served.update(other.served)
        self.kept.update(other.kept)


def drop_models(projects: Sequence[UUID], found: Collection[str]) -> Dropped:
    """Remove what those projects' models and the global ones have learned, and what of ours a search has found."""
    learned = learned_by(projects, found)
    served: set[tuple[str, UUID | None]] = set(learned.filter(is_active=True).values_list("model_type", "project_id"))
    keys = keys_of(learned) | ours_of(found)
    learned.update(
        is_active=False, status=MLModel.Status.DEPRECATED, s3_key="", serving_key="", dataset_key="", refusal=_DROPPED
    )
    kept = remove_objects(keys)
    return Dropped(served, kept, len(keys - kept))


def forget_what_was_read(now: datetime) -> None:
    """Of all projects, in the store and in the database: it is told anew."""
    remove_objects(forget_indexes(now=now))
    forget_pasts()


def remove_objects(keys: Collection[str]) -> set[str]:
    """Returns those that stay, since another installation holds them, too."""
    gone = set(withdraw(get_object_store(), names_of(installation()), keys))
    StrayObject.objects.filter(key__in=gone).delete()
    return set(keys) - gone
