"""How a team's work flows, from its recorded history."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from apps.common.api.answers import Joined
from apps.ml.core.flow.references import ReferenceTable, reference_stories
from apps.ml.core.flow.report import Flow, flow_of
from apps.ml.selectors.flow import board_of, flow_issues, sized_issues
from apps.ml.selectors.issues import issue_titles
from apps.ml.serializers.flow import DEFAULT_DAYS, MAX_SHOWN, FlowResponse, ReferenceResponse
from apps.ml.services.heavy import in_turn
from apps.projects.history.days import day_of
from apps.projects.models import Project
from apps.projects.unknown_past import unknown_to


def project_flow(project: Project, *, now: datetime, days: int = DEFAULT_DAYS) -> Flow:
    """The flow of the last so many days of the project, today counted, as it was known at `now`."""
    in_turn(days=days)
    board, since = board_of(project), _first_day(project, now, days)
    issues, unchanged = flow_issues(project, board, since=since, now=now)
    return flow_of(issues, board, unchanged=unchanged, zone=project.zone, since=since, now=now)


def project_references(project: Project, *, now: datetime) -> ReferenceTable:
    """The finished issues of the team that are typical of each number of points."""
    return reference_stories(sized_issues(project, now=now))


def _first_day(project: Project, now: datetime, days: int) -> date:
    return day_of(now, project.zone) - timedelta(days=days - 1)


def flow_answer(project: Project, *, now: datetime, days: int = DEFAULT_DAYS) -> dict[str, Any]:
    """The flow as clients see it, its issues by the names that people know."""
    flow = project_flow(project, now=now, days=days)
    shown = flow.cycle.items[-MAX_SHOWN:]
    named = _namer(project, (*shown, *flow.ageing, *flow.blocked.items))
    return FlowResponse.of(
        flow,
        project_id=project.pk,
        cycle=Joined(flow.cycle, issues=len(flow.cycle.items), items=named(shown)),
        ageing=named(flow.ageing),
        blocked=Joined(flow.blocked, items=named(flow.blocked.items)),
        unknown_past=unknown_to(project, "flow"),
    )


def references_answer(project: Project, *, now: datetime) -> dict[str, Any]:
    """The reference stories as clients see them."""
    table = project_references(project, now=now)
    named = _namer(project, [story for value in table.values for story in value.stories])
    values = [Joined(value, stories=named(value.stories)) for value in table.values]
    return ReferenceResponse.of(table, project_id=project.pk, values=values)


def _namer(project: Project, rows: Sequence[Any]) -> Callable[[Sequence[Any]], list[Joined]]:
    """What gives issues their key and title; one query for all of them."""
    titles = issue_titles(project.pk, {row.issue_id for row in rows})
    unnamed = {"key": "", "title": ""}
    return lambda some: [Joined(row, **titles.get(row.issue_id, unnamed)) for row in some]
