"""Logging in, staying logged in, and who one is then."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.utils import timezone
from rest_framework.settings import api_settings

from apps.accounts import log_ins
from apps.accounts.models import LogIn, User
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.common.counters import forget_all

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, ME = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/auth/me/"
LOG_OUT = "/api/v1/auth/log-out/"


@pytest.fixture
def user():
    return UserFactory(email="Ada.Lovelace@example.com", full_name="Ada Lovelace")


@pytest.fixture
def log_in(api_client):
    return lambda email, password=PASSWORD: api_client.post(TOKEN, {"email": email, "password": password})


class TestToken:
    @pytest.mark.parametrize("email", ["Ada.Lovelace@example.com", "ada.lovelace@EXAMPLE.COM"])
    def test_address_and_password_give_a_token_that_opens_the_door(self, user, log_in, api_client, email):
        access = log_in(email).json()["access"]

        response = api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}")

        assert response.json()["id"] == str(user.id)

    def test_two_addresses_differing_in_case_are_one(self, user):
        with pytest.raises(IntegrityError):
            UserFactory(email=user.email.lower())

    @pytest.mark.parametrize(
        ("email", "password"), [("Ada.Lovelace@example.com", "wrong"), ("nobody@example.com", PASSWORD)]
    )
    def test_who_exists_cannot_be_told_from_the_answer(self, user, log_in, email, password):
        response = log_in(email, password)

        assert response.status_code == 401
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["detail"] == "No active account found with the given credentials"

    def test_a_deactivated_account_stays_out_even_with_a_token(self, user, log_in, api_client):
        access = log_in(user.email).json()["access"]
        User.objects.update(is_active=False)

        assert log_in(user.email).status_code == 401
        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 401

    def test_who_was_only_imported_cannot_log_in(self, log_in):
        UserFactory(email="imported@example.com", password=None)

        assert log_in("imported@example.com", "").status_code == 400
        assert log_in("imported@example.com", "None").status_code == 401

    @pytest.mark.parametrize(
        "body", [{}, {"email": "a@example.com"}, {"email": "a\0b", "password": "x"}, {"email": [], "password": {}}, []]
    )
    def test_what_is_no_login_is_refused(self, api_client, body):
        response = api_client.post(TOKEN, body, format="json")

        assert response.status_code == 400
        assert response["Content-Type"] == "application/problem+json"


class TestRefresh:
    def test_a_new_access_token_comes_from_the_refresh_token(self, user, log_in, api_client):
        refresh = log_in(user.email).json()["refresh"]

        access = api_client.post(REFRESH, {"refresh": refresh}).json()["access"]

        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200

    def test_each_refresh_token_is_good_once_and_a_copy_ends_the_log_in(self, user, log_in, api_client):
        stolen = log_in(user.email).json()["refresh"]
        elsewhere = log_in(user.email).json()["access"]
        renewed = api_client.post(REFRESH, {"refresh": stolen}).json()

        reused = api_client.post(REFRESH, {"refresh": stolen})

        assert (reused.status_code, reused.json()["code"]) == (401, "token_reused")
        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {renewed['access']}").status_code == 401
        assert api_client.post(REFRESH, {"refresh": renewed["refresh"]}).status_code == 401
        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {elsewhere}").status_code == 200

    def test_who_logs_out_is_out(self, user, log_in, api_client):
        here, elsewhere = log_in(user.email).json(), log_in(user.email).json()

        assert api_client.post(LOG_OUT, {"refresh": here["refresh"]}).status_code == 204

        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {here['access']}").status_code == 401
        assert api_client.post(REFRESH, {"refresh": here["refresh"]}).status_code == 401
        header = {"HTTP_AUTHORIZATION": f"Bearer {elsewhere['access']}"}
        assert api_client.post("/api/v1/auth/log-out-everywhere/", **header).status_code == 204
        assert api_client.get(ME, **header).status_code == 401

    def test_log_ins_that_nobody_can_renew_are_forgotten(self, user, log_in):
        log_in(user.email)
        with time_machine.travel(timedelta(days=8)):
            log_in(user.email)

        assert LogIn.objects.count() == 1

    def test_a_deleted_account_is_out(self, user, log_in, api_client):
        tokens = log_in(user.email).json()
        user.delete()

        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").status_code == 401
        assert api_client.post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401

    @pytest.mark.parametrize("claim", ["log_in", "user_id", "hash_password", "exp", "iat", "jti", "token_type"])
    @pytest.mark.parametrize(
        "value", [None, "", 1, 1e308, -1, True, [], {}, "x" * 100, "a\0b", "00000000-0000-4000-8000-000000000000"]
    )
    def test_claims_that_are_not_ours_open_nothing_and_break_nothing(self, user, api_client, claim, value):
        for token in (log_ins.log_in(user, now=timezone.now()), log_ins.log_in(user, now=timezone.now()).access_token):
            token.payload[claim] = value
            as_access = api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {token}")
            as_refresh = api_client.post(REFRESH, {"refresh": str(token)})

            assert as_access.status_code in (401, 200 if claim in ("iat", "exp", "jti") else 401)
            assert as_refresh.status_code in (401, 200 if claim in ("iat", "exp") else 401)

    @pytest.mark.parametrize("refresh", ["nonsense", "a.b.c", "x" * 10_000])
    def test_nothing_comes_from_nonsense(self, api_client, refresh):
        response = api_client.post(REFRESH, {"refresh": refresh})

        assert (response.status_code, response.json()["code"]) == (401, "token_not_valid")

    def test_tokens_end(self, user, log_in, api_client):
        tokens = log_in(user.email).json()

        with time_machine.travel(timedelta(minutes=61)):
            assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").status_code == 401
            assert api_client.post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 200
        with time_machine.travel(timedelta(days=8)):
            assert api_client.post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401

    @pytest.mark.parametrize("ahead", [timedelta(seconds=2), timedelta(hours=3)])
    def test_tokens_of_a_clock_that_was_ahead_are_good(self, user, log_in, api_client, ahead):
        """Of another machine's, or of this one's until it was set back."""
        with time_machine.travel(timezone.now() + ahead):
            tokens = log_in(user.email).json()

        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").status_code == 200
        assert api_client.post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 200

    def test_tokens_of_a_clock_that_was_ahead_are_good_once_they_are_renewed(self, user, log_in, api_client):
        refresh = log_in(user.email).json()["refresh"]
        with time_machine.travel(timezone.now() + timedelta(hours=3)):
            tokens = api_client.post(REFRESH, {"refresh": refresh}).json()

        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {tokens['access']}").status_code == 200
        assert api_client.post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 200

    def test_a_refresh_token_opens_no_door(self, user, log_in, api_client):
        refresh = log_in(user.email).json()["refresh"]

        assert api_client.get(ME, HTTP_AUTHORIZATION=f"Bearer {refresh}").status_code == 401

    @pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Basic eDp5", "Bearer \u00e9", "Bearer a.b.c"])
    def test_a_broken_header_is_not_a_login(self, api_client, header):
        assert api_client.get(ME, HTTP_AUTHORIZATION=header).status_code == 401


class TestThrottle:
    @pytest.fixture(autouse=True)
    def three_a_minute(self, monkeypatch, settings):
        settings.AXES_ENABLED = True
        forget_all()
        monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "login", "3/min")
        # Windows are minutes of the clock, and the next may begin between two attempts.
        with time_machine.travel(timezone.now(), tick=False):
            yield

    def test_guessing_is_slowed_down(self, user, log_in):
        answers = [log_in(user.email, "wrong").status_code for _ in range(3)]

        response = log_in(user.email)

        assert answers == [401, 401, 401]
        assert (response.status_code, response.json()["code"]) == (429, "throttled")
        assert 1 <= int(response["Retry-After"]) <= 61

    def test_a_minute_later_the_door_is_open_again(self, user, log_in):
        for _ in range(4):
            log_in(user.email, "wrong")

        with time_machine.travel(timedelta(seconds=61)):
            assert log_in(user.email).status_code == 200


def test_the_product_throttles_by_default():
    from base import settings

    assert settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["login"] == "20/min"
    assert api_settings.DEFAULT_THROTTLE_RATES == {}, "tests switch it off"


def test_who_is_not_logged_in_is_nobody(api_client):
    assert api_client.get(ME).status_code == 401
