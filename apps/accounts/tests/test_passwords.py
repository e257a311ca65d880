"""New passwords: chosen by who knows the old one, or by who reads the mail."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.test import APIClient

from apps.accounts.codes import password_codes
from apps.accounts.models import User
from apps.accounts.tasks import MOST_MAILS_AN_HOUR
from apps.accounts.tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db

AUTH = "/api/v1/auth/"
NEW = "an-entirely-new-password"


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com", full_name="Visit https://evil.example")


@pytest.fixture
def tokens(api_client, user):
    return api_client.post(f"{AUTH}token/", {"email": user.email, "password": PASSWORD}).json()


@pytest.fixture
def header(tokens):
    return {"HTTP_AUTHORIZATION": f"Bearer {tokens['access']}"}


def opens(api_client, user, password) -> bool:
    return api_client.post(f"{AUTH}token/", {"email": user.email, "password": password}).status_code == 200


def is_out(api_client, tokens, header) -> bool:
    me = api_client.get(f"{AUTH}me/", **header)
    refreshed = api_client.post(f"{AUTH}token/refresh/", {"refresh": tokens["refresh"]})
    return (me.status_code, refreshed.status_code) == (401, 401)


class TestChange:
    def test_a_new_password_ends_every_log_in_and_session(self, api_client, user, tokens, header):
        session = Client()
        session.force_login(user)
        body = {"old_password": PASSWORD, "new_password": NEW}

        assert api_client.post(f"{AUTH}password/", body, **header).status_code == 204

        user.refresh_from_db()
        assert is_out(api_client, tokens, header)
        assert session.get("/admin/").status_code == 302
        assert (opens(api_client, user, PASSWORD), opens(api_client, user, NEW)) == (False, True)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"old_password": "wrong", "new_password": NEW}, "/old_password"),
            ({"old_password": PASSWORD, "new_password": "short"}, "/new_password"),
            ({"old_password": PASSWORD, "new_password": "password123"}, "/new_password"),
            ({"old_password": PASSWORD, "new_password": "x" * 1001}, "/new_password"),
            ({"new_password": NEW}, "/old_password"),
        ],
    )
    def test_what_is_refused_changes_nothing(self, api_client, user, header, body, pointer):
        answer = api_client.post(f"{AUTH}password/", body, **header)

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == pointer
        assert opens(api_client, user, PASSWORD)

    def test_who_has_a_stolen_token_cannot_guess_the_password(self, api_client, user, header, settings):
        settings.AXES_ENABLED = True
        for _ in range(settings.AXES_FAILURE_LIMIT):
            api_client.post(f"{AUTH}password/", {"old_password": "wrong", "new_password": NEW}, **header)

        answer = api_client.post(f"{AUTH}password/", {"old_password": PASSWORD, "new_password": NEW}, **header)

        assert answer.status_code == 429


class TestReset:
    @pytest.fixture
    def code(self, api_client, user):
        """Uid and token as they came by mail."""
        assert api_client.post(f"{AUTH}password/reset/", {"email": "Ada@Example.com"}).status_code == 202
        uid, token = re.search(r"The code is ([\w-]+)\.([\w-]+)", mail.outbox[0].body).groups()
        return {"uid": uid, "token": token}

    def test_the_code_of_the_mail_sets_a_new_password_once(self, api_client, user, tokens, header, code):
        first, second = (
            api_client.post(f"{AUTH}password/reset/confirm/", {**code, "new_password": NEW}) for _ in range(2)
        )

        assert (first.status_code, second.status_code) == (204, 400)
        assert is_out(api_client, tokens, header)
        assert opens(api_client, user, NEW)

    def test_the_code_is_good_for_two_hours(self, api_client, code):
        with time_machine.travel(timedelta(hours=2, seconds=5)):
            answer = api_client.post(f"{AUTH}password/reset/confirm/", {**code, "new_password": NEW})

        assert answer.status_code == 400

    @pytest.mark.parametrize("fields", [None, ["is_active"]])
    def test_the_code_is_worth_nothing_once_the_account_was_switched_off(self, api_client, user, code, fields):
        for user.is_active in (False, True):
            user.save(update_fields=fields)

        answer = api_client.post(f"{AUTH}password/reset/confirm/", {**code, "new_password": NEW})

        assert answer.status_code == 400
        assert not opens(api_client, user, NEW)

    def test_who_was_switched_on_again_gets_a_code_that_works(self, api_client, user):
        for user.is_active in (False, True):
            user.save()
        code = password_codes.make_token(User.objects.get(pk=user.pk))
        body = {"uid": urlsafe_base64_encode(force_bytes(user.pk)), "token": code, "new_password": NEW}

        assert api_client.post(f"{AUTH}password/reset/confirm/", body).status_code == 204

    def test_nobody_is_sent_more_than_a_few_mails_an_hour_and_nobody_is_told(self, user):
        answers = {
            APIClient(REMOTE_ADDR=f"10.0.0.{n}").post(f"{AUTH}password/reset/", {"email": user.email}).status_code
            for n in range(MOST_MAILS_AN_HOUR + 3)
        }

        assert answers == {202}
        assert len(mail.outbox) == MOST_MAILS_AN_HOUR

    @pytest.mark.parametrize("email", ["nobody@example.com", "imported@example.com", "left@example.com"])
    def test_the_answer_does_not_tell_who_exists(self, api_client, email):
        UserFactory(email="imported@example.com", password=None)
        UserFactory(email="left@example.com", is_active=False)

        answer = api_client.post(f"{AUTH}password/reset/", {"email": email})

        assert (answer.status_code, answer.content) == (202, b"")
        assert mail.outbox == []

    def test_the_mail_has_our_words_and_our_address_only(self, api_client, user, settings):
        settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "https://scrum.example.com", ["*"]

        api_client.post(f"{AUTH}password/reset/", {"email": user.email}, HTTP_HOST="evil.example")

        [message] = mail.outbox
        assert "https://scrum.example.com/password/" in message.body
        assert "evil" not in message.body + message.subject

    @pytest.mark.parametrize("uid", ["", "x", "\u00e9", "AAAA", "bm90LWEtdXVpZA"])
    def test_a_code_of_ones_own_is_no_code(self, api_client, code, uid):
        for body in ({**code, "uid": uid}, {**code, "token": uid}):
            answer = api_client.post(f"{AUTH}password/reset/confirm/", {**body, "new_password": NEW})

            assert answer.status_code == 400

    def test_without_a_worker_the_answer_is_the_same(self, api_client, user, monkeypatch, caplog):
        def away(*_, **__):
            raise ConnectionError

        monkeypatch.setattr("apps.accounts.tasks.send_account_mail.apply_async", away)

        assert api_client.post(f"{AUTH}password/reset/", {"email": user.email}).status_code == 202
        assert "could not be queued" in caplog.text
