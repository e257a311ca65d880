"""What goes into the core: frozen facts about issues, each knowing only what was known at its moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.common.hours import LEAST_HOURS


class Lesson(Protocol):
    """What a model learns from: something whose outcome is known."""

    @property
    def lesson_id(self) -> str:
        """Of the issue or the sprint."""

    @property
    def completed_at(self) -> datetime:
        """When the outcome became known."""


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What is known of an issue when it is estimated. Empty and None mean 'not known', which is a case of its own."""

    title: str
    description: str = ""
    issue_type: str = ""
    #: 1 is the most urgent; larger is less so. Whatever scale the team has, kept as it is.
    priority: float | None = None
    story_points: float | None = None
    #: The team's own estimate, before the work.
    estimated_hours: float | None = None
    component: str = ""
    labels: tuple[str, ...] = ()
    #: Opaque person keys, never names.
    reporter: str = ""
    assignee: str = ""


@dataclass(frozen=True, slots=True)
class CompletedIssue:
    """A finished issue: the facts known when it was estimated, and what came of it."""

    issue_id: str
    facts: IssueFacts
    #: When the facts were known (estimated or created), timezone-aware; a prediction for it may use nothing later.
    known_at: datetime
    #: When the outcome became known, timezone-aware.
    completed_at: datetime
    actual_hours: float | None = None
    story_points: float | None = None
    #: Whether a program did it: how much it takes says nothing of what people take.
    by_agent: bool = False

    @property
    def lesson_id(self) -> str:
        """As of any `Lesson`."""
        return self.issue_id


def by_people(issues: Iterable[CompletedIssue]) -> list[CompletedIssue]:
    """Those that people did."""
    return [issue for issue in issues if not issue.by_agent]


def chronological(issues: Sequence[CompletedIssue]) -> list[CompletedIssue]:
    """Issues in the order in which their outcomes became known; ties keep the order given by (known_at, id)."""
    return sorted(issues, key=lambda issue: (issue.completed_at, issue.known_at, issue.issue_id))


def with_hours(issues: Sequence[CompletedIssue]) -> list[CompletedIssue]:
    """The issues whose hours can be learned from, in time order."""
    return chronological([issue for issue in issues if (issue.actual_hours or 0.0) >= LEAST_HOURS])
