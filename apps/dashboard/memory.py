"""Figures of pages, kept in memory as long as nothing that they are told from has changed."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from apps.dashboard.types import Project
from apps.ml.selectors.trust import serving_versions
from apps.ml.services.models.memory import StateMemory
from apps.projects.selectors import project_revision

Figure = TypeVar("Figure")
_FIGURES = StateMemory()


def state_of(project: Project, *, now: datetime) -> str:
    """Changes once an issue, a sprint, the calendar or a model does, and hourly; a handful of small queries."""
    return f"{project.pk} {project_revision(project)} {serving_versions(project.pk)} {now:%Y-%m-%d %H}"


def remembered(state: str, what: str, make: Callable[[], Figure]) -> Figure:
    """What `make` tells of a project in this state; made once, since it costs a simulation."""
    return _FIGURES.told(f"{what} {state}", make)


def forget() -> None:
    """Everything: for tests."""
    _FIGURES.clear()
