"""Forecasts as they were given, and what became of their issues since."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.operations.database_faults import by_itself
from apps.ml.models import KeptForecast
from apps.projects.history.days import day_of
from apps.projects.history.reads import MOST_IDS, issue_pasts
from apps.projects.models import Issue, Project, Sprint
from apps.projects.rows import in_parts
from apps.projects.selectors import projects_after, with_issues

Occasion = KeptForecast.Occasion
#: A week: what a team compares.
COMPARED_DAYS = 7
#: Forecasts are told again within a quarter of a year; later only what was said is left, which is small.
INPUTS_KEPT_DAYS = 90
#: A forecast is kept of each, with all that it was told from. An import may tell of any number.
MOST_TURNED = 20
#: Starts and ends of sprints that were missed for longer are not told as if they had been seen.
SPRINT_GRACE = timedelta(days=1)
#: The day of each zone beside that of UTC: it is this one, or one of those next to it.
_DAYS_OF_ZONES = (-1, 0, 1)
IS_OF_A_CLOSE = Q(occasion=Occasion.SPRINT_CLOSE)
#: What was said before the end that is known by now was said at another, which was taken back.
IS_OF_THE_END = Q(sprint__status=Sprint.Status.COMPLETED, sprint__completed_at__lte=F("made_at"))


def kept_forecasts(project: Project, *, now: datetime) -> QuerySet[KeptForecast]:
    """What was said, newest first, without what it was told from.

    But for what was said at an end of a sprint that was none: it goes on, or ended later. And for what a clock said
    that was ahead and is set back, as long as it lies ahead.
    """
    said = KeptForecast.objects.filter(project=project, made_at__lte=now + CLOCKS_DIFFER).select_related("sprint")
    return said.filter(~IS_OF_A_CLOSE | IS_OF_THE_END).order_by("-made_at", "id").defer("inputs")


def latest_kept(project: Project, day: date) -> KeptForecast | None:
    """The forecast of a day that can be told again, the last one of several."""
    told = KeptForecast.objects.filter(project=project, day=day, no_forecast_because="").exclude(inputs={})
    return told.order_by("-made_at", "id").first()


def finished_of(issue_ids: Sequence[str], *, now: datetime) -> set[str]:
    """Which of some issues were finished by a moment."""
    pasts = (issue_pasts(Issue.objects.filter(id__in=some), now=now) for some in in_parts(issue_ids, MOST_IDS))
    return {past.issue_id for past in chain.from_iterable(pasts) if past.category == "done"}


def due_projects(projects: QuerySet[Project], *, now: datetime, after: str = "") -> Iterator[UUID]:
    """Of which no forecast of their present day is kept yet, or none of a sprint that has just turned; by their ids.

    What has no issue has no forecast.
    """
    kept = KeptForecast.objects.filter(project=OuterRef("pk"), occasion=Occasion.DAY)
    today = now.date()
    worked = with_issues(projects).annotate(
        has_turned=Exists(_turned(now).filter(project=OuterRef("pk"))),
        **{f"kept_{n}": Exists(kept.filter(day=today + timedelta(days))) for n, days in enumerate(_DAYS_OF_ZONES)},
    )
    for project in projects_after(worked.only("time_zone"), after):
        is_due = False
        # A zone that the system knows no more is one project's.
        with by_itself("keep_forecasts", project):
            own = _DAYS_OF_ZONES.index((day_of(now, project.zone) - today).days)
            has_turned, is_kept = (getattr(project, name) for name in ("has_turned", f"kept_{own}"))
            is_due = has_turned or not is_kept
        if is_due:
            yield project.pk


def turned_sprints(project: Project, *, now: datetime) -> list[tuple[Sprint, str]]:
    """Sprints that began or were closed just now, as far as no forecast was kept of it: so many at a time."""
    sprints = _turned(now).filter(project=project).order_by("id")[:MOST_TURNED]
    turns = (Occasion.SPRINT_START, Occasion.SPRINT_CLOSE)
    return [(sprint, each) for sprint in sprints for each in turns if getattr(sprint, f"is_{each.value}")]


def _turned(now: datetime) -> QuerySet[Sprint]:
    """One that was kept at an earlier end, which was taken back, is none."""
    lately, kept = (now - SPRINT_GRACE, now), KeptForecast.objects.filter(sprint=OuterRef("pk"))
    of_this_end = kept.filter(IS_OF_A_CLOSE & IS_OF_THE_END)
    began = Q(started_at__range=lately) & ~Exists(kept.filter(occasion=Occasion.SPRINT_START))
    closed = Q(completed_at__range=lately) & ~Exists(of_this_end)
    return Sprint.objects.annotate(is_sprint_start=Q(began), is_sprint_close=Q(closed)).filter(
        Q(is_sprint_start=True) | Q(is_sprint_close=True)
    )
