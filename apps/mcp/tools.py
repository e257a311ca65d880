"""The tools: each finds what the person may see, asks the service that pages and API ask, and says what stands behind.

The first paragraph of a tool's text is what the assistant reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.scopes import Scope
from apps.common.api.serializers import StrictSerializer
from apps.common.exceptions import Conflict
from apps.mcp import arguments as takes
from apps.mcp.evidence import evidence, of_facts, of_prediction, of_promises, past_promises, require_own_work
from apps.ml.selectors.calendars import WORKING_ROLES
from apps.ml.services import AnomalyDetectionService, PredictionService
from apps.ml.services.forecasts.asked import require_past, work_asked_for
from apps.ml.services.forecasts.keeping import moved_answer
from apps.ml.services.forecasts.service import METHOD, ForecastService, Scenario
from apps.ml.services.forecasts.together import together_answer
from apps.ml.services.points.vote import require_vote
from apps.ml.services.predictions.switch import require_predictions
from apps.ml.services.similar.likeness import likely_duplicates
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.projects.models import Project, Sprint, WorkflowStatus
from apps.projects.names.lookup import issue_ids_named, issue_named, project_named, sprint_named
from apps.projects.selectors import issues_of, projects_visible_to, role_of, sprints_of
from apps.projects.services import update_issue

#: More of a list is no overview, and fills the assistant's memory.
MOST_LISTED = 100
Told = dict[str, Any]
Ask = Callable[[User, dict[str, Any]], Told]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be asked."""

    ask: Ask
    arguments: type[StrictSerializer]
    scope: Scope

    def shown(self) -> dict[str, Any]:
        """As the protocol shows it."""
        return {
            "name": self.ask.__name__,
            "title": self.ask.__name__.replace("_", " ").capitalize(),
            "description": (self.ask.__doc__ or "").strip(),
            "inputSchema": takes.schema_of(self.arguments),
            "annotations": {"readOnlyHint": self.scope != Scope.WRITE, "openWorldHint": False},
        }


TOOLS: dict[str, Tool] = {}


def tool(scope: Scope, arguments: type[StrictSerializer]) -> Callable[[Ask], Ask]:
    """Offer a function as a tool."""

    def offer(ask: Ask) -> Ask:
        TOOLS[ask.__name__] = Tool(ask, arguments, scope)
        return ask

    return offer


@tool(Scope.READ, takes.NoArguments)
def list_projects(user: User, asked: dict[str, Any]) -> Told:
    """List the projects that you may see, by key."""
    rows = projects_visible_to(user).order_by("key").values("key", "name", "id")
    projects = list(rows[:MOST_LISTED])
    return {"projects": projects, "evidence": of_facts(len(projects), f"projects, at most {MOST_LISTED}")}


@tool(Scope.READ, takes.OfProject)
def list_sprints(user: User, asked: dict[str, Any]) -> Told:
    """List the sprints of a project, the latest first."""
    rows = sprints_of(project_named(asked["project"], user)).reverse()
    sprints = list(rows.values("id", "name", "status", "start_date", "end_date", "goal")[:MOST_LISTED])
    return {"sprints": sprints, "evidence": of_facts(len(sprints), f"sprints, at most {MOST_LISTED}")}


@tool(Scope.PREDICT, takes.WhichWork)
def forecast_project(user: User, asked: dict[str, Any]) -> Told:
    """When the open work of a project is done: dates by 50, 70, 85 and 95 % of the futures, and the chance of a day."""
    project = _predicted(asked, user)
    work = work_asked_for(project.pk, component=asked["component"], label=asked["with_label"])
    answer = ForecastService().forecast_work(project.pk, work, by=asked["by"], user=user)
    when = answer["when"]
    return {
        "in_words": when["in_words"],
        "forecast": when,
        "evidence": of_promises(when["percentiles"], answer["track_record"]),
    }


@tool(Scope.PREDICT, takes.Together)
def forecast_together(user: User, asked: dict[str, Any]) -> Told:
    """The chance that several projects are all done by a day, as far as their teams share what holds them up."""
    projects = list(dict.fromkeys(_predicted({"project": name}, user) for name in asked["projects"]))
    answer = together_answer(projects, by=asked["by"], label=asked["with_label"], now=timezone.now())
    backing = evidence(method=METHOD, n=len(projects), what_n_counts="projects that were simulated together")
    return {"in_words": answer["in_words"], "forecast": answer, "evidence": backing}


@tool(Scope.PREDICT, takes.OfSprint)
def sprint_outlook(user: User, asked: dict[str, Any]) -> Told:
    """What a planned or running sprint delivers of its scope, and the risks of a running one."""
    sprint = sprint_named(asked["sprint"], _predicted(asked, user))
    outcome = SprintOutcomeService().predict(sprint.pk, user=user)
    runs = sprint.status == Sprint.Status.ACTIVE
    risks = AnomalyDetectionService().judge_sprint(sprint.pk, user=user) if runs else {}
    return {
        "sprint": sprint.name,
        "in_words": outcome["reasoning"],
        "outcome": outcome,
        **risks,
        "evidence": of_prediction(outcome, "delivered_range"),
    }


@tool(Scope.PREDICT, takes.WhatIf)
def what_if_sprint(user: User, asked: dict[str, Any]) -> Told:
    """Compare a sprint as planned with issues taken out or put in, other days or another capacity."""
    project = _predicted(asked, user)
    sprint = sprint_named(asked["sprint"], project)
    scenario = Scenario(
        drop_issues=tuple(issue_ids_named(asked["drop_issues"], project, "drop_issues")),
        add_issues=tuple(issue_ids_named(asked["add_issues"], project, "add_issues")),
        team_capacity_hours=asked["team_capacity_hours"],
        extra_days=asked["extra_days"],
        days_off=tuple(asked["days_off"]),
        growth=asked["growth"],
    )
    answer = ForecastService().what_if(sprint.pk, scenario, user=user)
    found = answer["scenario"]
    record = past_promises(project.pk, found["history"]["unit"], now=timezone.now())
    return {
        "in_words": f"As planned: {answer['as_planned']['in_words']} In the scenario: {found['in_words']}",
        "comparison": answer,
        "evidence": of_promises(found["percentiles"], record),
    }


@tool(Scope.READ, takes.Since)
def why_the_date_moved(user: User, asked: dict[str, Any]) -> Told:
    """Why the forecast of a project's end differs from an earlier day's: scope, speed, calendar, order or model."""
    project, now = _predicted(asked, user), timezone.now()
    require_past(asked["since"], project, now=now)
    answer = moved_answer(project, now=now, since=asked["since"])
    record = past_promises(project.pk, "issues", now=now)
    return {
        "in_words": answer["in_words"],
        "moved": answer,
        "evidence": of_promises(answer["after"]["percentiles"], record),
    }


@tool(Scope.PREDICT, takes.NewIssue)
def estimate_hours(user: User, asked: dict[str, Any]) -> Told:
    """Hours that an issue of this text takes, with a range; refused where the team's own work says nothing of it."""
    project = _predicted(asked, user)
    answer = PredictionService().predict_issue_effort(**_text(asked), project_id=project.pk, user=user)
    require_own_work(answer, project.pk)
    return {"in_words": answer["reasoning"], "estimate": answer, "evidence": of_prediction(answer)}


@tool(Scope.PREDICT, takes.NewIssue)
def estimate_points(user: User, asked: dict[str, Any]) -> Told:
    """Story points for an issue of this text on the team's scale; refused where the team's own work says nothing."""
    project = _predicted(asked, user)
    require_vote(project, None)
    answer = PredictionService().recommend_story_points(**_text(asked), project_id=project.pk, user=user)
    require_own_work(answer, project.pk)
    return {"in_words": answer["reasoning"], "estimate": answer, "evidence": of_prediction(answer)}


@tool(Scope.PREDICT, takes.WrittenIssue)
def similar_issues(user: User, asked: dict[str, Any]) -> Told:
    """Open and finished issues that may be about the same thing as a text."""
    project = project_named(asked["project"], user)
    answer = likely_duplicates(project.pk, asked["title"], asked["description"])
    found = answer["similar_issues"]
    return {**answer, "evidence": evidence(method="similarity", n=len(found), what_n_counts="issues found")}


@tool(Scope.WRITE, takes.HoursTaken)
def record_actual_hours(user: User, asked: dict[str, Any]) -> Told:
    """Write the hours that a finished issue took, from which later estimates learn."""
    project = project_named(asked["project"], user)
    if role_of(user, project) not in WORKING_ROLES:
        raise PermissionDenied
    issue = issue_named(asked["issue"], issues_of(project))
    if issue.status.category != WorkflowStatus.Category.DONE:
        raise Conflict(f"The issue is not finished: its status is {issue.status.name}.")
    before = issue.actual_hours
    update_issue(issue, by=user, now=timezone.now, actual_hours=asked["actual_hours"])
    written = {"key": issue.external_id, "id": issue.pk, "title": issue.title, "actual_hours": issue.actual_hours}
    return {"issue": written, "actual_hours_before": before, "evidence": of_facts(1, "issues written")}


def _predicted(asked: dict[str, Any], user: User) -> Project:
    project = project_named(asked["project"], user)
    require_predictions(project)
    return project


def _text(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("title", "description", "issue_type")}
