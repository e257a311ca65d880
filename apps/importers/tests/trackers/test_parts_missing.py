"""A list beside the issues that is not whole tells nothing of what it was read for, and its gap is told."""

from itertools import count

import pytest

from apps.importers.sources import github
from apps.importers.sources.github_projects import Placed
from apps.importers.sources.registry import CONNECTORS
from apps.importers.tests.trackers import jira_site, test_github, test_gitlab
from apps.importers.tests.trackers.server import Reply, client_of, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.importers.tests.trackers.test_projects_unread import LAST, NO_RIGHT, items_of, pulled, site
from apps.importers.tracked import Gap, TrackedIssue

BACK = "a page leads back to an earlier one"


def told_by(kind, answer, since=None):
    with tracker(lambda request: answer(request) or SITES[kind].healthy(request)) as served:
        told = list(CONNECTORS[kind].pull(client_of(served, SITES[kind].path), SITES[kind].scope, since))
    issues = {each.external_id: each for each in told if isinstance(each, TrackedIssue)}
    return issues, [each.what for each in told if isinstance(each, Gap)]


def leading_back(end, rows):
    """The list at the end of an address leads back to itself."""

    def answer(request):
        link = f'<http://{request.headers["host"]}{request.path}?per_page=100>; rel="next"'
        return Reply(rows, headers={"Link": link}) if request.path.endswith(end) else None

    return answer


# --- Projects ---------------------------------------------------------------------------------------------------------
def pages_of(nodes, after=LAST):
    def items(request, own):
        start, most = int(request.body["variables"]["cursor"] or 0), request.body["variables"]["first"]
        whole = [*nodes, *own]
        is_last = start + most >= len(whole)
        page = after if is_last else {"hasNextPage": True, "endCursor": str(start + most)}
        return {"data": {"node": {"items": {"nodes": whole[start : start + most], "pageInfo": page}}}}

    return items


@pytest.mark.parametrize("item", [None, {"content": {}, "fieldValues": {"nodes": []}}])
def test_items_that_look_alike_are_each_one(item):
    found, _ = pulled(site(pages_of([item] * 1_500)))
    assert found["#1"][0] == "it1"


def test_a_project_whose_pages_lead_back_tells_nothing_of_what_is_not_in_them():
    back = {"hasNextPage": True, "endCursor": "0"}
    assert pulled(site(pages_of([], back))) == ({"#1": ("it1", True), "#2": ("", True)}, True)

    with tracker(site(pages_of([], back))) as served:
        told = list(github.pull(client_of(served), "a/b", None))
    recorded = {each.external_id: bool(each.recorded) for each in told if isinstance(each, TrackedIssue)}
    assert recorded == {"#1": True, "#2": False}
    assert BACK in [each.what for each in told if isinstance(each, Gap)]


def test_another_project_that_says_nothing_of_a_field_takes_nothing_from_an_issue():
    fields = {"PVT": [test_github.ITERATIONS, {"name": "Estimate"}], "road": []}
    projects = [{"id": key, "fields": {"nodes": nodes}} for key, nodes in fields.items()]
    listed = {"data": {"repository": {"projectsV2": {"nodes": projects, "pageInfo": LAST}}}}
    bare = {"id": "i", "content": {"databaseId": 1_001}, "fieldValues": {"nodes": []}}

    def answer(request):
        nodes = items_of(request)
        if nodes is None:
            return listed if request.path == "/graphql" else SITES["github"].healthy(request)
        is_road = request.body["variables"]["project"] == "road"
        return {"data": {"node": {"items": {"nodes": [bare] if is_road else nodes, "pageInfo": LAST}}}}

    assert pulled(answer)[0] == {"#1": ("it1", False), "#2": ("", False)}

    def refusing(request):
        is_refused = items_of(request) and request.body["variables"]["project"] == "PVT"
        return {"data": {"node": None}, "errors": [NO_RIGHT]} if is_refused else answer(request)

    projects.reverse()
    assert pulled(refusing)[0] == {"#1": ("", True), "#2": ("", True)}


DEAR = [{"type": "RESOURCE_LIMITS_EXCEEDED", "message": "Resource limits for this query exceeded."}]
#: Of no kind that is named.
TIMEOUT = {"data": None, "errors": [{"message": (
    "Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug."
)}]}  # fmt: skip
TOO_COMPLEX = {"errors": [{"message": "Query too complex", "extensions": {
    "code": "INPUT_ERROR", "type": "invalid input", "userPresentableMessage": "The query is too complex.",
}}]}  # fmt: skip


@pytest.mark.parametrize("most", [1, 30])
@pytest.mark.parametrize(
    "said",
    [
        Reply({"data": {"node": {"items": None}}, "errors": DEAR}),
        Reply(TIMEOUT),
        Reply(TIMEOUT, 502),
        Reply({"message": "We couldn't respond to your request in time."}, 504),
    ],
)
def test_a_query_that_is_too_dear_is_asked_for_fewer_rows(most, said):
    def items(request, own):
        return said if request.body["variables"]["first"] > most else pages_of([])(request, own)

    assert pulled(site(items)) == ({"#1": ("it1", False), "#2": ("", False)}, False)


@pytest.mark.parametrize("most", [1, 3])
def test_a_query_that_is_too_complex_is_asked_for_fewer_rows(most):
    def answer(request):
        is_for_more = request.body["variables"].get("first", 0) > most
        return Reply(TOO_COMPLEX, 400) if is_for_more and "issues(" in request.body["query"] else None

    issues, _ = told_by("linear", answer)
    assert issues.keys() == {"TM-1"}


def test_an_item_that_is_too_dear_by_itself_costs_no_other():
    def items(request, own):
        is_dear = request.body["variables"]["cursor"] is None and "fieldValues" in request.body["query"]
        if is_dear:
            return {"data": {"node": {"items": None}}, "errors": DEAR}
        return pages_of([{"id": "dear"}])(request, own)

    assert pulled(site(items)) == ({"#1": ("it1", True), "#2": ("", True)}, True)


def test_projects_that_are_too_dear_end_no_import():
    too_dear = {"data": {"repository": {"projectsV2": None}}, "errors": DEAR}
    assert pulled(site(projects=too_dear)) == ({"#1": ("", True), "#2": ("", True)}, True)


def test_the_limit_of_graphql_is_known_by_its_present_name():
    limit, slept = {"errors": [{"type": "RATE_LIMIT", "code": "graphql_rate_limit", "message": "exceeded"}]}, []
    healthy = site()
    with tracker(lambda request: limit if request.path == "/graphql" and not slept else healthy(request)) as served:
        list(github.pull(client_of(served, sleep=slept.append), "a/b", None))
    assert slept == [60.0]


# --- Histories --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("since", "end"), [(None, "/issues/events"), (test_github.at(8), "/issues/1/events")])
def test_of_events_of_github_that_are_not_whole_nothing_is_told(since, end):
    events = [{"id": 1, "issue": {"number": 1}, **test_github.event("labeled", 4, label={"name": "new"})}]
    issues, gaps = told_by("github", leading_back(end, events), since)

    assert (issues["#1"].recorded, issues["#1"].changes) == (frozenset(), ())
    assert bool(issues["#2"].recorded) == (since is not None)
    assert issues["#1"].resolved_at == test_github.at(9)
    assert BACK in gaps


def test_moves_of_a_column_do_not_stand_for_the_events_that_are_missing():
    moves = ({"event": "moved", "created_at": "2026-03-05T09:00:00Z", "from": "Todo", "actor": None},)
    issue = github.read_issue(1, test_github.row(), None, Placed(column="In progress", moves=moves))
    assert (issue.changes, issue.recorded) == ((), frozenset())


@pytest.mark.parametrize(("kind", "lost"), [("label", {"status", "labels"}), ("weight", {"story_points"})])
def test_of_events_of_gitlab_that_are_not_whole_nothing_is_told(kind, lost):
    whole, _ = told_by("gitlab", lambda request: None)
    events = test_gitlab.STORY.events[kind]
    issues, gaps = told_by("gitlab", leading_back(f"/7/resource_{kind}_events", events))

    assert issues["#7"].recorded == whole["#7"].recorded - lost
    assert whole["#7"].recorded >= lost
    assert BACK in gaps


@pytest.mark.parametrize(("kind", "end"), [("github", "/blocked_by"), ("gitlab", "/links")])
def test_of_links_that_are_not_whole_nothing_is_told(kind, end):
    issues, gaps = told_by(kind, leading_back(end, [{"id": 1}]))
    issue = issues["#1" if kind == "github" else "#7"]
    assert (issue.blocked_by, issue.blocks) == (None, None)
    assert BACK in gaps


def test_of_a_history_of_linear_that_is_not_whole_nothing_is_told():
    def answer(request):
        if "cycles(" in request.body["query"] or "issues(" in request.body["query"]:
            return None
        node = {"id": "h", "createdAt": "2026-09-08T09:00:00Z"}
        page = {"nodes": [node], "pageInfo": {"hasNextPage": True, "endCursor": "h1"}}
        return {"data": {"issue": {"history": page}}}

    issues, gaps = told_by("linear", answer)
    assert (issues["TM-1"].recorded, issues["TM-1"].changes) == (frozenset(), ())
    assert BACK in gaps


def test_of_histories_of_jira_that_are_not_whole_nothing_is_recorded():
    def answer(request):
        if request.path == "/rest/api/3/changelog/bulkfetch":
            return {"issueChangeLogs": [], "nextPageToken": "t"}
        return None

    issues, gaps = told_by("jira", answer)
    assert not any(issue.recorded for issue in issues.values())
    assert "pages of issueChangeLogs lead back to earlier ones" in gaps


def test_of_a_part_of_a_history_of_a_server_nothing_is_recorded():
    def answer(request):
        if request.path != "/rest/api/2/search":
            return None
        found = jira_site.data_center(request)
        return found | {"issues": [row | {"changelog": row["changelog"] | {"total": 999}} for row in found["issues"]]}

    issues, gaps = told_by("jira_dc", answer)
    assert issues
    assert not any(issue.recorded for issue in issues.values())
    assert "only the newest part of a history was given" in gaps


def test_boards_of_jira_that_are_not_whole_are_told():
    numbers = count(1)

    def answer(request):
        if request.path == "/rest/agile/1.0/board":
            return {"values": [{"id": next(numbers), "type": "kanban"}], "total": 2, "isLast": True}
        return None

    _, gaps = told_by("jira", answer)
    assert "2 values were announced and 1 given" in gaps
