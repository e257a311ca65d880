"""Two at once at the doors, on a database that has two writers: one wins, and nothing is left half."""

from itertools import count

import pytest
from django.db import connection
from django.utils.http import urlsafe_base64_encode
from rest_framework.test import APIClient

from apps.access.invitations import invite
from apps.access.models import Invitation
from apps.accounts.codes import password_codes
from apps.accounts.models import LogIn
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from conftest import NOW
from tests.at_once import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]
AUTH = "/api/v1/auth/"
ASKING = 4


def asked_at_once(ask):
    """The statuses of requests that start together."""
    return sorted(answer.status_code for answer in at_once(*[lambda: ask(APIClient())] * ASKING))


@pytest.mark.parametrize("attempt", range(3))
def test_of_copies_of_a_refresh_token_sent_at_once_one_wins_at_most_and_the_log_in_ends(attempt):
    user = UserFactory()
    refresh = APIClient().post(f"{AUTH}token/", {"email": user.email, "password": PASSWORD}).json()["refresh"]

    statuses = asked_at_once(lambda client: client.post(f"{AUTH}token/refresh/", {"refresh": refresh}))

    assert set(statuses) <= {200, 401}
    assert statuses.count(200) <= 1
    assert not LogIn.objects.filter(user=user).exists()


@pytest.mark.parametrize("attempt", range(3))
def test_the_code_of_a_forgotten_password_sets_one_of_several_passwords_sent_at_once(attempt):
    user, numbers = UserFactory(), count()
    code = {
        "uid": urlsafe_base64_encode(str(user.pk).encode()),
        "token": password_codes.make_token(user),
    }

    statuses = asked_at_once(
        lambda client: client.post(
            f"{AUTH}password/reset/confirm/", {**code, "new_password": f"a brand new one {next(numbers)}"}
        )
    )

    assert statuses == [204] + [400] * (ASKING - 1)


@pytest.mark.parametrize("keys", [False, True])
def test_who_knows_the_password_sets_one_of_several_new_ones_sent_at_once(keys):
    user, numbers = UserFactory(), count()
    access = APIClient().post(f"{AUTH}token/", {"email": user.email, "password": PASSWORD}).json()["access"]

    def change(client):
        number = next(numbers)
        headers = {"Authorization": f"Bearer {access}"} | ({"Idempotency-Key": f"change-{number}"} if keys else {})
        passwords = {"old_password": PASSWORD, "new_password": f"a brand new one {number}"}
        return client.post(f"{AUTH}password/", passwords, headers=headers)

    statuses = asked_at_once(change)

    assert statuses.count(204) == 1
    # Who comes later finds another password, or the log-in ended.
    assert set(statuses) <= {204, 400, 401}


@pytest.mark.parametrize("attempt", range(3))
def test_an_invitation_accepted_at_once_gives_one_place(attempt):
    lead = TeamMemberFactory(project=ProjectFactory(), role="lead")
    person = UserFactory()
    made = invite(lead.project, email=person.email, role="member", by=lead.user, now=NOW)
    Invitation.objects.filter(pk=made.pk).update(expires_at=NOW.replace(year=2199))

    def accept(client):
        client.force_authenticate(person)
        return client.post(f"/api/v1/invitations/{made.pk}/accept/")

    statuses = asked_at_once(accept)

    assert statuses[0] < 300
    assert all(status in (404, 409) for status in statuses[1:]), statuses
    assert lead.project.team.filter(user=person).count() == 1
    assert not Invitation.objects.exists()
