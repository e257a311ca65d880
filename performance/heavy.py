"""What the dearest questions cost: every endpoint and page that reads much, about the largest projects that are honest.

In process, as a signed-in person asks, of one process that remembers nothing of the project: processor time of the
first answer, of the next, and of the first after an edit, those first that cost most.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import itertools
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from performance.growth import (
    LOGIN,
    ML,
    Ask,
    apart,
    change_an_issue,
    choose_database,
    give_models,
    keep_pasts,
    sender,
    store_indexes,
    timed,
    wake,
)  # fmt: skip
from performance.installation import Made, make_project, settle
from performance.report import machine

#: As many as the largest public tracker of the data has.
LARGE = 58_868
#: Beside what is linked: enough finished issues to forecast by.
FINISHED, LINKED, SPRINTS, TYPES = 300, 1_000, 3_000, 300
READ = (
    "scorecard/", "flow/", "flow/?days=730", "forecasts/", "forecasts/moved/", "parts/?by=type", "parts/?by=label",
    "parts/?by=component", "reference-stories/", "anomalies/",
)  # fmt: skip
LISTS = (
    "issues/", "issues/?search=zeppelin&page_size=100", "sprints/", "sprints/?page_size=100", "members/",
    "issue-types/", "statuses/",
)  # fmt: skip
PAGES = (
    "", "backlog/", "backlog.csv", "backlog/estimate/?title=fix", "flow/", "trust/", "models/", "moved/", "said/",
    "parts/", "parts/?by=label", "parts.csv", "references/", "settings/", "import/", "chance/", "share/",
)  # fmt: skip
#: What costs less in every state is no heavy question.
SHOWN_MS = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of processor time."""

    request: str
    first: float
    again: float
    changed: float

    @property
    def most(self) -> float:
        return max(self.first, self.again, self.changed)


def main() -> None:
    """Make the installation, ask, and print what is dear."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="requests whose name begins so")
    parser.add_argument("--all", action="store_true", help="those that cost little, too")
    parser.add_argument("--folder", type=Path, help="where the installation is made, or lies already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        choose_database(options.folder or Path(folder), "")
        large, linked = apart(set_up)
        wake()
        print(f"SQLite; {machine()}\n{'request':44} {'first':>7} {'again':>7} {'edited':>7}", flush=True)
        asks = [(f"{name}: {ask.name}", ask, made) for name, made in (("large", large), ("linked", linked))
                for ask in questions(made)]  # fmt: skip
        costs = [apart(cost, *each) for each in asks if not options.only or each[0].startswith(tuple(options.only))]
    for each in sorted(costs, key=lambda each: -each.most):
        if each.most >= SHOWN_MS or options.all:
            print(f"{each.request:44} {each.first:7.0f} {each.again:7.0f} {each.changed:7.0f}")


def cost(name: str, ask: Ask, made: Made) -> Cost:
    """Of one request, in a process that has answered nothing yet."""
    from apps.accounts.models import User

    send = sender(ask, User.objects.get(email=LOGIN), LARGE)
    try:
        first = sum(timed(send)[1:])
    except RuntimeError as error:
        print(name, error, flush=True)
        return Cost(name, 0.0, 0.0, 0.0)
    again = min(sum(timed(send)[1:]) for _ in range(2))
    change_an_issue(made)
    return Cost(name, first, again, sum(timed(send)[1:]))


# --- The installation ---------------------------------------------------------------------------------------------
def set_up() -> tuple[Made, Made]:
    """A large project and one whose issues wait for each other, with models; made once a folder."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from apps.accounts.models import User
    from apps.projects.models import Project

    call_command("migrate", verbosity=0)
    now = timezone.now()
    if not Project.objects.filter(key="LINKED").exists():
        login = User.objects.create_user(LOGIN, "benchmark-only")
        large = make_project("LARGE", LARGE, now=now, login=login, rng=random.Random(LARGE))
        linked = make_project("LINKED", FINISHED, now=now, login=login, rng=random.Random(FINISHED))
        _link(linked, now)
        give_models([large.project, linked.project], now=now, login=login)
        settle()
        store_indexes([large, linked])
    made = tuple(_made(key) for key in ("LARGE", "LINKED"))
    keep_pasts(made)
    connection.close()
    return made[0], made[1]


def _made(key: str) -> Made:
    from apps.projects.models import Issue, Project, Sprint

    project = Project.objects.get(key=key)
    running = Sprint.objects.filter(project=project, status="active").latest("created_at")
    issue = Issue.objects.filter(project=project, resolved_at=None, sprint=running).earliest("external_id")
    return Made(project.pk, key, running.pk, issue.pk)


def _link(made: Made, now: Any) -> None:
    """A chain in the running sprint, and more kinds and sprints than anybody needs."""
    from apps.projects.models import Issue, IssueLink, IssueType, Sprint, WorkflowStatus

    of = {"project_id": made.project}
    IssueType.objects.bulk_create(IssueType(**of, name=f"Kind {number}") for number in range(TYPES))
    days = (now.date() + timedelta(days=30 + number) for number in range(SPRINTS))
    Sprint.objects.bulk_create(
        Sprint(**of, name=f"Later {number}", status="planned", start_date=day, end_date=day + timedelta(days=13),
               created_at=now)
        for number, day in enumerate(days)
    )  # fmt: skip
    kind = IssueType.objects.filter(**of).earliest("pk")
    status = WorkflowStatus.objects.filter(**of, category="to_do").earliest("pk")
    issues = Issue.objects.bulk_create(
        Issue(**of, title=f"Waits {number}", issue_type=kind, status=status, sprint_id=made.sprint, story_points=2,
              created_at=now - timedelta(days=30), source="csv", external_id=f"CHAIN-{number}",
              labels=[f"label-{number % 60}"])
        for number in range(LINKED)
    )  # fmt: skip
    IssueLink.objects.bulk_create(
        IssueLink(blocker=blocker, blocked=blocked) for blocked, blocker in itertools.pairwise(issues)
    )


# --- What is asked ------------------------------------------------------------------------------------------------
def questions(made: Made) -> Iterator[Ask]:
    """Everything that reads more than a few rows, with as much in its body as it takes."""
    yield from _about_issues(made)
    yield from _about_dates(made)
    yield from _about_the_project(made)
    yield from _pages(made)
    for tool, arguments in _tools(made):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        yield Ask(f"MCP {tool}", "post", "/mcp", call)


def _about_issues(made: Made) -> Iterator[Ask]:
    issue = {"title": "Fix login of report 7 " * 20, "description": "export of the report fails " * 3_000}
    named = {"project_id": made.key}
    long = [{"title": f"{n} fix login", "description": f"{n} word export " * 250} for n in range(500)]
    strange = [{"title": f"{n}", "description": " ".join(f"w{n}x{k}" for k in range(480))} for n in range(500)]
    for name in ("predict-effort", "recommend-story-points"):
        yield Ask(name, "post", f"{ML}/{name}/", issue | named)
        yield Ask(f"{name}/bulk, long", "post", f"{ML}/{name}/bulk/", named | {"issues": long})
        yield Ask(f"{name}/bulk, 2.4 MB", "post", f"{ML}/{name}/bulk/", named | {"issues": strange})
    yield Ask("similar", "post", f"{ML}/projects/{made.key}/similar/", issue)
    whom = named | {"issue_id": str(made.issue), "top_n": 20}
    yield Ask("suggest-assignment", "post", f"{ML}/suggest-assignment/", whom)


def _about_dates(made: Made) -> Iterator[Ask]:
    forecast, later, open_issues = f"{ML}/projects/{made.key}/forecast/", "2027-12-31", list(_open_issues(made))
    yield Ask("forecast", "post", forecast, {})
    yield Ask("forecast, growing", "post", forecast, {"growth": True, "by": later})
    yield Ask("forecast, most items", "post", forecast, {"items": 10_000, "by": later})
    yield Ask("forecast, named issues", "post", forecast, {"issue_ids": open_issues, "by": later})
    yield Ask("forecast, how many", "post", forecast, {"by": later})
    yield Ask("together", "post", f"{ML}/forecasts/together/", {"projects": ["LARGE", "LINKED"], "by": later})
    sprint = f"{ML}/sprints/{made.sprint}"
    most = {"add_issues": open_issues[:500], "team_capacity_hours": 200, "days_off": [later]}
    yield Ask("what-if", "post", f"{sprint}/what-if/", {"extra_days": 2})
    yield Ask("what-if, most issues", "post", f"{sprint}/what-if/", most)
    yield Ask("sprint-risk", "get", f"{ML}/{made.sprint}/sprint-risk/")
    yield Ask("outcome", "get", f"{sprint}/outcome/")
    yield Ask("burndown", "get", f"{sprint}/burndown/")
    yield Ask("estimate-sprint-duration", "post", f"{ML}/estimate-sprint-duration/", {"sprint_id": str(made.sprint)})


def _about_the_project(made: Made) -> Iterator[Ask]:
    rows = f"/api/v1/projects/{made.key}"
    yield Ask("project-summary", "post", f"{ML}/{made.key}/project-summary/")
    yield Ask("project-anomalies", "get", f"{ML}/project-anomalies/{made.key}/")
    for name in READ:
        yield Ask(name, "get", f"{ML}/projects/{made.key}/{name}")
    for name in LISTS:
        yield Ask(f"list of {name}", "get", f"{rows}/{name}")
    yield Ask("sprint report", "get", f"{rows}/sprints/{made.sprint}/report/")
    yield Ask("schema", "get", "/api/schema/")


def _pages(made: Made) -> Iterator[Ask]:
    pages = f"/projects/{made.key}"
    for name in PAGES:
        yield Ask(f"page {name or 'of the project'}", "get", f"{pages}/{name}")
    for name in ("", "plan/?plan=1"):
        yield Ask(f"page of the sprint {name}", "get", f"{pages}/sprints/{_reference(made)}/{name}")
    yield Ask("page of an issue", "get", f"{pages}/issues/{made.issue}/")
    yield Ask("start page", "get", "/projects/")


def _tools(made: Made) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each tool that only reads, with what it has to be told."""
    from apps.mcp.tools import TOOLS

    told = {"project": made.key, "projects": ["LARGE", "LINKED"], "by": "2027-12-31", "title": "Fix login"}
    for name, tool in TOOLS.items():
        required = [each for each, field in tool.arguments().fields.items() if field.required]
        if set(required) <= set(told):
            yield name, {each: told[each] for each in required}


def _open_issues(made: Made) -> Iterator[str]:
    from apps.projects.models import Issue

    ids = Issue.objects.filter(project=made.project, resolved_at=None).values_list("pk", flat=True)
    yield from map(str, ids[:1_000])


def _reference(made: Made) -> str:
    from apps.projects.models import Sprint
    from apps.projects.names.references import sprint_references

    sprints = Sprint.objects.filter(project=made.project).order_by("created_at", "id").values_list("pk", "name")
    return sprint_references(list(sprints))[made.sprint]


if __name__ == "__main__":
    main()
