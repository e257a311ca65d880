"""Invitations: nobody is in a team without having accepted, and nobody learns who has an account."""

from datetime import timedelta
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.db import connection

from apps.access.invitations import MOST_OPEN, OPEN_FOR, accept, invitations_to, invite
from apps.access.models import Invitation
from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import Conflict
from apps.projects.models import TeamMember
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from apps.projects.tests.leaving import WAYS
from conftest import NOW

MINE = "/api/v1/invitations/"


@pytest.fixture(autouse=True)
def _a_monday():
    with time_machine.travel(NOW, tick=False):
        yield


def test_who_accepts_is_in_the_team(as_, people, url):
    made = as_("lead").post(url("invitations"), {"email": people["stranger"].email.upper(), "role": "viewer"})

    [seen] = as_("stranger").get(MINE).json()["results"]
    assert as_("stranger").get(url()).status_code == 404, "An invitation alone opens nothing."
    joined = as_("stranger").post(f"{MINE}{seen['id']}/accept/")

    assert (made.status_code, joined.status_code, joined.json()["role"]) == (201, 201, "viewer")
    assert as_("stranger").get(url()).status_code == 200
    assert as_("lead").get(url("invitations")).json()["count"] == 0


def test_who_declines_is_not(as_, people, url):
    as_("lead").post(url("invitations"), {"email": people["stranger"].email})
    [seen] = as_("stranger").get(MINE).json()["results"]

    assert as_("stranger").post(f"{MINE}{seen['id']}/decline/").status_code == 204
    assert not Invitation.objects.exists()
    assert as_("stranger").get(url()).status_code == 404


def test_the_answer_does_not_tell_who_has_an_account(as_, url):
    known = UserFactory(email="known@example.com")

    answers = [as_("lead").post(url("invitations"), {"email": email}) for email in (known.email, "nobody@example.com")]

    shapes = [(answer.status_code, {**answer.json(), "id": 0, "email": ""}) for answer in answers]
    assert shapes[0] == shapes[1]


def test_a_mail_goes_to_accounts_only_and_says_nothing_of_the_project(
    as_, url, settings, django_capture_on_commit_callbacks
):
    settings.PUBLIC_URL = "https://scrum.example.com"
    UserFactory(email="known@example.com")
    as_("lead").patch(url(), {"name": "You won, see https://evil.example"})

    with django_capture_on_commit_callbacks(execute=True):
        for email in ("known@example.com", "nobody@example.com"):
            as_("lead").post(url("invitations"), {"email": email})

    [message] = mail.outbox
    assert message.to == ["known@example.com"]
    assert "https://scrum.example.com/" in message.body
    assert "evil" not in message.subject + message.body


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_only_leads_invite_and_see_who_is_invited(as_, people, url, role):
    assert as_(role).post(url("invitations"), {"email": "a@example.com"}).status_code == 403
    assert as_(role).get(url("invitations")).status_code == 403
    assert as_("stranger").get(url("invitations")).status_code == 404


def test_anothers_invitation_is_not_there(as_, people, url, project):
    made = invite(project, email="known@example.com", role="lead", by=people["lead"], now=NOW)

    assert as_("stranger").post(f"{MINE}{made.id}/accept/").status_code == 404
    assert as_("stranger").post(f"{MINE}{made.id}/decline/").status_code == 404
    assert not TeamMember.objects.filter(user=people["stranger"], project=project).exists()


def test_an_old_invitation_is_gone_and_a_new_one_takes_its_place(as_, people, project, url):
    made = invite(project, email=people["stranger"].email, role="lead", by=people["lead"], now=NOW - OPEN_FOR)

    assert as_("stranger").post(f"{MINE}{made.id}/accept/").status_code == 404
    assert as_("lead").post(url("invitations"), {"email": people["stranger"].email}).status_code == 201
    with time_machine.travel(NOW + OPEN_FOR - timedelta(seconds=1), tick=False):
        assert as_("stranger").get(MINE).json()["count"] == 1


def test_what_cannot_be_invited(as_, people, project, url):
    address = url("invitations")

    assert as_("lead").post(address, {"email": people["member"].email.upper()}).status_code == 409
    assert as_("lead").post(address, {"email": "no address"}).status_code == 400
    assert as_("lead").post(address, {"email": "a@example.com", "role": "owner"}).status_code == 400
    assert as_("lead").post(address, {"email": "a@example.com"}).status_code == 201
    assert as_("lead").post(address, {"email": "A@example.com"}).status_code == 409
    for number in range(MOST_OPEN - 1):
        invite(project, email=f"n{number}@example.com", role="member", by=people["lead"], now=NOW)
    assert as_("lead").post(address, {"email": "b@example.com"}).status_code == 409


def test_a_withdrawn_invitation_cannot_be_accepted(as_, people, project, url):
    made = invite(project, email=people["stranger"].email, role="lead", by=people["lead"], now=NOW)

    assert as_("lead").delete(url("invitations", made.id)).status_code == 204
    assert as_("stranger").post(f"{MINE}{made.id}/accept/").status_code == 404


@pytest.mark.parametrize("left", WAYS)
def test_who_leads_no_more_lets_nobody_in_by_an_invitation_of_before(as_, people, project, url, left):
    rogue = TeamMemberFactory(project=project, role="lead")
    made = invite(project, email=people["stranger"].email, role="lead", by=rogue.user, now=NOW)

    WAYS[left](rogue)

    assert as_("stranger").get(MINE).json()["count"] == 0
    assert as_("stranger").post(f"{MINE}{made.id}/accept/").status_code == 404
    with pytest.raises(Conflict):
        accept(made, by=people["stranger"], now=NOW)
    assert as_("lead").get(url("invitations")).json()["count"] == 0
    assert as_("lead").post(url("invitations"), {"email": people["stranger"].email}).status_code == 201


def test_whoever_runs_the_service_invites_without_being_in_the_team(as_, people, project):
    invite(project, email=people["stranger"].email, role="viewer", by=UserFactory(is_superuser=True), now=NOW)

    assert as_("stranger").get(MINE).json()["count"] == 1


@pytest.mark.parametrize("email", ["zoe@MÜLLER.example", "ZOE@xn--mller-kva.example"])
def test_an_invitation_is_seen_by_whom_it_means_however_it_is_spelled(as_, url, email):
    zoe = UserFactory(email="zoe@müller.example")

    assert as_("lead").post(url("invitations"), {"email": email}).status_code == 201

    assert [each.email for each in invitations_to(zoe, now=NOW)]
    assert as_("lead").post(url("invitations"), {"email": zoe.email}).status_code == 409
    assert Invitation.objects.get().email == zoe.email


@pytest.mark.django_db
def test_of_earlier_invitations_to_one_mailbox_the_newest_stays():
    project = ProjectFactory()
    for number, email in enumerate(("kim@xn--strae-oqa.example", "kim@stra\u00dfe.example", "Ann@example.com")):
        made = Invitation.objects.create(
            project=project, email=f"{number}@example.com", created_at=NOW + timedelta(hours=number), expires_at=NOW
        )
        with connection.cursor() as cursor:
            cursor.execute("UPDATE access_invitation SET email = %s WHERE email = %s", [email, made.email])

    import_module("apps.access.migrations.0003_hosts_one_to_one").keep_mailboxes(apps, None)

    assert {*Invitation.objects.values_list("email", flat=True)} == {"kim@stra\u00dfe.example", "ann@example.com"}
    assert not Invitation.objects.filter(created_at=NOW).exists()
