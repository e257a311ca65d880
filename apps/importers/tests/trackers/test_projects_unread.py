"""GitHub's projects that may not be read, or not whole, take nothing away of what was known of them."""

from datetime import timedelta

import pytest

from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.models import Connection
from apps.importers.sources import github
from apps.importers.sources.client import AnswerUnusable
from apps.importers.tests.trackers import test_github
from apps.importers.tests.trackers.server import LOCAL, Reply, client_of, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.importers.tracked import Gap, TrackedIssue
from apps.projects.models import Issue

NO_RIGHT = {"type": "FORBIDDEN", "message": "Resource not accessible by personal access token"}
FAULT = {"message": "Something went wrong while executing your query."}
LAST = {"hasNextPage": False, "endCursor": None}
MORE = {"hasNextPage": True, "endCursor": "c"}


def items_of(request):
    """What a project holds, as the site says it; None of any other question."""
    is_asked = request.path == "/graphql" and "projectsV2" not in request.body["query"]
    return test_github.site(request)["data"]["node"]["items"]["nodes"][:1] if is_asked else None


def site(items=lambda request, nodes: None, projects=None):
    def answer(request):
        nodes = items_of(request)
        if nodes is not None and (said := items(request, nodes)) is not None:
            return said
        if nodes is not None:
            return {"data": {"node": {"items": {"nodes": nodes, "pageInfo": LAST}}}}
        return projects if projects and request.path == "/graphql" else SITES["github"].healthy(request)

    return answer


def pulled(answer):
    with tracker(answer) as served:
        told = list(github.pull(client_of(served), "a/b", test_github.at(8)))
    issues = [each for each in told if isinstance(each, TrackedIssue)]
    are_untold = any(isinstance(each, Gap) and "projects may not be read" in each.what for each in told)
    return {issue.external_id: (issue.sprint_id, "sprint" in issue.untold) for issue in issues}, are_untold


def in_the_middle(said):
    """The second page of items is this."""

    def items(request, nodes):
        if request.body["variables"]["cursor"]:
            return said
        return {"data": {"node": {"items": {"nodes": nodes, "pageInfo": MORE}}}}

    return items


@pytest.mark.parametrize(
    "said",
    [
        {"data": {"node": {"items": None}}, "errors": [FAULT]},
        {"data": {"node": None}, "errors": [FAULT]},
        {"data": {"node": None}, "errors": [NO_RIGHT]},
        {"data": {"node": {"items": {"nodes": [], "pageInfo": LAST}}}, "errors": [FAULT]},
        {"data": {"node": {"items": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}}}},
        {"data": {"node": {"items": {"nodes": []}}}},
        Reply({}, 403),
    ],
)
def test_a_fault_in_the_middle_of_a_project_is_no_end_of_it(said):
    with pytest.raises(AnswerUnusable):
        pulled(site(in_the_middle(said)))


@pytest.mark.parametrize(
    "items",
    [
        lambda request, nodes: {"data": {"node": {"items": None}}, "errors": [NO_RIGHT]},
        lambda request, nodes: {"data": {"node": {"items": {"nodes": [None], "pageInfo": LAST}}}},
        lambda request, nodes: Reply({}, 404),
    ],
)
def test_of_what_may_not_be_read_of_a_project_nothing_is_told(items):
    assert pulled(site(items)) == ({"#1": ("", True), "#2": ("", True)}, True)


@pytest.mark.parametrize(
    "projects",
    [
        {"data": {"repository": {"projectsV2": {"nodes": [None], "pageInfo": LAST}}}, "errors": [NO_RIGHT]},
        {"errors": [{"message": "Field 'projectsV2' doesn't exist", "extensions": {"code": "undefinedField"}}]},
        {"data": {"repository": None}, "errors": [{"type": "INSUFFICIENT_SCOPES", "message": "read:project"}]},
    ],
)
def test_without_a_right_to_projects_or_on_a_server_without_them_the_issues_come(projects):
    assert pulled(site(projects=projects)) == ({"#1": ("", True), "#2": ("", True)}, True)


def test_an_item_of_another_repository_that_may_not_be_read_is_nothing_of_ours():
    foreign = {"content": None, "fieldValues": {"nodes": []}}

    def items(request, nodes):
        path = ["node", "items", "nodes", 1, "content"]
        data = {"node": {"items": {"nodes": [*nodes, foreign], "pageInfo": LAST}}}
        return {"data": data, "errors": [NO_RIGHT | {"path": path}]}

    assert pulled(site(items)) == ({"#1": ("it1", False), "#2": ("", False)}, False)


@pytest.mark.django_db
def test_what_was_known_of_a_project_stays_while_it_may_not_be_read(project, lead, now, settings):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    with tracker(site()) as served:
        connection = connect(project, SITES["github"].place("github", served), "token", by=lead, now=now)
        runs.execute(runs.ask_sync(connection, by=None, now=now).pk, now=now)
        known = {each.external_id: (each.sprint_id, each.story_points) for each in Issue.objects.all()}
        assert known["#1"][0] is not None
        served.answer = site(lambda request, nodes: {"data": {"node": None}, "errors": [NO_RIGHT]})
        later, connection = now + timedelta(hours=2), Connection.objects.get()
        run = runs.execute(runs.ask_sync(connection, by=None, now=later).pk, now=later)
    assert (run.status, run.report["changed"]) == ("completed", 0)
    assert {each.external_id: (each.sprint_id, each.story_points) for each in Issue.objects.all()} == known
