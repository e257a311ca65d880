"""A project in three numbers: how much is done, how fast, and how worrying, each from counts anyone can check."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.ml.core.findings import percent
from apps.ml.core.past.velocity import SprintRecord, average_velocity, recent
from apps.ml.core.wording import counted, one_decimal

#: What each part of the risk score can add; together 100. The weights are a convention, as any such score is: lateness
#: weighs most since it has happened, the rest may still turn out well.
RISK_WEIGHTS = {"overdue": 40.0, "slowdown": 25.0, "unassigned": 20.0, "stale": 15.0}

#: The same in words.
RISK_NAMES = {
    "overdue": "overdue issues",
    "slowdown": "the latest sprint's slowdown, in issues done",
    "unassigned": "issues without an assignee",
    "stale": "stale issues",
}


@dataclass(frozen=True, slots=True)
class ProjectCounts:
    """Issues of a project, counted at a moment."""

    total: int
    completed: int
    #: The following are counted among the issues that are not completed.
    unassigned: int
    overdue: int
    stale: int

    @property
    def open(self) -> int:
        """Not completed."""
        return self.total - self.completed


@dataclass(frozen=True, slots=True)
class ProjectSummary:
    """Completion, velocity and risk."""

    #: Percent of all issues that are completed.
    completion: float
    #: Mean points of the recent completed sprints, those without any included; None before the first one ended.
    velocity: float | None
    #: 0 to 100: the sum of `risk_parts`.
    risk_score: float
    risk_parts: dict[str, float]
    counts: ProjectCounts
    sprints_analyzed: int
    generated_at: datetime


def summarise(counts: ProjectCounts, sprints: Sequence[SprintRecord], *, now: datetime) -> ProjectSummary:
    """Sum up a project.

    Parameters
    ----------
    counts : ProjectCounts
        Its issues now.
    sprints : sequence of SprintRecord
        Its completed sprints, oldest first; the running one is not among them.
    now : datetime
        The moment the counts are of.
    """
    parts = risk_parts(counts, sprints)
    velocity = average_velocity(sprints)
    return ProjectSummary(
        completion=round(percent(counts.completed, counts.total), 1),
        velocity=None if velocity is None else round(velocity, 2),
        risk_score=round(sum(parts.values()), 1),
        risk_parts=parts,
        counts=counts,
        sprints_analyzed=len(recent(sprints)),
        generated_at=now,
    )


def in_words(summary: ProjectSummary, chances: Sequence[float] = ()) -> str:
    """The summary as a short paragraph, made from its numbers alone.

    Parameters
    ----------
    summary : ProjectSummary
        The numbers.
    chances : sequence of float
        Of each running sprint, the chance to be in time; those without a forecast are left out.
    """
    counts = summary.counts
    if not counts.total:
        return "The project has no issues yet."
    sentences = [
        f"{counts.completed} of {counted(counts.total, 'issue')} are done ({summary.completion:.0f}%).",
        _velocity_in_words(summary),
        *(f"The running sprint is in time with a chance of {100 * chance:.0f}%." for chance in chances),
        _open_in_words(counts),
        _risk_in_words(summary),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _velocity_in_words(summary: ProjectSummary) -> str:
    if summary.velocity is None:
        return "No sprint is completed yet."
    last = "The last sprint" if summary.sprints_analyzed == 1 else f"The last {summary.sprints_analyzed} sprints"
    return f"{last} delivered {one_decimal(summary.velocity)} points on average."


def _open_in_words(counts: ProjectCounts) -> str:
    named = (("without an assignee", counts.unassigned), ("overdue", counts.overdue), ("stale", counts.stale))
    found = [f"{count} {'is' if count == 1 else 'are'} {name}" for name, count in named if count]
    return f"Of {counted(counts.open, 'open issue')}, {', '.join(found)}." if found else ""


def _risk_in_words(summary: ProjectSummary) -> str:
    largest = max(summary.risk_parts, key=lambda name: summary.risk_parts[name])
    if not summary.risk_parts[largest]:
        return "Nothing adds to the risk score."
    return (
        f"The risk score is {summary.risk_score:g} of 100; most of it comes from {RISK_NAMES[largest]} "
        f"({summary.risk_parts[largest]:g})."
    )


def risk_parts(counts: ProjectCounts, sprints: Sequence[SprintRecord]) -> dict[str, float]:
    """The named parts of the risk score: each weight times a share in [0, 1]."""
    shares = {
        "overdue": _share(counts.overdue, counts.open),
        "slowdown": slowdown(sprints),
        "unassigned": _share(counts.unassigned, counts.open),
        "stale": _share(counts.stale, counts.open),
    }
    # Rounded before they are added, so that the parts a client sees add up to the score it sees.
    return {name: round(weight * shares[name], 1) for name, weight in RISK_WEIGHTS.items()}


def slowdown(sprints: Sequence[SprintRecord]) -> float:
    """The share by which the latest sprint fell short of the mean of those before it, in issues; 0 if it did not."""
    *past, latest = recent(sprints) or (None,)
    usual = average_velocity(past, "issues")
    if latest is None or not usual:
        return 0.0
    return max(0.0, 1.0 - latest.delivered_issues / usual)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
