"""The sprints of a project that run, foreseen together: the team, its work and all their pasts are read once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from apps.ml.core.past.sprints import SprintTimeline
from apps.ml.selectors.forecasts import in_progress_by_sprint
from apps.ml.selectors.sprints import HISTORY_SPRINTS, open_work_of, pasts_by_sprint
from apps.ml.services.forecasts.history import TeamHistory
from apps.ml.services.forecasts.sprint import TeamPast, team_past
from apps.ml.services.heavy import in_turn
from apps.ml.services.sprints.future import SprintFuture, sprint_future
from apps.projects.models import Project, Sprint

#: Teams that share a board run a handful at once. What trackers forgot to close may be hundreds, and each costs a
#: thirtieth of a second and more of processor time.
MOST_FORESEEN = 20


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A sprint with what was and what will be."""

    sprint: Sprint
    past: SprintTimeline
    future: SprintFuture
    team: TeamPast


def running_sprints(project: Project, *, now: datetime) -> tuple[list[Sprint], int]:
    """Those that run, by their first day, and how many more there are: those nearest to their end are looked at."""
    running = Sprint.objects.filter(project=project, status=Sprint.Status.ACTIVE)
    today = project.day_of(now)
    ends = list(running.order_by("start_date", "id").values_list("end_date", "pk"))
    nearest = [pk for _, pk in sorted(ends, key=lambda row: _far(row[0], today))[:MOST_FORESEEN]]
    chosen = running.filter(pk__in=nearest).select_related("snapshot", "project").order_by("start_date", "id")
    return list(chosen), len(ends) - len(nearest)


def foresee(sprints: Sequence[Sprint], *, now: datetime, history: TeamHistory | None = None) -> Iterator[Foreseen]:
    """Foresee some sprints of one project, none of them over, in a constant number of queries."""
    if not sprints:
        return
    project_id = sprints[0].project_id
    in_turn(sprints=len(sprints))
    team = team_past(project_id, now=now, newest=HISTORY_SPRINTS, history=history)
    team = replace(team, begun=in_progress_by_sprint(project_id, now=now))
    pasts, work = pasts_by_sprint(sprints, now=now), open_work_of(sprints, now=now)
    for sprint in sprints:
        past = pasts[sprint.pk]
        future = sprint_future(sprint, now=now, team=team, state=past, items=work.get(sprint.pk, ()))
        yield Foreseen(sprint, past, future, team)


def _far(end: date | None, today: date) -> tuple[int, int]:
    """The sooner it ends the smaller; then what should have ended, and what has no end."""
    if end is None:
        return 2, 0
    return int(end < today), abs((end - today).days)
