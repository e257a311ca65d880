"""Trackers into which figures are written."""

from urllib.parse import unquote

from apps.importers.tests.trackers.server import Reply

FIELDS = [
    {"id": "customfield_2", "name": "Story Points", "schema": {"custom": "…:float"}},
    {"id": "customfield_9", "name": "Scrum ML hours", "schema": {"custom": "…:float"}},
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
        return {"labels": issue["labels"]}

    def _gitlab(self, request, issue):
        if request.method == "PUT":
            removed = request.body.pop("remove_labels", "").split(",")
            added = filter(None, request.body.pop("add_labels", "").split(","))
            issue["labels"] = [each for each in issue["labels"] if each not in removed] + list(added)
            issue.update(request.body)
        return issue
