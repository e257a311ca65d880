"""Forecasts as they were given, and what became of their issues since."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TypeVar
from uuid import UUID

from django.db.models import F, Q, QuerySet

from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.operations.database_faults import by_itself
from apps.ml.models import KeptForecast
from apps.projects.history.days import day_of
from apps.projects.history.reads import MOST_IDS, issue_pasts
from apps.projects.models import Issue, Project, Sprint

Occasion = KeptForecast.Occasion
#: A week: what a team compares.
COMPARED_DAYS = 7
#: Forecasts are told again within a quarter of a year; later only what was said is left, which is small.
INPUTS_KEPT_DAYS = 90
Id = TypeVar("Id", str, UUID)
#: Starts and ends of sprints that were missed for longer are not told as if they had been seen.
SPRINT_GRACE = timedelta(days=1)
#: In no zone a day is another one than those next to that of UTC.
ANY_ZONE = timedelta(days=1)
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
    pasts = (issue_pasts(Issue.objects.filter(id__in=some), now=now) for some in in_batches(issue_ids, MOST_IDS))
    return {past.issue_id for past in chain.from_iterable(pasts) if past.category == "done"}


def in_batches(ids: Sequence[Id], size: int) -> Iterable[Sequence[Id]]:
    """A long list in parts that a database takes as parameters."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def due_projects(*, now: datetime) -> list[UUID]:
    """Projects of which no forecast of their present day is kept yet, or none of a sprint that has just turned."""
    around = (now.date() - ANY_ZONE, now.date() + ANY_ZONE)
    days = KeptForecast.objects.filter(occasion=Occasion.DAY, day__range=around).order_by()
    kept = set(days.values_list("project_id", "day"))
    turned = {sprint.project_id for sprint, _ in turned_sprints(now=now)}
    projects = Project.objects.order_by("created_at", "id").only("id", "time_zone")
    due = list[UUID]()
    for project in projects:
        # A zone that the system knows no more is one project's.
        with by_itself("keep_forecasts", project):
            is_due = project.pk in turned or (project.pk, day_of(now, project.zone)) not in kept
            due += [project.pk] if is_due else []
    return due


def turned_sprints(project: Project | None = None, *, now: datetime) -> list[tuple[Sprint, str]]:
    """Sprints that began or were closed just now, as far as no forecast was kept of it.

    One that was kept at an earlier end, which was taken back, is none.
    """
    since = now - SPRINT_GRACE
    lately = Q(started_at__range=(since, now)) | Q(completed_at__range=(since, now))
    sprints = list(Sprint.objects.filter(lately, **({} if project is None else {"project": project})).order_by("id"))
    of_sprints = KeptForecast.objects.filter(sprint__in=[sprint.pk for sprint in sprints])
    rows = of_sprints.filter(~IS_OF_A_CLOSE | IS_OF_THE_END)
    kept = set(rows.values_list("sprint_id", "occasion")) if sprints else set()
    return [(sprint, each) for sprint in sprints for each in _turns(sprint, since) if (sprint.pk, each) not in kept]


def _turns(sprint: Sprint, since: datetime) -> Iterable[str]:
    moments = ((sprint.started_at, Occasion.SPRINT_START), (sprint.completed_at, Occasion.SPRINT_CLOSE))
    return [occasion for moment, occasion in moments if moment is not None and moment >= since]
