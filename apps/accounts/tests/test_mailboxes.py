"""One person by all spellings of an address, and another one by what only looks like it; on every engine alike."""

import unicodedata
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from apps.accounts.lock_out import account_tried
from apps.accounts.mailboxes import as_name_servers_write, composed, decomposed, mailbox, paired
from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory
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


#: An address, how else it is written, and what only looks like it.
RULE = {
    "blanks and case": ("ann.smith@example.com", [" Ann.Smith@EXAMPLE.com\n"], ["annsmith@example.com"]),
    "pairs of any script": (
        "zo\u00eb.\u044f\u03c3@example.com",
        ["ZO\u00cb.\u042f\u03a3@example.com", "zoe\u0308.\u044f\u03c3@example.com"],
        ["zoe.\u044f\u03c3@example.com", "zo\u00eb.\u044f\u03c2@example.com"],
    ),
    "hosts": (
        "kim@m\u00fcller.example",
        ["kim@XN--MLLER-KVA.example", "Kim@M\u00dcLLER.example", "kim@mu\u0308ller.example"],
        ["kim@muller.example", "kim@m\u00fcller.example.com", "kim@xn--mller-kva.xn--mller-kva"],
    ),
    "look-alikes": (
        "mark.singer@example.com",
        ["MARK.SINGER@example.com"],
        [
            "mar\u212a.singer@example.com",  # of Kelvin
            "mark.\u017finger@example.com",  # long s
            "mark.s\u0131nger@example.com",  # i without a dot
            "mark.s\u0130nger@example.com",  # capital I with one
            "\uff4dark.singer@example.com",  # full width
            "m\u0430rk.singer@example.com",  # Cyrillic a
            "mark.singer@e\u0445ample.com",
            "mark.singer@\uff45xample.com",
            "mark.singer+1@example.com",
            "mark_singer@example.com",
        ],
    ),
    "sharp s": (
        "kim@stra\u00dfe.example",
        ["KIM@stra\u00dfe.example", "kim@XN--strae-oqa.example"],
        ["kim@strasse.example", "kim@stra\u1e9ee.example", "kim@xn--stra-oqa.example"],
    ),
    "last sigma": (
        "nik@\u03bd\u03af\u03ba\u03bf\u03c2.example",
        ["nik@xn--kxawhkp.example", "nik@\u03bd\u03b9\u0301\u03ba\u03bf\u03c2.example"],
        ["nik@\u03bd\u03af\u03ba\u03bf\u03c3.example", "nik@\u03bd\u03b9\u03ba\u03bf\u03c2.example"],
    ),
    "joiners": (
        "sam@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example",
        ["sam@xn--mgba3gch31f060k.example"],
        ["sam@\u0646\u0627\u0645\u0647\u0627\u06cc.example"],
    ),
    "hosts of Kelvin": (
        "kim@\u212aelvin.example",
        [" KIM@\u212aELVIN.example", "kim@xn--elvin-r74b.example"],
        ["kim@kelvin.example", "kim@xn--kelvin-.example"],
    ),
    "unit and letter": ("\u00e5sa@example.com", ["\u00c5SA@example.com"], ["\u212bsa@example.com", "asa@example.com"]),
}


@pytest.mark.parametrize(("stored", "same", "others"), RULE.values(), ids=RULE)
def test_whose_mailbox_it_is(stored, same, others):
    user = User.objects.create_user(stored)
    strangers = {other: User.objects.create_user(other) for other in others}

    for asked in (stored, *same):
        assert mailbox(asked) == mailbox(stored)
        assert User.objects.with_email(asked).get() == user
        assert account_tried(RequestFactory().post("/"), {"username": asked}) == mailbox(stored)
    for asked, stranger in strangers.items():
        assert mailbox(asked) != mailbox(stored)
        assert User.objects.with_email(asked).get() == stranger


@pytest.mark.parametrize("same", [same for _, spelled, _ in RULE.values() for same in spelled])
def test_a_mailbox_has_one_account(same):
    User.objects.create_user(mailbox(same))

    with pytest.raises(ValidationError, match="exists"):
        User(email=same).validate_unique()


def with_other_forms():
    """Characters that have another case or form, or join what stands before them."""
    for code in range(0x30000):
        character = chr(code)
        others = {character.lower(), character.upper(), character.casefold()}
        others |= {unicodedata.normalize(form, character) for form in ("NFC", "NFD", "NFKC")}
        if others != {character} or unicodedata.combining(character):
            yield character


#: Of those that have none, 165,000 ideographs and places without a character, each is as good as the other: one in 64.
ALONE = [chr(code) for code in range(0, 0x30000, 64) if not 0xD800 <= code < 0xE000]


def test_every_character_has_one_small_letter_that_stays():
    """Whatever somebody types: what is stored is found by what is stored, and grows no longer than its column."""
    for character in [*with_other_forms(), *ALONE]:
        text = f"a{character}b@x{character}.example"
        own = mailbox(text)
        assert len(own) <= len(text)
        assert mailbox(own) == own
        if len(pair := paired(character)) > 1:
            assert {mailbox(f"{each}@b.example") for each in pair} == {mailbox(f"{character}@b.example")}
        written = mailbox(f"a@{as_name_servers_write(character)}")
        assert mailbox(written) == written


def test_doubles_of_other_characters_are_left_by_both_forms():
    for double in "\u212a\u2126\u212b\u0340\u0958\uf900":
        assert unicodedata.normalize("NFC", double) != double
        assert composed(f"e\u0308{double}") == f"\u00eb{double}"
        assert decomposed(f"\u00eb{double}") == f"e\u0308{double}"


#: Behind xn--: nothing, too much, half a character, a blank at the end, a capital, an accent behind its letter.
NO_HOSTS = ["xn--", "xn--abc-", "xn--\u0130", "xn--99999999", "xn--ib9b", "xn--x-4ba", "xn--dca", "xn--e-xbb"]


@pytest.mark.parametrize("email", ["", "@", "a@", "@b", "a@b..c", "a@" + "x" * 70, *(f"a@{host}" for host in NO_HOSTS)])
def test_what_is_no_address_is_no_fault(email):
    assert mailbox(mailbox(email)) == mailbox(email)
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

    user.clean_fields(exclude=["password"])

    assert user.email == "kim@müller.example"


def over_the_api(client, email):
    answer = client.post("/api/v1/auth/token/", {"email": email, "password": PASSWORD}, "application/json")
    return answer.status_code == 200


def on_the_page(client, email):
    return client.post("/login/", {"username": email, "password": PASSWORD}).status_code == 302


def in_the_administration(client, email):
    return client.post("/admin/login/?next=/admin/", {"username": email, "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize("log_in", [over_the_api, on_the_page, in_the_administration])
@pytest.mark.parametrize("stored", ["mark@example.com", "mar\u212a@example.com", "\uff4dark@example.com"])
def test_every_log_in_goes_by_the_rule(log_in, stored):
    """The pages took signs of Kelvin and letters of full width for letters of English."""
    UserFactory(email=stored, is_staff=True)
    asked = ["MARK@example.com", "MAR\u212a@example.com", "\uff2dark@example.com"]

    assert [log_in(Client(), each) for each in asked] == [mailbox(each) == stored for each in asked]


def test_addresses_of_before_become_mailboxes():
    """One account of two to one mailbox keeps it: who logged in last; the other stays, and opens by no address."""
    before = {
        "new": "Kim@xn--mller-kva.example",
        "old": "KIM@m\u00fcller.example",
        "own": "ann@example.com",
        "sharp": "ann@xn--strae-oqa.example",
    }
    users = {name: UserFactory() for name in before}
    placeholder = UserFactory(is_placeholder=True, is_active=False)
    with connection.cursor() as cursor:
        for name, email in before.items():
            cursor.execute("UPDATE accounts_user SET email = %s WHERE email = %s", [email, users[name].email])
        asked = ["Zo\u00cb@example.com", placeholder.email]
        cursor.execute("UPDATE accounts_user SET named_address = %s WHERE email = %s", asked)
    User.objects.filter(pk=users["new"].pk).update(last_login=timezone.now())

    import_module("apps.accounts.migrations.0006_hosts_one_to_one").keep_mailboxes(apps, None)

    stored = {name: User.objects.values_list("email", flat=True).get(pk=user.pk) for name, user in users.items()}
    double = f"double-{users['old'].pk.hex}@double.invalid"
    assert stored == before | {"new": "kim@m\u00fcller.example", "old": double, "sharp": "ann@stra\u00dfe.example"}
    users["old"].refresh_from_db()
    assert users["old"].named_address == "kim@m\u00fcller.example"
    # A backup of them can be put back.
    assert len({mailbox(email) for email in stored.values()}) == len(before)
    assert User.objects.with_email("kim@M\u00dcLLER.example").get() == users["new"]
    placeholder.refresh_from_db()
    assert placeholder.named_address == "zo\u00eb@example.com"


#: Of two accounts that were made one after the other: address, whether it is switched on, days since the last log-in.
CLAIMS = {
    "on before off": [("kim@m\u00fcller.example", False, 1), ("kim@xn--mller-kva.example", True, None)],
    "the last before the right spelling": [("kim@m\u00fcller.example", True, 99), ("KIM@m\u00fcller.example", True, 1)],
    "used before never used": [("kim@m\u00fcller.example", True, None), ("kim@xn--mller-kva.example", True, 99)],
    "the right spelling before the first": [
        ("KIM@m\u00fcller.example", True, None),
        ("kim@m\u00fcller.example", True, None),
    ],
}


@pytest.mark.parametrize("pair", CLAIMS.values(), ids=CLAIMS)
def test_of_two_accounts_of_one_mailbox_the_one_in_use_keeps_it_and_the_log_names_the_other(pair, caplog):
    """The second one of each pair."""
    other, kept = UserFactory(), UserFactory()
    for user, (email, is_active, days) in zip((other, kept), pair, strict=True):
        last_login = None if days is None else timezone.now() - timedelta(days=days)
        User.objects.filter(pk=user.pk).update(is_active=is_active, last_login=last_login)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_user SET email = %s WHERE email = %s", [email, user.email])

    import_module("apps.accounts.migrations.0006_hosts_one_to_one").keep_mailboxes(apps, None)

    assert User.objects.with_email("kim@m\u00fcller.example").get() == kept
    other.refresh_from_db()
    assert (other.email, other.named_address) == (f"double-{other.pk.hex}@double.invalid", "kim@m\u00fcller.example")
    assert f"account={other.pk} other={kept.pk}" in caplog.text
