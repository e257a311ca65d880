"""Pages of a person's own account."""

import re

import pytest
from django.core import mail
from django.test import Client

from apps.access.invitations import invite
from apps.access.keys import digest_of
from apps.access.models import ApiKey, Invitation
from apps.accounts.models import LogIn
from apps.accounts.scopes import Scope
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
NEW = "an-entirely-new-password"


@pytest.fixture
def person():
    return UserFactory(email="ada@example.com")


@pytest.fixture
def page(client: Client, person):
    client.force_login(person)
    return client


def test_a_new_password_keeps_this_session_and_ends_the_others(page, person):
    elsewhere = Client()
    elsewhere.force_login(person)
    LogIn.objects.create(user=person, current_token="x", opened_at=NOW, renewed_at=NOW)

    refused = page.post("/password/", {"old_password": "wrong", "new_password": NEW})
    done = page.post("/password/", {"old_password": PASSWORD, "new_password": NEW})

    assert (refused.status_code, done.status_code) == (200, 302)
    assert b"This is not your password" in refused.content
    assert page.get("/projects/").status_code == 200
    assert elsewhere.get("/projects/").status_code == 302
    assert not LogIn.objects.exists()


def test_guesses_at_the_present_password_are_counted(page, settings):
    settings.AXES_ENABLED = True

    answers = [
        page.post("/password/", {"old_password": "wrong", "new_password": NEW}).status_code
        for _ in range(settings.AXES_FAILURE_LIMIT + 1)
    ]

    assert answers[-1] == 429


def test_the_link_of_the_mail_sets_a_password_once(client: Client, person, settings):
    settings.PUBLIC_URL = "https://scrum.example.com"
    client.post("/password/forgotten/", {"email": person.email})
    link = re.search(r"https://scrum\.example\.com(/password/\S+)", mail.outbox[0].body).group(1)

    shown, weak = client.get(link), client.post(link, {"new_password": "short"})
    done, again = client.post(link, {"new_password": NEW}), client.post(link, {"new_password": NEW})

    assert (shown.status_code, shown["Referrer-Policy"], weak.status_code) == (200, "no-referrer", 200)
    assert (done["Location"], again["Location"]) == ("/login/", "/password/forgotten/")
    person.refresh_from_db()
    assert person.check_password(NEW)


def test_the_page_does_not_tell_who_has_an_account(client: Client, person):
    told = [
        client.post("/password/forgotten/", {"email": email}, follow=True).content
        for email in (person.email, "nobody@example.com")
    ]

    assert b"If there is such an account" in told[0]
    assert re.sub(rb'value="[^"]+"', b"", told[0]) == re.sub(rb'value="[^"]+"', b"", told[1])


def test_a_key_is_made_shown_once_and_withdrawn(page, person):
    made = page.post("/keys/", {"name": "CI <b>", "scopes": ["read"], "project": "", "days": 30})

    text = re.search(r"sml_\w+_[\w-]+", made.content.decode()).group()
    key = ApiKey.objects.get(user=person)
    assert key.digest == digest_of(text)
    assert b"CI &lt;b&gt;" in made.content
    assert text not in page.get("/keys/").content.decode()
    assert page.post(f"/keys/{key.id}/withdraw/").status_code == 302
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("name", ["k\x07P", "k\u202eP", "\u200b", "a\nb", "a\x00b"])
def test_a_key_has_a_name_that_an_endpoint_would_take(page, name):
    answer = page.post("/keys/", {"name": name, "scopes": ["read"], "project": "", "days": 30})

    assert not ApiKey.objects.exists()
    assert answer.status_code == 200
    assert answer.context["form"].errors.keys() == {"name"}


def test_a_key_is_for_a_project_of_ones_own(page):
    foreign = TeamMemberFactory().project

    answer = page.post("/keys/", {"name": "CI", "scopes": ["read"], "project": str(foreign.id), "days": 30})

    assert not ApiKey.objects.exists()
    assert foreign.key.encode() not in answer.content


@pytest.mark.parametrize(("answer", "joins"), [("accept", True), ("decline", False)])
def test_an_invitation_is_answered_on_the_first_page(page, person, answer, joins, monkeypatch):
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    lead = TeamMemberFactory(role="lead", user__full_name="Lea Lead")
    made = invite(lead.project, email=person.email, role="viewer", by=lead.user, now=NOW)

    shown = page.get("/projects/").content.decode()
    page.post(f"/invitations/{made.id}/", {"answer": answer})

    assert f"Lea Lead invites you to the project {lead.project.name}" in shown
    assert lead.project.team.filter(user=person, role="viewer").exists() is joins
    assert not Invitation.objects.exists()


def test_what_a_key_of_each_scope_may_do_is_said_where_it_is_chosen(client):
    client.force_login(UserFactory())

    told = client.get("/keys/").content.decode()

    assert [scope for scope in Scope if f"{scope}: " not in told] == []
