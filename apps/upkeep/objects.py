"""Objects of the model store that hold a name which is to be erased: which are to go, which are only told."""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from apps.common.exceptions import ApplicationError
from apps.ml.models import MLModel
from apps.ml.services.upkeep.installation import installation, names_of, neighbours
from apps.ml.services.upkeep.recorded import known_keys
from apps.ml.services.upkeep.strays import Listing
from apps.ml.services.upkeep.unwritten import remove_unwritten, unwritten
from apps.ml.storage import get_object_store
from apps.ml.storage.keys import DATASETS, GLOBAL, INDEXES
from apps.projects.models import Project
from apps.upkeep.sought import Sought
from apps.upkeep.texts import search_store

logger = logging.getLogger(__name__)

_UNWRITTEN = (
    "It is being written, or a killed upload left it: the nightly sweep and the next erasure remove it when it has "
    "rested for an hour."
)


class HeldElsewhere(ApplicationError):
    """Another installation holds what is to be erased, too."""

    code = "held_elsewhere"


@dataclass(slots=True)
class Stored:
    """Keys of objects that hold a name: where it is looked for, and elsewhere; and why some could not be searched."""

    found: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    not_searched: Mapping[str, str] = field(default_factory=dict)


def search_objects(sought: Sequence[Sought], *, now: datetime | None = None) -> Stored:
    """Look for all names; where a moment is given, what killed uploads left by then goes before, unread.

    Half an object cannot be unpacked: what is left of an upload is told as not searched.
    """
    if now is not None:
        remove_unwritten(now=now)
    # Once for all names: mostly none is found.
    searched = search_store([name for each in sought for name in each.names])
    being_written = dict.fromkeys(unwritten(), _UNWRITTEN)
    for key in being_written:
        logger.warning("Not searched: %s: %s", key, _UNWRITTEN)
    stored = Stored(not_searched={**searched.not_searched, **being_written})
    for each in [each for each in sought if each.names] if searched.found else ():
        holding = set(search_store(each.names).found)
        found = _belonging(holding, each)
        stored.found |= found
        stored.elsewhere |= holding - found
    stored.elsewhere -= stored.found
    return stored


def ours_of(keys: Collection[str]) -> set[str]:
    """Those of them that this installation wrote: another one's are not ours to remove, whatever they hold.

    So are those of whom it took the place, and what nobody has marked (a worker was killed before it did) where nobody
    else uses the store or it lies below a project of ours.
    """
    if not keys:
        return set()
    marks, us = Listing.of(get_object_store()).marks, set(names_of(installation()))
    ours = {key for key in keys if us & marks.get(key, set())} | (set(keys) & known_keys())
    unmarked = {key for key in keys if key not in marks}
    if unmarked and neighbours():
        unmarked = {key for key in unmarked if _is_of_a_project(key)}
    return ours | unmarked


def _is_of_a_project(key: str) -> bool:
    kind, scope, _ = f"{key}//".split("/", 2)
    with suppress(ValueError):
        return kind in (DATASETS, INDEXES) and Project.objects.filter(pk=UUID(scope)).exists()
    return False


def require_sole_hold() -> None:
    """Refuse, before anything is changed, where another installation holds models of this one, too.

    An erasure cannot remove them, and afterwards the name is no more known by which to look for them.

    Raises
    ------
    HeldElsewhere
        Naming that installation.
    """
    marks, us = Listing.of(get_object_store()).marks, set(names_of(installation()))
    if others := sorted({name for key in known_keys() for name in marks.get(key, set()) - us}):
        raise HeldElsewhere(
            f"Nothing is changed yet: installation {others[0]} holds models of this one, too: one is a copy of the "
            f"other, or was restored from its backup. If that one runs no more, first make its objects this one's: "
            f"./run manage verify_ml_models --take-over {others[0]}. If it does, erase there as well, and here with "
            f"--others-keep."
        )


def _belonging(keys: Collection[str], sought: Sought) -> set[str]:
    """Those that were made of the projects in which a name is looked for, and those of all projects together."""
    if sought.projects is None:
        return set(keys)
    models_of = MLModel.objects.filter(Q(project__in=sought.projects) | Q(project=None))
    made = {key for row in models_of.values_list("s3_key", "serving_key", "dataset_key") for key in row if key}
    projects = (*map(str, sought.projects), GLOBAL)
    places = tuple(f"{prefix}/{project}/" for prefix in (DATASETS, INDEXES) for project in projects)
    return {key for key in keys if key in made or key.startswith(places)}
