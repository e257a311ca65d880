"""Every list of the API while its rows are added, changed and removed: no client sees one twice or misses one.

The lists come from the URL configuration. A new one fails here until it says how its rows are made.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple

import pytest
from django.db.models import Model
from django.urls import get_resolver

from apps.access.invitations import invite
from apps.access.keys import create_key
from apps.common import page_marks
from apps.importers.connections import connect
from apps.importers.models import ImportRun
from apps.importers.sources.registry import place_of
from apps.ml.models import KeptForecast
from apps.ml.tests.factories import AnomalyDetectionFactory, MLModelFactory
from apps.notifications.models import Channel, Delivery, Notification
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.links.services import link_issues
from apps.projects.models import Issue, IssueChange, Project, TeamMember
from apps.projects.tests.factories import DayOffFactory, IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory
from conftest import NOW
from tests.matrix_world import MatrixWorld, matrix
from tests.test_access_matrix import addresses

__all__ = ["matrix"]
pytestmark = pytest.mark.django_db

#: Rows a page: small, so that many pages turn while rows move.
PAGE = 2
PROJECT, ML = "/api/v1/projects/{project_id}", "/api/v1/ml"
numbers = count(1)


@pytest.fixture(autouse=True)
def no_erasure_lately():
    """Where pages ended that are read within its second is not remembered."""
    page_marks.forget_old(now=0.0)


class Moving(NamedTuple):
    """How one more row of a list is made, and what may be changed of one: by whatever a client is allowed."""

    make: Callable[[Any], Any]
    change: Callable[[int], dict[str, Any]] = lambda number: {}
    #: Of which rows one may be removed; None for a record that is only added to.
    removed: dict[str, Any] | None = {}


class Here:
    """The project of the addresses, with the person who asks."""

    def __init__(self, world: MatrixWorld) -> None:
        self.project = Project.objects.get(pk=world.ids["project_id"])
        self.lead, self.ids = world.people["lead"], world.ids

    @property
    def issue(self) -> Issue:
        return Issue.objects.get(pk=self.ids["issue_id"])

    def news(self) -> Notification:
        number = next(numbers)
        severity = ("low", "high", "medium")[number % 3]
        return Notification.objects.create(
            project=self.project, event="anomaly.detected", severity=severity, about=str(number), created_at=NOW
        )


def _change_of(here: Here) -> IssueChange:
    # Two of each moment.
    number = next(numbers)
    at, new = NOW + timedelta(minutes=number // 2), str(number)
    return IssueChange.objects.create(
        issue=here.issue, project=here.project, field="title", old_value="a", new_value=new, changed_at=at
    )


def _import_of(here: Here) -> ImportRun:
    return ImportRun.objects.create(project=here.project, source="csv", status="completed", created_at=NOW)


def _anomaly_of(here: Here) -> Any:
    return AnomalyDetectionFactory(project=here.project, severity=("low", "critical")[next(numbers) % 2])


def _key_of(here: Here) -> Any:
    return create_key(here.lead, name="more", scopes=["read"], project=None, days=9, now=NOW)


def _invitation_of(here: Here) -> Any:
    return invite(here.project, email=f"n{next(numbers)}@example.com", role="viewer", by=here.lead, now=NOW)


def _received_invitation_of(here: Here) -> Any:
    elsewhere = TeamMemberFactory(role="lead")
    return invite(elsewhere.project, email=here.lead.email, role="viewer", by=elsewhere.user, now=NOW)


LISTS = {
    "/api/v1/projects/": Moving(
        lambda here: TeamMemberFactory(project=ProjectFactory(key=f"{'ABXYZ'[next(numbers) % 5]}{next(numbers)}"),
                                       user=here.lead),
        lambda number: {"name": f"Named anew {-number}"},
    ),
    f"{PROJECT}/issues/": Moving(
        lambda here: IssueFactory(project=here.project, created_at=NOW - timedelta(days=next(numbers) % 3)),
        lambda number: {"title": f"Written anew {-number}", "priority": number % 4, "updated_at": NOW},
    ),
    f"{PROJECT}/issues/{{issue_id}}/history/": Moving(_change_of, removed=None),
    f"{PROJECT}/issues/{{issue_id}}/links/": Moving(
        lambda here: link_issues(here.issue, IssueFactory(project=here.project), now=NOW)
    ),
    f"{PROJECT}/sprints/": Moving(
        lambda here: SprintFactory(project=here.project),
        lambda number: {
            "name": f"Sprint {-number}", "start_date": NOW.date() - timedelta(days=number % 700), "end_date": NOW.date()
        },
    ),
    f"{PROJECT}/members/": Moving(
        lambda here: TeamMemberFactory(project=here.project, joined_at=NOW), lambda number: {"is_agent": True}
    ),
    f"{PROJECT}/days-off/": Moving(
        lambda here: DayOffFactory(project=here.project, day=NOW.date() + timedelta(days=next(numbers) * 37 % 900)),
        lambda number: {"day": NOW.date() - timedelta(days=number)},
    ),
    f"{PROJECT}/issue-types/": Moving(
        lambda here: here.project.issue_types.create(name=f"{next(numbers) * 37 % 100} kind"),
        lambda number: {"name": f"{-number} kind"},
    ),
    f"{PROJECT}/statuses/": Moving(
        lambda here: here.project.statuses.create(name=f"Column {next(numbers)}", category="to_do", position=5),
        lambda number: {"name": f"Column {-number}", "position": 30_000 - number},
        {"issues": None},
    ),
    f"{PROJECT}/invitations/": Moving(_invitation_of),
    f"{PROJECT}/webhooks/": Moving(
        lambda here: WebhookFactory(project=here.project), lambda number: {"url": f"https://a.example.com/{number}"}
    ),
    f"{PROJECT}/webhooks/{{webhook_id}}/deliveries/": Moving(
        lambda here: Delivery.objects.create(
            notification=here.news(), webhook_id=here.ids["webhook_id"], channel=Channel.WEBHOOK, created_at=NOW
        )
    ),
    f"{PROJECT}/connections/": Moving(
        lambda here: connect(
            here.project, place_of("github", "", f"acme/x{next(numbers)}"), "token", by=here.lead, now=NOW
        )
    ),
    "/api/v1/auth/keys/": Moving(_key_of),
    "/api/v1/invitations/": Moving(_received_invitation_of),
    "/api/v1/notifications/": Moving(
        lambda here: Delivery.objects.create(
            notification=here.news(), user=here.lead, channel=Channel.IN_APP, created_at=NOW
        ),
        lambda number: {"read_at": NOW},
    ),
    "/api/v1/imports/": Moving(_import_of),
    f"{ML}/projects/{{project_id}}/forecasts/": Moving(
        lambda here: KeptForecast.objects.create(
            project=here.project, day=NOW.date() + timedelta(days=next(numbers)), made_at=NOW
        )
    ),
    f"{ML}/projects/{{project_id}}/anomalies/": Moving(_anomaly_of, lambda number: {"status": "acknowledged"}),
    f"{ML}/project-anomalies/{{project_id}}/": Moving(_anomaly_of, lambda number: {"status": "acknowledged"}),
    f"{ML}/models/": Moving(lambda here: MLModelFactory(project=here.project), lambda number: {"is_active": False}),
}  # fmt: skip


@pytest.mark.parametrize("by", ["next", "number"])
@pytest.mark.parametrize("route", LISTS)
def test_rows_that_move_are_seen_once(matrix, route, by):
    # given
    world, moving, address = Here(matrix), LISTS[route], route.format(**matrix.ids)
    client, table = matrix.client("lead"), lists()[route].queryset.model
    for _ in range(4 * PAGE + 1):
        moving.make(world)
    before = {name_of(row) for row in client.get(address, {"page_size": 100}).json()["results"]}

    # when
    seen = []
    for number, page in enumerate(pages(client, address, by)):
        seen += [name_of(row) for row in page["results"]]
        moving.make(world)
        if moving.removed is not None:
            rows_named(table, [seen[0], seen[-1]][number % 2]).filter(**moving.removed).delete()
        for each, row in enumerate(table._base_manager.all()):
            if changed := moving.change(1000 * number + each + 1):
                table._base_manager.filter(pk=row.pk).update(**changed)

    # then
    assert len(seen) == len(set(seen))
    assert before - set(seen) == set()


@pytest.mark.parametrize("route", LISTS)
def test_previous_leads_back_over_the_same_rows(matrix, route):
    world, client, address = Here(matrix), matrix.client("lead"), route.format(**matrix.ids)
    for _ in range(2 * PAGE + 1):
        LISTS[route].make(world)
    forth = list(pages(client, address, "next"))

    seen = names_on(forth)
    back = [forth[-1]]
    while back[0]["previous"]:
        LISTS[route].make(world)
        back.insert(0, client.get(back[0]["previous"]).json())

    assert [name for name in names_on(back) if name in seen] == seen
    assert {page["count"] for page in [*forth, *back]} == {len(seen)}


def test_every_list_of_the_api_is_named():
    assert sorted(lists()) == sorted(LISTS)
    assert all(view.pagination_class.__module__ == "apps.common.api.pagination" for view in lists().values())


def test_cursors_of_another_list_are_refused_and_so_are_torn_ones(matrix):
    world, client = Here(matrix), matrix.client("lead")
    IssueFactory.create_batch(3, project=world.project)
    address = f"{PROJECT}/issues/".format(**matrix.ids)
    cursor = client.get(address, {"page_size": 1}).json()["next"].partition("cursor=")[2]

    for query in (
        {"cursor": cursor[:-3]},
        {"cursor": f"x{cursor}"},
        {"cursor": ""},
        {"cursor": "é"},
        {"cursor": cursor, "ordering": "title"},
        {"cursor": cursor, "type": "bug"},
        {"cursor": cursor, "page": 2},
    ):
        answer = client.get(address, query)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/cursor"), query
    assert client.get(f"{PROJECT}/sprints/".format(**matrix.ids), {"cursor": cursor}).status_code == 400
    assert client.get(address, {"cursor": cursor, "page_size": 3}).status_code == 200


@pytest.mark.parametrize(
    "ordering", ["due_date", "-due_date", "priority", "-story_points,title", "-title", "updated_at"]
)
def test_any_order_is_walked_to_its_end_and_back(matrix, ordering):
    world, client = Here(matrix), matrix.client("lead")
    for number in range(9):
        points = None if number % 3 else 3.0
        day = None if number % 2 else NOW.date() + timedelta(days=number // 4)
        IssueFactory(project=world.project, priority=number % 2 or None, due_date=day, story_points=points)
    address = f"{PROJECT}/issues/".format(**matrix.ids)
    whole = [row["id"] for row in client.get(address, {"ordering": ordering, "page_size": 100}).json()["results"]]

    found = list(pages(client, address, "next", ordering=ordering))
    back = client.get(found[-1]["previous"]).json()

    assert names_on(found) == whole
    assert back["results"] == found[-2]["results"]
    assert names_on(pages(client, address, "number", ordering=ordering)) == whole


def test_a_number_is_counted_from_the_beginning_once_its_mark_is_old(matrix, monkeypatch):
    world, client = Here(matrix), matrix.client("lead")
    IssueFactory.create_batch(6, project=world.project)
    address = f"{PROJECT}/issues/".format(**matrix.ids)
    first = client.get(address, {"page_size": PAGE}).json()
    rows_named(Issue, first["results"][0]["id"]).delete()
    of_old = client.get(address, {"page_size": PAGE, "page": 2}).json()["results"]

    monkeypatch.setattr(
        page_marks, "_LOOK", page_marks._LOOK.replace("ends_at >", f"ends_at - {page_marks.KEPT_FOR_SECONDS} >")
    )
    counted = client.get(address, {"page_size": PAGE, "page": 2}).json()["results"]

    assert counted[0] == of_old[1]


def test_one_caller_s_pages_are_not_another_s(matrix):
    world, one, other = Here(matrix), matrix.client("lead"), matrix.client("viewer")
    IssueFactory.create_batch(6, project=world.project)
    address = f"{PROJECT}/issues/".format(**matrix.ids)
    first = one.get(address, {"page_size": PAGE}).json()["results"]
    rows_named(Issue, first[0]["id"]).delete()

    second = {"page_size": PAGE, "page": 2}
    assert names_on([other.get(address, second).json()])[0] == names_on([one.get(address, second).json()])[1]


def lists() -> dict[str, Any]:
    """The views of all lists, by their addresses."""
    found = dict(addresses(get_resolver()))
    return {route: view.cls for route, view in found.items() if getattr(view, "actions", {}).get("get") == "list"}


def pages(client: Any, address: str, by: str, **query: Any) -> Iterator[dict[str, Any]]:
    """One page after the other, as long as there are more."""
    page = client.get(address, {"page_size": PAGE, **query}).json()
    for number in count(2):
        yield page
        if page["next"] is None:
            return
        following = client.get(address, {"page_size": PAGE, "page": number, **query}) if by == "number" else None
        page = (following or client.get(page["next"])).json()


def name_of(row: dict[str, Any]) -> str:
    return str(row.get("id", row.get("user", row.get("new_value"))))


def names_on(shown: Iterable[dict[str, Any]]) -> list[str]:
    return [name_of(row) for page in shown for row in page["results"]]


def rows_named(table: type[Model], name: str) -> Any:
    return table._base_manager.filter(**{"user" if table is TeamMember else "pk": name})
