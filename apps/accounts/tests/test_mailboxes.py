"""One person by all spellings of an address, and another one by what only looks like it; on every engine alike."""

import pytest

from apps.accounts.mailboxes import spellings
from apps.accounts.models import User
from apps.accounts.tests.factories import UserFactory
from apps.accounts.tests.test_single_sign_on import sign_on

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("stored", ["kim@müller.example", "Kim@MÜLLER.example", "kim@xn--mller-kva.example"])
@pytest.mark.parametrize(
    "asked",
    ["kim@müller.example", "KIM@MÜLLER.EXAMPLE", "kim@mu\u0308ller.example", "kim@XN--MLLER-KVA.example"],
)
def test_one_person_is_found_by_every_spelling(stored, asked):
    kim = User.objects.create_user(stored)

    assert User.objects.with_email(asked).get() == kim


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("mark@example.com", "mar\u212a@example.com"),
        ("kim@strasse.example", "kim@straße.example"),
        ("kim@muller.example", "kim@müller.example"),
        ("kim@example.com", ""),
    ],
)
def test_what_looks_alike_is_somebody_else(stored, asked):
    User.objects.create_user(stored)

    assert not User.objects.with_email(asked).exists()


@pytest.mark.parametrize("email", ["", "@", "a@", "@b", "a@b..c", "a@" + "x" * 70, "a@xn--\u0130", "a@xn--99999999"])
def test_what_is_no_address_is_no_fault(email):
    assert spellings(email)
    assert not User.objects.with_email(email).exists()


def test_single_sign_on_finds_whom_it_made_in_whichever_case_the_provider_writes(client, provider, settings):
    settings.OIDC_CREATE_USER = True
    provider.person = {"email": "kim@müller.example", "email_verified": True}
    made = sign_on(client)
    client.logout()
    provider.person = {"email": "kim@MÜLLER.example", "email_verified": True}

    assert made is not None
    assert sign_on(client) == made


def test_an_address_that_only_the_database_takes_for_anothers_lets_nobody_in(client, provider, settings):
    settings.OIDC_CREATE_USER = True
    UserFactory(email="mark@example.com")
    provider.person = {"email": "mar\u212a@example.com", "email_verified": True}

    found = sign_on(client)

    assert found is None or found.email == "mar\u212a@example.com"


def test_the_administration_stores_an_address_tidy():
    user = UserFactory.build(email="kim@MÜLLER.example")

    user.clean()

    assert user.email == "kim@müller.example"
