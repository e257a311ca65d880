"""A small Jira in memory, Cloud and Data Center: two sprints and four issues, hand-written."""

from typing import Any

from apps.importers.tests.trackers.server import Reply, Request

ADA = {"accountId": "acc-ada", "displayName": "Ada", "emailAddress": "ada@example.org"}
BOB = {"accountId": "acc-bob", "displayName": "Bob"}
STATUSES = [
    {"id": "10", "name": "To Do", "statusCategory": {"key": "new"}},
    {"id": "20", "name": "In Progress", "statusCategory": {"key": "indeterminate"}},
    {"id": "30", "name": "Done", "statusCategory": {"key": "done"}},
]
FIELDS = [
    {"id": "summary", "name": "Summary"},
    {"id": "customfield_1", "name": "Sprint", "schema": {"custom": "com.pyxis.greenhopper.jira:gh-sprint"}},
    {"id": "customfield_2", "name": "Story Points", "schema": {"custom": "…:float"}},
]
BLOCKS = {"name": "Blocks", "inward": "is blocked by", "outward": "blocks"}
CLONES = {"name": "Cloners", "inward": "is cloned by", "outward": "clones"}
SPRINTS = [
    {
        "id": 1, "name": "One", "state": "closed", "startDate": "2026-03-02T09:00:00.000Z",
        "endDate": "2026-03-13T16:00:00.000Z", "completeDate": "2026-03-13T15:00:00.000Z",
    },
    {
        "id": 2, "name": "Two", "state": "active", "startDate": "2026-03-16T09:00:00.000Z",
        "endDate": "2026-03-27T16:00:00.000Z",
    },
]  # fmt: skip


def item(field: str, old: Any, new: Any, *, old_id: Any = None, new_id: Any = None) -> dict[str, Any]:
    ids = {"Sprint": "customfield_1", "Story Points": "customfield_2"}
    return {
        "field": field, "fieldId": ids.get(field, field), "fromString": old, "toString": new,
        "from": old if old_id is None else old_id, "to": new if new_id is None else new_id,
    }  # fmt: skip


def moved(old: str, new: str) -> dict[str, Any]:
    keys = {row["name"]: row["id"] for row in STATUSES}
    return item("status", old, new, old_id=keys[old], new_id=keys[new])


def history(at: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"id": at, "created": at, "author": ADA, "items": list(items)}


def issue(key: str, number: int, status: dict[str, Any], **fields: Any) -> dict[str, Any]:
    said = {
        "summary": f"Issue {key}", "created": f"2026-03-01T08:0{number % 10}:00.000+0000", "status": status,
        "issuetype": {"id": "1", "name": "Story", "hierarchyLevel": 0, "subtask": False}, "reporter": ADA,
        "priority": {"name": "High"}, "labels": ["web"], "components": [{"name": "Shop"}], **fields,
    }  # fmt: skip
    return {"id": str(number), "key": key, "fields": said}


ISSUES = [
    # Committed to One with 3 points, made 5 while it ran, done in it.
    issue("A-1", 101, STATUSES[2], customfield_1=[SPRINTS[0]], customfield_2=5.0, assignee=BOB, timespent=7_200,
          timeoriginalestimate=3_600, resolution={"name": "Done"}, resolutiondate="2026-03-10T10:00:00.000+0000"),
    # Committed to One and carried over to Two; the field keeps both.
    issue("A-2", 102, STATUSES[1], customfield_1=[SPRINTS[0], SPRINTS[1]], customfield_2=8.0,
          issuelinks=[{"type": BLOCKS, "outwardIssue": {"key": "A-4"}},
                      {"type": CLONES, "outwardIssue": {"key": "A-1"}}]),
    # Added to One, and dropped there.
    issue("A-3", 103, STATUSES[2], customfield_1=[SPRINTS[0]], resolution={"name": "Won't Do"}),
    # A sub-task of A-2, which has no history of its sprint.
    issue("A-4", 104, STATUSES[0], customfield_1=[SPRINTS[1]], parent={"id": "102", "key": "A-2"},
          issuelinks=[{"type": BLOCKS, "inwardIssue": {"key": "A-2"}}],
          issuetype={"id": "2", "name": "Sub-task", "hierarchyLevel": -1, "subtask": True}),
]  # fmt: skip
HISTORIES = {
    "101": [
        history("2026-03-10T10:00:00.040+0000", moved("In Progress", "Done"), item("resolution", "", "Done")),
        history("2026-03-05T09:00:00.000+0000", item("Story Points", "3", "5")),
        history("2026-03-03T09:00:00.000+0000", moved("To Do", "In Progress"), item("assignee", "Ada", "Bob",
                old_id="acc-ada", new_id="acc-bob"), item("timespent", None, "7200")),
        history("2026-03-01T12:00:00.000+0000", item("Sprint", "", "One", old_id="", new_id="1")),
    ],
    "102": [
        history("2026-03-13T15:00:00.300+0000", item("Sprint", "One", "One, Two", old_id="1", new_id="1, 2")),
        history("2026-03-04T09:00:00.000+0000", moved("To Do", "In Progress")),
        history("2026-03-01T12:00:00.000+0000", item("Sprint", "", "One", old_id="", new_id="1")),
    ],
    "103": [
        history("2026-03-12T09:00:00.034+0000", item("resolution", None, "Won't Do")),
        history("2026-03-12T09:00:00.000+0000", moved("To Do", "Done")),
        history("2026-03-06T12:00:00.000+0000", item("Sprint", "", "One", old_id="", new_id="1")),
    ],
    "104": [],
}  # fmt: skip


def cloud(request: Request) -> Reply | Any:
    """Jira Cloud: two issues a page, the histories of an issue over two pages."""
    common = _common(request, "rest/api/3")
    if common is not None:
        return common
    if request.path == "/rest/api/3/search/jql":
        start = int(request.body.get("nextPageToken", 0))
        page = {"issues": ISSUES[start : start + 2], "isLast": start + 2 >= len(ISSUES)}
        return page if page["isLast"] else page | {"nextPageToken": str(start + 2)}
    if request.path == "/rest/api/3/changelog/bulkfetch":
        second = request.body.get("nextPageToken") == "more"
        logs = [
            {"issueId": key, "changeHistories": HISTORIES[key][2:] if second else HISTORIES[key][:2]}
            for key in request.body["issueIdsOrKeys"]
        ]
        return {"issueChangeLogs": logs, "nextPageToken": None if second else "more"}
    return Reply({"errorMessages": ["no such thing"]}, 404)


def data_center(request: Request) -> Reply | Any:
    """Jira Data Center: the same by number, without ids of fields."""
    common = _common(request, "rest/api/2")
    if common is not None:
        return common
    if request.path == "/rest/api/2/search":
        start = int(request.params["startAt"])
        rows = [
            row | {"changelog": {"total": len(told), "histories": [_without_ids(each) for each in told]}}
            for row in ISSUES[start : start + 3]
            for told in [HISTORIES[row["id"]]]
        ]
        return {"startAt": start, "maxResults": 3, "total": len(ISSUES), "issues": rows}
    return Reply({"errorMessages": ["no such thing"]}, 404)


def _without_ids(told: dict[str, Any]) -> dict[str, Any]:
    items = [{name: value for name, value in each.items() if name != "fieldId"} for each in told["items"]]
    return told | {"items": items}


def _common(request: Request, api: str) -> Any:
    return {
        f"/{api}/field": FIELDS,
        f"/{api}/status": STATUSES,
        "/rest/agile/1.0/board": {"values": [{"id": 7, "type": "scrum"}, {"id": 8, "type": "kanban"}], "isLast": True},
        "/rest/agile/1.0/board/7/sprint": {"values": SPRINTS, "isLast": True},
    }.get(request.path)
