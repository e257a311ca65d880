"""A healthy site of every tracker that can be asked: the sites of the connectors' own tests, with all that is asked."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apps.importers.sources.registry import Place, place_of
from apps.importers.tests.trackers import jira_site, test_azure, test_github, test_gitlab, test_linear
from apps.importers.tests.trackers.server import Request, Tracker

DOING = {"label": {"name": "status: in progress"}}
#: Of the closed issue: begun, and waiting for the open one.
EVENTS = [test_github.event("labeled", 3, **DOING), test_github.event("unlabeled", 8, **DOING),
          test_github.event("closed", 9)]  # fmt: skip


def github(request: Request) -> Any:
    """GitHub, with fields of the organisation, and links."""
    repository = {"repository_url": "https://api.github.com/repos/a/b"}
    if request.path == "/repos/a/b/issues":
        waiting = {"issue_dependencies_summary": {"total_blocked_by": 1}}
        return [row | repository | (waiting if row["number"] == 1 else {}) for row in test_github.site(request)]
    answers = {
        "/orgs/a/issue-fields": [{"name": "Story Points"}],
        "/repos/a/b/issues/1/issue-field-values": [],
        "/repos/a/b/issues/2/issue-field-values": [{"issue_field_name": "Story Points", "value": 8}],
        "/repos/a/b/issues/1/dependencies/blocked_by": [{"id": 1_002, "number": 2, **repository}],
        "/repos/a/b/issues/events": [each | {"issue": {"number": 1}} for each in EVENTS],
        "/repos/a/b/issues/1/events": EVENTS,
    }
    return answers[request.path] if request.path in answers else test_github.site(request)


def gitlab(request: Request) -> Any:
    """GitLab, of a paid tier."""
    name = request.path.rpartition("/")[2]
    kind = name.removeprefix("resource_").removesuffix("_events")
    if kind in test_gitlab.STORY.events:
        return test_gitlab.STORY.events[kind]
    if name == "iterations":
        return list(test_gitlab.ITERATIONS.values())
    other = {"id": 78, "iid": 8, "references": {"short": "#8"}, "project_id": 5}
    if name == "issues":
        return [test_gitlab.row(project_id=5, blocking_issues_count=1), test_gitlab.row(**other)]
    return [other | {"link_type": "blocks"}] if name == "links" else []


@dataclass(frozen=True)
class HealthySite:
    """Where one is, below the address of a server, and what it answers."""

    answer: Callable[[Request], Any]
    path: str
    scope: str

    def place(self, kind: str, served: Tracker) -> Place:
        return place_of(kind, served.url + self.path, self.scope)

    def healthy(self, request: Request) -> Any:
        return copy.deepcopy(self.answer(request))


SITES = {
    "jira": HealthySite(jira_site.cloud, "", "SHOP"),
    "jira_dc": HealthySite(jira_site.data_center, "", "SHOP"),
    "github": HealthySite(github, "", "a/b"),
    "gitlab": HealthySite(gitlab, "/api/v4", "group/shop"),
    "azure": HealthySite(test_azure.answer, "/org", "Shop"),
    "linear": HealthySite(test_linear.answer, "", "TM"),
}
