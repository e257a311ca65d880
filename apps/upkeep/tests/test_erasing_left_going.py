"""What an erased person set going stops as that of anybody who leads no more, and the leads who stay are told so."""

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.importers.connections import connect
from apps.importers.models import Connection
from apps.importers.sources.registry import place_of
from apps.notifications.models import Delivery, Event, Notification
from apps.notifications.services.left_going import stop_what_no_lead_made
from apps.notifications.tests.factories import WebhookFactory
from apps.projects.tests.factories import TeamMemberFactory
from apps.upkeep.erasing import erase_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann.smith@example.com", "Ann Smith"


@pytest.fixture
def ann():
    return TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME), role="lead")


@pytest.fixture
def other(ann):
    return TeamMemberFactory(project=ann.project, role="lead")


def erase(ann, now):
    erase_person(EMAIL, now=now)


def delete(ann, now):
    ann.user.delete()


def told_to(person):
    """What a lead was told by the next minute, and once."""
    assert set(Delivery.objects.values_list("user", flat=True)) <= {person.pk, None}
    [told] = Notification.objects.filter(event=Event.STOPPED)
    assert not {EMAIL, NAME} & {each for each in (EMAIL, NAME) if each in f"{told.subject} {told.body} {told.payload}"}
    return f"{told.subject} {told.body}"


@pytest.mark.parametrize("go", [erase, delete])
@pytest.mark.parametrize("kind", ["webhook", "connection"])
def test_what_the_person_made_is_stopped_and_told(ann, other, now, go, kind):
    if kind == "webhook":
        row = WebhookFactory(project=ann.project, created_by=ann.user, url="https://hooks.example.com/a")
    else:
        row = connect(ann.project, place_of("github", "", "acme/shop"), "token", by=ann.user, now=now)

    go(ann, now)
    for _ in range(2):
        stop_what_no_lead_made(now=now)

    row.refresh_from_db()
    assert not row.is_active
    why = "leads this project no more" if kind == "webhook" else "its token went with somebody who was erased"
    assert why in told_to(other.user)


@pytest.mark.parametrize("go", [erase, delete])
def test_a_token_that_names_the_person_and_that_another_lead_gave_is_told_too(ann, other, now, go):
    place = place_of("jira", "https://jira.example.com", "SHOP")
    connect(ann.project, place, f"{EMAIL}:secret", by=other.user, now=now)

    go(ann, now)
    for _ in range(2):
        stop_what_no_lead_made(now=now)

    connection = Connection.objects.get()
    assert (connection.sealed_token, connection.is_active, connection.created_by) == ("", False, other.user)
    assert "Give it another" in told_to(other.user)
