"""How an import was understood, and what a project's data suffices for: what a dry run is read for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import TruncWeek

from apps.importers.records import ImportedIssue, Person
from apps.ml.core.sprints.duration import MIN_COMPLETED_SPRINTS
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.projects.levels import COUNTED
from apps.projects.models import Issue, IssueType, Project, Sprint, WorkflowStatus

#: What forecasts look back on, and how many weeks of it they need (`apps.ml.core.forecasts.simulation`, which is not
#: imported: it takes a tenth of a second).
PAST = timedelta(weeks=104)
MIN_WEEKS, MIN_ACTIVE_WEEKS = 12, 5
SAMPLES = 3
LONGEST_SAMPLE = 90
#: Fields of a record that are shown, in this order.
SHOWN = (
    "external_id", "title", "description", "issue_type", "level", "parent", "status", "status_category", "resolution",
    "priority", "component", "labels", "reporter", "assignee", "sprint", "sprint_id", "story_points",
    "estimated_hours", "actual_hours", "created_at", "started_at", "resolved_at", "dropped_at", "due_date", "changes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """Something the product answers, and whether the project's data suffices for it."""

    name: str
    have: int
    needed: int
    #: What is counted.
    what: str

    @property
    def suffices(self) -> bool:
        return self.have >= self.needed

    def sentence(self) -> str:
        """'forecasts: yes, 60 weeks with finished work (5 are needed)'."""
        answer = "yes" if self.suffices else "not yet"
        return f"{self.name}: {answer}, {self.have:,} {self.what} ({self.needed:,} are needed)"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name, "suffices": self.suffices, "have": self.have, "needed": self.needed, "what": self.what,
        }  # fmt: skip


def features_of(project: Project, now: datetime) -> list[Sufficiency]:
    """What the data of a project suffices for, feature by feature; four queries."""
    finished = Issue.objects.filter(COUNTED, project=project, resolved_at__isnull=False)
    counts = finished.aggregate(
        hours=Count("pk", filter=Q(worked_hours__gt=0)),
        estimated=Count("pk", filter=Q(worked_hours__gt=0, estimated_hours__gt=0)),
        points=Count("pk", filter=Q(story_points__isnull=False)),
        people=Count("assignee", distinct=True),
        assigned=Count("pk", filter=Q(assignee__isnull=False)),
    )
    since, active = _weeks(project, now)
    over = Sprint.objects.filter(project=project, status=Sprint.Status.COMPLETED)
    began = Q(start_date__isnull=False) | Q(started_at__isnull=False)
    sprints = over.aggregate(
        dated=Count("pk", filter=began), recorded=Count("pk", filter=began & Q(scope_is_recorded=True))
    )
    who = counts["assigned"] if counts["people"] > 1 else 0
    weeks = Sufficiency("forecasts and unusual weeks", since, MIN_WEEKS, "weeks since the first finished work")
    if weeks.suffices:
        weeks = Sufficiency(weeks.name, active, MIN_ACTIVE_WEEKS, "weeks with finished work in the last two years")
    return [
        Sufficiency("hours of an issue", counts["hours"], MIN_TRAINING_ISSUES, "finished issues with hours"),
        Sufficiency("worth of your own estimates", counts["estimated"], MIN_TRAINING_ISSUES,
                "finished issues with an estimate and hours"),
        Sufficiency("story points of an issue", counts["points"], MIN_TRAINING_ISSUES, "finished issues with points"),
        Sufficiency("who does what", who, MIN_TRAINING_ISSUES, "finished issues of two people or more"),
        weeks,
        Sufficiency("how long a sprint takes", sprints["dated"], MIN_COMPLETED_SPRINTS, "completed sprints with dates"),
        Sufficiency("what a sprint delivers, by your own past", sprints["recorded"], MIN_COMPLETED_SPRINTS,
                "completed sprints whose commitment is known"),
    ]  # fmt: skip


def _weeks(project: Project, now: datetime) -> tuple[int, int]:
    """Weeks since the first finished work of the last two years, and those in which any was finished."""
    ended = Issue.objects.filter(COUNTED, project=project, resolved_at__gt=now - PAST, resolved_at__lte=now)
    weeks = ended.order_by().annotate(week=TruncWeek("resolved_at")).values_list("week", flat=True).distinct()
    found = sorted(weeks)
    return ((now - found[0]).days // 7 + 1 if found else 0), len(found)


def board_of(project: Project) -> dict[str, list[dict[str, Any]]]:
    """What each status and type that issues bear is taken for; two queries."""
    used = Count("issues")
    statuses = WorkflowStatus.objects.filter(project=project).annotate(used=used).filter(used__gt=0)
    types = IssueType.objects.filter(project=project).annotate(used=used).filter(used__gt=0)
    return {
        "statuses": [{"name": one.name, "means": one.category, "issues": one.used} for one in statuses],
        "types": [{"name": one.name, "level": one.level, "counts": one.counts, "issues": one.used} for one in types],
    }


def sample_of(record: ImportedIssue) -> dict[str, str]:
    """A record field by field, as its user would write it, without what it says nothing of."""
    told = ((name, _plain(getattr(record, name, None))) for name in SHOWN)
    return {name: text[:LONGEST_SAMPLE] for name, text in told if text}


def _plain(value: object) -> str:
    """A value in words; empty where nothing is said."""
    if value is None:
        return ""
    if isinstance(value, Person):
        return f"{value.name} <{value.email}>".strip() if value.email else value.name
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, tuple):
        return f"{len(value):,}" if value and not isinstance(value[0], str) else ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def board_in_words(board: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """'  In review                 in progress  12 issues'."""
    for kind, told in (("statuses", "means"), ("types", "level")):
        rows: Sequence[dict[str, Any]] = board.get(kind, [])
        if rows:
            yield f"{kind.capitalize()} are taken for:"
        for row in rows:
            apart = "" if row.get("counts", True) else ", not counted"
            meaning = str(row[told]).replace("_", " ")
            issues = f"{row['issues']:,} issue{'' if row['issues'] == 1 else 's'}"
            yield f"  {row['name']:24} {meaning:12} {issues}{apart}"
