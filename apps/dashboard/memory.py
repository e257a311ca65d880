"""Figures of pages, kept in memory as long as nothing that they are told from has changed."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from apps.dashboard.types import Project
from apps.ml.selectors.trust import serving_versions
from apps.ml.services.models.memory import BoundedCache
from apps.projects.selectors import project_revision

Figure = TypeVar("Figure")
#: A figure of a project is some 50 kB.
MOST_FIGURES = 256

_FIGURES: BoundedCache[Any] = BoundedCache(size=lambda _: 1)


def state_of(project: Project, *, now: datetime) -> str:
    """Changes once an issue, a sprint, the calendar or a model does, and hourly; a handful of small queries."""
    return f"{project.pk} {project_revision(project)} {serving_versions(project.pk)} {now:%Y-%m-%d %H}"


def remembered(state: str, what: str, make: Callable[[], Figure]) -> Figure:
    """What `make` tells of a project in this state; made once, since it costs a simulation."""
    key = f"{what} {state}"
    found: Figure | None = _FIGURES.get(key, now=time.monotonic())
    if found is None:
        found = make()
        _FIGURES.put(key, found, now=time.monotonic(), most=MOST_FIGURES)
    return found


def forget() -> None:
    """Everything: for tests."""
    _FIGURES.clear()
