"""Guessing a password, at each place to log in: locked by account and address, behind a proxy too."""

from datetime import timedelta

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.settings import api_settings

from apps.accounts.codes import password_codes
from apps.accounts.hashers import AT_ONCE, Argon2InTurn, TooManyLogIns, in_turn
from apps.accounts.lock_out import KNOWN_BROWSER
from apps.accounts.log_ins import log_in
from apps.accounts.models import LogIn, User
from apps.accounts.tasks import forget_log_ins
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.common.counters import forget_all

pytestmark = pytest.mark.django_db

LIMIT = django_settings.AXES_FAILURE_LIMIT
TOKEN = "/api/v1/auth/token/"


@pytest.fixture(autouse=True)
def _lock_out(settings):
    settings.AXES_ENABLED = True


@pytest.fixture
def user():
    return UserFactory(email="ada@example.com", is_staff=True, is_superuser=True)


def over_the_api(client, email, password, **headers):
    return client.post(TOKEN, {"email": email, "password": password}, content_type="application/json", **headers)


def in_the_administration(client, email, password, **headers):
    return client.post("/admin/login/?next=/admin/", {"username": email, "password": password}, **headers)


PLACES = [over_the_api, in_the_administration]


@pytest.mark.parametrize("place", PLACES)
def test_wrong_passwords_lock_the_account_for_this_address(client, user, place):
    answers = [place(client, user.email, "wrong") for _ in range(LIMIT)]

    locked = place(client, user.email.upper(), PASSWORD)

    assert [answer.status_code for answer in answers[:-1]] == [401 if place is over_the_api else 200] * (LIMIT - 1)
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert over_the_api(client, user.email, PASSWORD, REMOTE_ADDR="10.0.0.9").status_code == 200, "not for others"


@pytest.mark.parametrize("place", PLACES)
def test_one_place_locks_the_other(client, user, place):
    for _ in range(LIMIT):
        place(client, user.email, "wrong")

    assert [other(client, user.email, PASSWORD).status_code for other in PLACES] == [429, 429]


def test_what_is_locked_is_told_as_a_problem_and_does_not_tell_who_exists(client, user):
    told = []
    for email in (user.email, "nobody@example.com"):
        for _ in range(LIMIT):
            over_the_api(client, email, "wrong")
        told.append(over_the_api(client, email, "wrong"))

    assert told[0]["Content-Type"] == "application/problem+json"
    assert told[0].json()["code"] == "throttled"
    assert [answer.status_code for answer in told] == [429, 429]
    assert told[0].json() == told[1].json()


def guesses(client, email, number):
    """From an address each."""
    return [over_the_api(client, email, "wrong", REMOTE_ADDR=f"10.1.0.{n}") for n in range(number)]


@pytest.fixture
def three_guesses(monkeypatch):
    """Of an account in a day."""
    forget_all()
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "account", "3/day")


def test_many_addresses_that_guess_at_one_account_find_it_closed_to_strangers(client, user, three_guesses):
    assert {answer.status_code for answer in guesses(client, user.email, 3)} == {401}

    for place in PLACES:
        locked = place(client, user.email.upper(), PASSWORD, REMOTE_ADDR="10.9.9.9")
        assert locked.status_code == 429
        assert 0 < int(locked["Retry-After"]) <= 86_400
    other = UserFactory(email="bob@example.com")
    assert over_the_api(client, other.email, PASSWORD, REMOTE_ADDR="10.9.9.9").status_code == 200
    with time_machine.travel(timedelta(days=1)):
        assert over_the_api(client, user.email, PASSWORD, REMOTE_ADDR="10.9.9.9").status_code == 200


def test_a_closed_account_tells_no_more_than_one_that_is_not_there(client, user, three_guesses):
    told = [(guesses(client, email, 4)[-1].status_code) for email in (user.email, "nobody@example.com")]

    assert told == [429, 429]


def test_a_browser_that_has_been_in_the_account_still_comes_in(client, user, three_guesses):
    known, stranger = Client(), Client()
    log_in = {"username": user.email, "password": PASSWORD}
    assert known.post("/login/", log_in, REMOTE_ADDR="10.8.0.1").status_code == 302
    del known.cookies["sessionid"]
    cookie = known.cookies[KNOWN_BROWSER]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    guesses(client, user.email, 3)

    assert known.post("/login/", log_in, REMOTE_ADDR="10.8.0.1").status_code == 302
    assert stranger.post("/login/", log_in, REMOTE_ADDR="10.8.0.2").status_code == 429
    known.cookies[KNOWN_BROWSER] = cookie.value[:-2] + "xx"
    assert known.post("/login/", log_in, REMOTE_ADDR="10.8.0.1").status_code == 429


def test_a_browser_known_to_one_account_is_a_stranger_to_another(client, user, three_guesses):
    other, known = UserFactory(email="bob@example.com"), Client()
    known.post("/login/", {"username": other.email, "password": PASSWORD}, REMOTE_ADDR="10.8.0.1")
    guesses(client, user.email, 3)

    assert known.post("/login/", {"username": user.email, "password": PASSWORD}).status_code == 429


def test_who_sets_a_new_password_by_mail_comes_in_at_once(client, user, three_guesses):
    uid, token = urlsafe_base64_encode(force_bytes(user.pk)), password_codes.make_token(user)
    guesses(client, user.email, 3)
    owner = Client()

    owner.post(f"/password/{uid}/{token}/", {"new_password": "another-" + PASSWORD})

    log_in = {"username": user.email, "password": "another-" + PASSWORD}
    assert owner.post("/login/", log_in, REMOTE_ADDR="10.8.0.1").status_code == 302


def test_the_clock_forgets_what_is_over(client, user):
    over_the_api(client, user.email, "wrong")
    client.post("/login/", {"username": user.email, "password": PASSWORD}, REMOTE_ADDR="10.8.0.1")
    log_in(user, now=timezone.now())
    forget_log_ins()
    assert (AccessAttempt.objects.count(), LogIn.objects.count(), Session.objects.count()) == (1, 1, 1)

    with time_machine.travel(timedelta(minutes=16)):
        forget_log_ins()
    assert (AccessAttempt.objects.count(), LogIn.objects.count(), Session.objects.count()) == (0, 1, 1)
    with time_machine.travel(timedelta(days=15)):
        forget_log_ins()
    assert (LogIn.objects.count(), Session.objects.count()) == (0, 0)


def test_what_failed_by_a_clock_that_was_ahead_is_over_when_it_is_set_back(client, user):
    with time_machine.travel(timedelta(days=1)):
        guesses(client, user.email, LIMIT)

    forget_log_ins()

    assert client.post("/login/", {"username": user.email, "password": PASSWORD}).status_code == 302


def test_after_a_quarter_of_an_hour_the_door_is_open(client, user):
    for _ in range(LIMIT + 2):
        over_the_api(client, user.email, "wrong")

    with time_machine.travel(timedelta(minutes=15, seconds=5)):
        assert over_the_api(client, user.email, PASSWORD).status_code == 200
    assert not AccessAttempt.objects.exists()


def test_who_gets_in_begins_anew(client, user):
    for _ in range(2):
        for _ in range(LIMIT - 1):
            over_the_api(client, user.email, "wrong")
        assert over_the_api(client, user.email, PASSWORD).status_code == 200


def test_behind_a_proxy_one_guesser_locks_only_themselves_out(client, user, monkeypatch):
    monkeypatch.setattr(api_settings, "NUM_PROXIES", 1)

    def asks(address, password):
        # What the client wrote itself stands first, what our proxy adds stands last.
        forwarded = {"HTTP_X_FORWARDED_FOR": f"1.2.3.4, {address}", "REMOTE_ADDR": "10.0.0.1"}
        return over_the_api(client, user.email, password, **forwarded).status_code

    for _ in range(LIMIT):
        asks("198.51.100.7", "wrong")

    assert (asks("198.51.100.7", PASSWORD), asks("198.51.100.8", PASSWORD)) == (429, 200)


def test_without_a_proxy_a_header_makes_no_new_address(client, user):
    for number in range(LIMIT):
        over_the_api(client, user.email, "wrong", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")

    assert over_the_api(client, user.email, PASSWORD, HTTP_X_FORWARDED_FOR="10.9.9.9").status_code == 429


@pytest.mark.parametrize("place", PLACES)
def test_one_address_that_tries_many_accounts_is_slowed(client, user, monkeypatch, place):
    forget_all()
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "login", "3/min")

    # Within one minute, however long the hashing takes here.
    with time_machine.travel(timezone.now(), tick=False):
        answers = [place(client, f"person{number}@example.com", "wrong").status_code for number in range(4)]

    assert answers[3] == 429
    assert 429 not in answers[:3]


class TestHashing:
    def test_only_some_hash_at_a_time_and_the_next_is_told_to_come_again(self):
        entered = [in_turn(0.0) for _ in range(AT_ONCE)]
        for each in entered:
            each.__enter__()

        with pytest.raises(TooManyLogIns):
            in_turn(0.0).__enter__()
        for each in entered:
            each.__exit__(None, None, None)
        with in_turn(0.0):
            pass

    def test_who_has_to_come_again_is_told_when(self, client, user, monkeypatch):
        def too_many(*_, **__):
            raise TooManyLogIns

        monkeypatch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.verify", too_many)

        answer = over_the_api(client, user.email, PASSWORD)

        assert (answer.status_code, answer["Retry-After"]) == (503, "10")

    @pytest.mark.parametrize(
        ("path", "form"),
        [
            ("/admin/login/", {"username": "nobody@example.com", "password": PASSWORD}),
            (
                "/admin/accounts/user/add/",
                {
                    "email": "new@example.com",
                    "usable_password": "true",
                    "password1": "a-long-0ne",
                    "password2": "a-long-0ne",
                },
            ),
            (
                "/admin/accounts/user/{pk}/password/",
                {"usable_password": "true", "password1": "a-long-0ne", "password2": "a-long-0ne"},
            ),
        ],
    )
    def test_the_administration_says_so_too(self, user, monkeypatch, path, form):
        def too_many(*_, **__):
            raise TooManyLogIns

        browser = Client()
        if path != "/admin/login/":
            browser.force_login(User.objects.create_superuser("admin@example.com", PASSWORD))
        monkeypatch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.encode", too_many)

        answer = browser.post(path.format(pk=user.pk), form)

        assert (answer.status_code, answer["Retry-After"]) == (503, "10")
        assert "Try again in a few seconds." in answer.content.decode()

    def test_the_product_hashes_in_turn(self):
        from base import settings

        assert settings.PASSWORD_HASHERS[0] == f"{Argon2InTurn.__module__}.{Argon2InTurn.__name__}"
        hasher = Argon2InTurn()
        assert hasher.verify("secret", hasher.encode("secret", "salt" * 4))
