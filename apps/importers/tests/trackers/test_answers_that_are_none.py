"""What is no answer of the tracker is taken for none: an import fails by it, or takes nothing away that is known."""

from datetime import timedelta

import pytest
from django.db import transaction

from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.models import Connection
from apps.importers.sources.client import Client
from apps.importers.sources.registry import CONNECTORS
from apps.importers.tests.snapshots import everything
from apps.importers.tests.trackers.server import LOCAL, Reply, tracker
from apps.importers.tests.trackers.sites import SITES
from apps.projects.models import Issue, IssueLink, Sprint

pytestmark = pytest.mark.django_db
#: A gateway, a firewall, a page for the time of maintenance, a fault in the middle: each with status 200.
NO_ANSWERS = {
    "nothing": Reply({}),
    "null": Reply(None),
    "an empty list": Reply([]),
    "messages": Reply({"errorMessages": ["Service is not available at the moment"], "errors": {}}),
    "errors": Reply({"errors": [{"message": "Something went wrong while executing your query."}], "data": None}),
    "a page": Reply(raw=b"<html>We will be back soon</html>"),
}
#: An empty list is an answer where there may be none: without a label of progress nobody knows when work began.
TOLD_BY_NONE = ("resource_label_events answered an empty list", "started_at")
#: What there is of an issue that changes by itself, or is no figure.
OTHERS = {"id", "updated_at", "inserted_at", "last_touched_at"}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(Client, "pause", lambda client, seconds: None)


@pytest.fixture
def connected(project, lead, now, settings):
    settings.TRACKER_ALLOWED_NETWORKS, settings.CONNECTION_KEYS = list(LOCAL), ["first key"]
    return lambda kind, served: connect(project, SITES[kind].place(kind, served), "a@b.c:secret", by=lead, now=now)


def known():
    """All that is known of issues and sprints, by row and name of its column."""
    rows = {}
    for table in (Issue, Sprint):
        names = [each.attname for each in table._meta.concrete_fields if each.attname not in OTHERS]
        for row in table.objects.all():
            rows |= {(row.external_id, name): value for name in names if (value := getattr(row, name))}
    links = IssueLink.objects.values_list("blocked__external_id", "blocker__external_id")
    return rows | {("links", each): True for each in links}


def imported(connection, at, *, is_full):
    connection = Connection.objects.get(pk=connection.pk)
    return runs.execute(runs.ask_sync(connection, by=None, now=at, is_full=is_full).pk, now=at)


def test_every_connector_is_asked():
    assert SITES.keys() == CONNECTORS.keys()


@pytest.mark.parametrize("is_full", [True, False], ids=["all", "what was touched"])
@pytest.mark.parametrize("kind", SITES)
def test_what_is_no_answer_empties_nothing_that_is_known(kind, is_full, connected, now):
    site = SITES[kind]
    later, taken, faults = now + timedelta(hours=2), set(), []
    with tracker(site.healthy) as served:
        connection = connected(kind, served)
        assert imported(connection, now, is_full=True).report["errors"] == []
        # Of GitHub's projects an item here may not be read, for which the next import would ask for everything again.
        Connection.objects.filter(pk=connection.pk).update(synced_until=now)
        served.requests.clear()
        with transaction.atomic():
            assert imported(connection, later, is_full=is_full).report["changed"] == 0
            transaction.set_rollback(True)
        asked, before, rows = list(served.requests), known(), everything()
        assert len(asked) > 2
        for place, name in ((place, name) for place in range(len(asked)) for name in NO_ANSWERS):
            served.requests.clear()
            served.answer = lambda request: (
                NO_ANSWERS[name] if len(served.requests) == place + 1 else site.healthy(request)  # noqa: B023
            )
            where = f"{asked[place].path} answered {name}"
            with transaction.atomic():
                run = imported(connection, later, is_full=is_full)
                if run.status == "failed":
                    as_before = Connection.objects.get(pk=connection.pk).synced_until == now
                    if everything() != rows or not as_before or "reason of ours" in run.error:
                        faults.append((where, run.error))
                else:
                    after = known()
                    taken |= {(where, *at) for at in before if at not in after}
                    taken |= {(where, *at) for at in before if at[1] == "resolved_at" and after.get(at) != before[at]}
                transaction.set_rollback(True)
    assert faults == []
    assert sorted(each for each in taken if (each[0].rpartition("/")[2], each[2]) != TOLD_BY_NONE) == []
