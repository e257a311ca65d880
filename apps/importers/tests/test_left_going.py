"""What somebody set going who leads the project no more is stopped, told to the others, and taken over by one of them.

Here, since these are tables of two apps, of which this is the upper one.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.importers import runs
from apps.importers.connections import connect
from apps.importers.models import Connection, ImportRun
from apps.importers.sources.registry import place_of
from apps.importers.waiting import LOST_AFTER, GiverLeft
from apps.notifications.models import Delivery, Event, Notification, Preference, Webhook
from apps.notifications.selectors import inbox_of
from apps.notifications.services.announcing import announce
from apps.notifications.services.left_going import KINDS, stop_what_no_lead_made
from apps.notifications.tasks import send_deliveries
from apps.notifications.tests.factories import WebhookFactory, news
from apps.projects.models import Issue, TeamMember
from apps.projects.tests.factories import TeamMemberFactory
from apps.projects.tests.leaving import WAYS
from conftest import NOW
from tests.receivers import webhook_receiver

pytestmark = pytest.mark.django_db

MADE: dict[type[Any], Callable[[Any, Any], Any]] = {
    Webhook: lambda project, by: WebhookFactory(
        project=project, created_by=by, url="https://hooks.example.com/a-secret"
    ),
    Connection: lambda project, by: connect(project, place_of("github", "", "acme/shop"), "token", by=by, now=NOW),
}
KIND_OF = {kind.model: kind for kind in KINDS}


@pytest.fixture(params=[kind.model for kind in KINDS], ids=lambda model: model.__name__)
def model(request):
    return request.param


@pytest.fixture
def rogue():
    return TeamMemberFactory(role="lead")


@pytest.fixture
def other(rogue):
    return TeamMemberFactory(project=rogue.project, role="lead")


def change(row: Any, by: TeamMember, **fields: Any) -> Any:
    client = APIClient()
    client.force_authenticate(by.user)
    answer = client.patch(f"/api/v1/projects/{row.project_id}/{KIND_OF[type(row)].path}/{row.pk}/", fields)
    assert answer.status_code == 200, answer.content
    row.refresh_from_db()
    return row


def test_every_table_of_things_that_go_on_by_themselves_is_among_them():
    names = [(model, {field.name for field in model._meta.fields}) for model in apps.get_models()]

    assert {model for model, fields in names if {"project", "is_active", "created_by"} <= fields} == set(KIND_OF)


@pytest.mark.parametrize("left", WAYS)
def test_it_is_stopped_and_the_other_leads_are_told_once(model, left, rogue, other):
    row, theirs = MADE[model](rogue.project, rogue.user), TeamMemberFactory(role="lead")
    kept = MADE[model](theirs.project, theirs.user)

    WAYS[left](rogue)
    for _ in range(2):
        stop_what_no_lead_made(now=NOW)

    row.refresh_from_db()
    kept.refresh_from_db()
    assert (row.is_active, kept.is_active) == (False, True)
    told = Notification.objects.get()
    assert (told.event, told.severity, told.project, told.data["id"]) == (
        Event.STOPPED, "high", row.project, str(row.pk),
    )  # fmt: skip
    assert "secret" not in f"{told.subject} {told.body} {told.payload}"
    assert Delivery.objects.filter(channel="in_app", user=other.user).count() == 1
    assert not Delivery.objects.filter(user=rogue.user_id).exists()


def test_who_sees_no_webhooks_is_not_told_of_them_nor_who_leads_no_more(model, rogue, other):
    viewer = TeamMemberFactory(project=rogue.project, role="viewer").user
    Preference.objects.create(user=viewer, as_member=True)
    row = MADE[model](rogue.project, rogue.user)
    WAYS["removed"](rogue)

    announce(rogue.project, [news()], now=NOW)
    stop_what_no_lead_made(now=NOW)

    def told(user):
        return set(inbox_of(user).values_list("notification__event", flat=True))

    row.refresh_from_db()
    assert not row.is_active
    assert Event.STOPPED not in told(viewer)
    assert Event.STOPPED in told(other.user)
    assert told(viewer) == told(other.user) - {Event.STOPPED} != set()
    TeamMember.objects.filter(pk=other.pk).update(role="member")
    assert told(other.user) == told(viewer)


@pytest.mark.parametrize("left", WAYS)
def test_nothing_goes_out_or_comes_in_by_it_before_it_is_stopped_either(left, rogue, other, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with webhook_receiver() as receiver:
        WebhookFactory(project=rogue.project, created_by=rogue.user, url=receiver.url)
        MADE[Connection](rogue.project, rogue.user)
        announce(rogue.project, [news()], now=NOW)
        assert Delivery.objects.filter(channel="webhook").count() == 1

        WAYS[left](rogue)
        announce(rogue.project, [news("anomaly:2")], now=NOW)
        send_deliveries()

        assert receiver.received == []
    assert set(Delivery.objects.filter(channel="webhook").values_list("state", flat=True)) == {"dropped"}
    assert runs.ask_due_syncs(now=NOW) == []


def given(by: Any, project: Any, **more: Any) -> ImportRun:
    return runs.ask_upload(
        project, name="a.csv", content=b"id,title,created\nA-1,x,2026-01-05\n", by=by, now=NOW, **more
    )


@pytest.mark.parametrize("is_dry_run", [False, True])
@pytest.mark.parametrize("left", WAYS)
def test_a_file_that_waits_is_not_imported_once_who_gave_it_leads_the_project_no_more(left, is_dry_run, rogue, other):
    waits = given(rogue.user, rogue.project, is_dry_run=is_dry_run)
    theirs = given(other.user, other.project, is_dry_run=is_dry_run)

    WAYS[left](rogue)
    runs.execute(waits.pk, now=NOW)

    waits.refresh_from_db()
    assert (waits.status, waits.error, waits.upload) == ("failed", GiverLeft().message, None)
    assert not Issue.objects.exists()
    assert runs.execute(theirs.pk, now=NOW).status == "completed"


@pytest.mark.parametrize("left", WAYS)
def test_a_file_whose_worker_was_lost_does_not_begin_anew_either(left, rogue, other):
    waits = given(rogue.user, rogue.project)
    ImportRun.objects.filter(pk=waits.pk).update(status="running", started_at=NOW, seen_at=NOW - LOST_AFTER * 2)

    WAYS[left](rogue)
    runs.execute(waits.pk, now=NOW)

    waits.refresh_from_db()
    assert (waits.status, waits.upload) == ("failed", None)
    assert not Issue.objects.exists()


@pytest.mark.parametrize("left", WAYS)
@pytest.mark.parametrize("by_the_clock", [True, False])
def test_a_tracker_is_not_asked_for_who_leads_its_project_no_more(left, by_the_clock, rogue, other, monkeypatch):
    row, asked = MADE[Connection](rogue.project, rogue.user), []
    monkeypatch.setattr(runs, "sync", lambda *given, **more: asked.append(given))
    waits = runs.ask_sync(row, by=None if by_the_clock else rogue.user, now=NOW)

    WAYS[left](rogue)
    runs.execute(waits.pk, now=NOW)

    waits.refresh_from_db()
    assert (waits.status, waits.error, asked) == ("failed", GiverLeft().message, [])


@pytest.mark.parametrize("left", WAYS)
def test_a_connection_that_nobody_leads_is_asked_by_no_other_lead_until_one_sets_it_going(
    left, rogue, other, monkeypatch
):
    row, asked = MADE[Connection](rogue.project, rogue.user), []
    monkeypatch.setattr(runs, "sync", lambda *given, **more: asked.append(given))
    waits = runs.ask_sync(row, by=other.user, now=NOW)

    WAYS[left](rogue)
    runs.execute(waits.pk, now=NOW)

    waits.refresh_from_db()
    assert (waits.status, asked) == ("failed", [])
    with pytest.raises(Conflict, match="leads the project no more: switch it on"):
        runs.ask_sync(row, by=other.user, now=NOW)
    change(row, other, **({"token": "another"} if left == "deleted" else {"is_active": True}))
    assert runs.ask_sync(row, by=other.user, now=NOW).created_by == other.user


def test_who_asks_for_what_somebody_waits_for_who_has_left_has_asked_for_it(rogue, other, monkeypatch):
    theirs = MADE[Connection](rogue.project, other.user)
    waits = runs.ask_sync(theirs, by=rogue.user, now=NOW)

    WAYS["removed"](rogue)

    assert runs.ask_sync(theirs, by=other.user, now=NOW).pk == waits.pk
    waits.refresh_from_db()
    assert waits.created_by == other.user


def test_files_of_the_operator_and_of_administrators_are_imported(rogue):
    for by in (None, UserFactory(is_superuser=True)):
        assert runs.execute(given(by, rogue.project).pk, now=NOW).status == "completed"


def test_whoever_confirms_a_file_that_another_tried_has_given_it(rogue, other):
    tried = given(rogue.user, rogue.project, is_dry_run=True)
    runs.execute(tried.pk, now=NOW)

    WAYS["removed"](rogue)
    again = runs.ask_again(ImportRun.objects.get(pk=tried.pk), by=other.user, now=NOW)

    assert runs.execute(again.pk, now=NOW).status == "completed"


def test_whoever_switches_it_on_takes_it_over(model, rogue, other):
    row = MADE[model](rogue.project, rogue.user)
    WAYS["removed"](rogue)
    stop_what_no_lead_made(now=NOW)

    row = change(row, other, is_active=True)

    assert stop_what_no_lead_made(now=NOW) == 0
    assert (row.is_active, row.created_by) == (True, other.user)


def test_whoever_switches_it_on_before_it_was_stopped_takes_it_over_likewise(model, rogue, other):
    row = MADE[model](rogue.project, rogue.user)
    WAYS["removed"](rogue)

    row = change(row, other, is_active=True)

    assert stop_what_no_lead_made(now=NOW) == 0
    assert row.created_by == other.user


def test_switched_off_and_on_by_another_while_its_maker_leads_it_is_whose_it_was_set_going_by(model, rogue, other):
    row = MADE[model](rogue.project, rogue.user)

    assert change(row, other, is_active=True).created_by == rogue.user
    assert change(row, other, is_active=False).created_by == rogue.user
    assert change(row, other, is_active=True).created_by == other.user


@pytest.mark.parametrize(
    ("model", "given"),
    [(Webhook, {"url": "https://198.51.100.7/elsewhere"}), (Connection, {"token": "another"})],
    indirect=["model"],
)
def test_who_gives_it_another_place_or_token_has_made_it(model, given, rogue, other, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["198.51.100.0/24"]
    row = MADE[model](rogue.project, rogue.user)

    assert change(row, other, **given).created_by == other.user

    WAYS["removed"](other)
    assert stop_what_no_lead_made(now=NOW) == 1


def test_who_leads_again_does_not_set_it_going_by_that(model, rogue, other):
    row = MADE[model](rogue.project, rogue.user)
    WAYS["no lead any more"](rogue)
    stop_what_no_lead_made(now=NOW)

    TeamMember.objects.filter(pk=rogue.pk).update(role="lead")
    stop_what_no_lead_made(now=NOW)

    row.refresh_from_db()
    assert not row.is_active


@pytest.mark.parametrize("by", [None, "administrator"])
def test_what_the_operator_set_going_goes_on(model, by, rogue):
    row = MADE[model](rogue.project, by and UserFactory(is_superuser=True))

    assert stop_what_no_lead_made(now=NOW) == 0

    row.refresh_from_db()
    assert row.is_active
    assert len(runs.ask_due_syncs(now=NOW)) == (model is Connection)
