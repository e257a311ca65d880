"""Figures of pages, kept in memory as long as nothing that they are told from has changed.

Figures and ids: rows, and what people write, are read anew by whoever shows them. The texts that are kept all the same
are those that figures are told by, such as labels, types and titles of issues: each is part of the state.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from apps.dashboard.types import Project
from apps.ml.selectors.trust import serving_revision
from apps.ml.services.models.memory import Remembered, StateMemory
from apps.projects.selectors import project_revision

Figure = TypeVar("Figure")
_FIGURES = StateMemory()
#: What is told sooner after a state was first seen may rest on what other memories knew of the one before: of models,
#: agents and outcomes they are some seconds behind, the slowest of them thirty. It is told once more after them.
SETTLED_SECONDS = 35.0


def state_of(project: Project, *, now: datetime) -> str:
    """Changes once an issue, a sprint, the calendar, the team or a model does or texts are erased, and hourly.

    A handful of small queries.
    """
    revision = f"{project_revision(project, now=now)} {serving_revision(project.pk, now=now)}"
    return f"{project.pk} {revision} {now:%Y-%m-%d %H}"


def remembered(
    state: str, what: str, make: Callable[[], Figure], *, clock: Callable[[], float] = time.monotonic
) -> Figure:
    """What `make` tells of a project in this state; made once, since it costs a simulation, or twice in a new state."""
    settled_at = _FIGURES.told(f"seen {state}", clock) + SETTLED_SECONDS
    key, asked_at = f"{what} {state}", clock()
    known: Remembered[Figure] | None = _FIGURES.get(key)
    if known is None or known.checked_at < settled_at <= asked_at:
        _FIGURES.keep(key, known := Remembered(make(), checked_at=asked_at))
    return known.value


def forget() -> None:
    """Everything: for tests."""
    _FIGURES.clear()
