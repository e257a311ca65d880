"""Who is sent to the provider and does not come back leaves nothing for long."""

import pytest
from django.conf import settings as configured
from django.test import Client

from apps.accounts.single_sign_on.views import AWAY_SECONDS
from apps.accounts.tests.factories import PASSWORD
from apps.accounts.tests.test_single_sign_on import START, sign_on

pytestmark = pytest.mark.django_db


def test_a_session_of_who_is_sent_away_ends_in_minutes(provider):
    client = Client()

    client.get(START)

    assert client.session.get_expiry_age() == AWAY_SECONDS


def test_who_comes_back_has_a_session_as_long_as_any(client, provider, ada):
    assert sign_on(client) == ada
    assert client.session.get_expiry_age() == configured.SESSION_COOKIE_AGE


def test_so_has_who_types_a_password_after_all(client, provider, ada):
    client.get(START)

    client.post("/login/", {"username": ada.email, "password": PASSWORD})

    assert client.session.get_expiry_age() == configured.SESSION_COOKIE_AGE


def test_who_is_in_and_is_sent_away_stays_in(client, provider, ada):
    sign_on(client)

    client.get(START)

    assert client.session.get_expiry_age() == configured.SESSION_COOKIE_AGE
