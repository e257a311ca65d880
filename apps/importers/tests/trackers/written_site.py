"""Trackers into which figures are written."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from apps.importers.models import WriteBack
from apps.importers.sources.writers import Target
from apps.importers.tests.trackers.server import Reply, Tracker
from apps.importers.tracked import TrackedIssue, without_labels
from apps.importers.write_back import WriteReport, carry_out, steps_of, taken_back

FIELDS = [
    {"id": "customfield_2", "name": "Story Points", "schema": {"custom": "…:float"}},
    {"id": "customfield_9", "name": "Scrum ML hours", "schema": {"custom": "…:float"}},
    {"id": "summary", "name": "Summary"},
]


class Site:
    """Issues in memory of Jira, GitHub and GitLab at once, with what each was asked to change."""

    def __init__(self):
        self.fields: dict[str, dict] = {}
        self.changes: list[tuple] = []
        #: Labels of the repository, by their names in small letters.
        self.made: dict[str, str] = {}

    def of(self, key):
        return self.fields.setdefault(key, {"labels": [], "customfield_9": None, "due_date": None})

    def __call__(self, request):
        parts = request.path.strip("/").split("/")
        if parts[-1] == "field":
            return FIELDS
        if request.method != "GET":
            self.changes.append((request.method, parts[-1], request.body, request.params))
        key = parts[parts.index("issue" if "issue" in parts else "issues") + 1]
        issue = self.of(key)
        if "repos" in parts:
            return self._github(request, parts, issue)
        if "projects" in parts:
            return self._gitlab(request, issue)
        return self._jira(request, issue)

    def _jira(self, request, issue):
        if request.method == "GET":
            return {"fields": issue}
        for step in request.body.get("update", {}).get("labels", []):
            (what, label), *_ = step.items()
            issue["labels"] = [each for each in issue["labels"] if each != label] + [label] * (what == "add")
        issue.update(request.body.get("fields", {}))
        return Reply(raw=b"", status=204)

    def _github(self, request, parts, issue):
        if request.method == "POST":
            # A label that the repository has comes in the case in which it was made.
            named = [self.made.setdefault(label.lower(), label) for label in request.body["labels"]]
            issue["labels"] += [{"name": name} for name in named if {"name": name} not in issue["labels"]]
        if request.method == "DELETE":
            left = [each for each in issue["labels"] if each["name"].lower() != unquote(parts[-1]).lower()]
            if left == issue["labels"]:
                return Reply({"message": "Label does not exist"}, 404)
            issue["labels"] = left
        # Of a change it tells all labels that are left, of an issue the issue.
        return {"labels": issue["labels"]} if request.method == "GET" else issue["labels"]

    def _gitlab(self, request, issue):
        if request.method == "PUT":
            removed = request.body.pop("remove_labels", "").split(",")
            added = filter(None, request.body.pop("add_labels", "").split(","))
            issue["labels"] = [each for each in issue["labels"] if each not in removed] + list(added)
            issue.update(request.body)
        return issue


#: Every place into which figures are written, by its tracker.
PLACES = {
    "jira field": ("jira", Target(field="customfield_9")),
    "jira label": ("jira", Target(label="ml-hours:")),
    "jira_dc label": ("jira_dc", Target(label="ml-hours:")),
    "github label": ("github", Target(label="ml-hours:")),
    "gitlab label": ("gitlab", Target(label="ml-hours:")),
    "gitlab date": ("gitlab", Target(field="due_date")),
}


@dataclass
class Writing:
    """One issue of one tracker, whose hours are written as they change."""

    key: str
    write_back: WriteBack
    hours: dict[str, str]
    site: Site
    served: Tracker
    now: datetime

    def write(self, hours: str) -> WriteReport:
        self.hours[self.key] = hours
        return carry_out(self.write_back, steps_of(self.write_back, now=self.now), now=self.now, rng=random.Random(0))

    def take_back(self) -> WriteReport:
        return carry_out(self.write_back, taken_back(self.write_back), now=self.now, rng=random.Random(0))

    def person(self, value: str) -> None:
        """Somebody writes there, in the place of whatever stands there."""
        place, issue = self.write_back.field or "labels", self.site.of(self.key.removeprefix("#"))
        if self.write_back.field:
            issue[place] = float(value) if value.isdecimal() else value
        else:
            label = self.write_back.label + value
            issue[place] = [{"name": label} if self.write_back.connected.kind == "github" else label]

    @property
    def standing(self) -> str:
        """What stands there, without what a label begins with."""
        place, issue = self.write_back.field or "labels", self.site.of(self.key.removeprefix("#"))
        if self.write_back.field:
            value = issue[place]
            return "" if value is None else f"{value:g}" if isinstance(value, int | float) else value
        names = (each["name"] if isinstance(each, dict) else each for each in issue[place])
        return " ".join(name.removeprefix(self.write_back.label) for name in names)

    def answer_writes(self, reply: Callable[[], Reply], *, times: int = 1, is_done: bool = False) -> None:
        """Whatever the method."""
        self.answer(("PUT", "POST", "DELETE"), reply, times=times, is_done=is_done)

    def answer(
        self, method: str | tuple[str, ...], reply: Callable[[], Reply], *, times: int, is_done: bool = True
    ) -> None:
        """So are so many requests of a method answered, which are done or not."""
        left = [reply] * times

        def answer(request):
            if request.method in ([method] if isinstance(method, str) else method) and left:
                if is_done:
                    self.site(request)
                return left.pop()()
            return self.site(request)

        self.served.answer = answer

    def lose(self, reply: Callable[[], Reply]) -> None:
        """The answer to a write that is done, and then the tracker."""
        self.answer("PUT", reply, times=1)
        before = self.served.answer

        def answer(request):
            is_gone = len(self.site.changes) > changes
            return Reply({}, 503) if is_gone else before(request)

        changes, self.served.answer = len(self.site.changes), answer

    def find(self) -> None:
        """The tracker is there again."""
        self.served.answer = self.site

    @property
    def noted(self) -> list[str]:
        return list(self.write_back.written.values_list("value", flat=True))

    @property
    def field(self) -> float | None:
        return self.site.of(self.key)["customfield_9"]

    @field.setter
    def field(self, value: float) -> None:
        self.site.of(self.key)["customfield_9"] = value

    @property
    def labels(self) -> list[str]:
        return [each["name"] for each in self.site.of(self.key.removeprefix("#"))["labels"]]

    @labels.setter
    def labels(self, names: list[str]) -> None:
        self.site.of(self.key.removeprefix("#"))["labels"] = [{"name": name} for name in names]

    @property
    def imported_labels(self) -> tuple[str, ...]:
        """What an import takes for the team's."""
        issue = TrackedIssue(line=1, external_id="#7", title="x", labels=tuple(self.labels))
        return next(iter(without_labels([issue], (self.write_back.label,)))).labels
