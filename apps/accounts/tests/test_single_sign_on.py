"""Single sign-on against a provider that answers over a socket: who is let in, and what is not good enough."""

import subprocess
import sys
from typing import Any

import pytest
import requests
from django.core import mail
from django.core.checks import run_checks
from django.test import Client
from joserfc.jwk import OctKey, RSAKey

from apps.accounts.mails import MailKind, send_mail_to
from apps.accounts.models import User
from apps.accounts.tests.conftest import ADA
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.accounts.tests.provider import CLIENT_ID, CLIENT_SECRET, TestProvider
from apps.common.operations.slips import SETTINGS

pytestmark = pytest.mark.django_db

START, BACK = "/login/single-sign-on/", "/login/single-sign-on/back/"


def to_the_provider_and_back(client: Client, then: str = "") -> str:
    """The address that the provider sends the browser to, as a path."""
    away = client.get(f"{START}?next={then}" if then else START)
    there = requests.get(away["Location"], allow_redirects=False, timeout=10)
    return there.headers["Location"].removeprefix("http://testserver")


def who_is_in(client: Client) -> User | None:
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key) if key else None


def sign_on(client: Client) -> User | None:
    client.get(to_the_provider_and_back(client))
    return who_is_in(client)


# --- Let in -------------------------------------------------------------------------------------------------------
def test_who_has_an_account_comes_in_and_where_they_wanted_to(client, provider, ada):
    answer = client.get(to_the_provider_and_back(client, "/keys/"))

    assert (answer.status_code, answer["Location"]) == (302, "/keys/")
    assert who_is_in(client) == ada
    assert client.get("/keys/").status_code == 200


def test_the_log_in_page_has_a_button_only_where_there_is_a_provider(client, provider, settings):
    page = client.get("/login/?next=/keys/").content.decode()
    settings.OIDC_ISSUER = ""

    assert 'href="/login/single-sign-on/?next=/keys/">Log in with &lt;Example&gt;</a>' in page
    assert "single-sign-on" not in client.get("/login/").content.decode()
    assert [client.get(place).status_code for place in (START, BACK)] == [404, 404]


def test_a_session_ends_when_the_account_is_switched_off(client, provider, ada):
    sign_on(client)
    ada.is_active = False
    ada.save()

    assert client.get("/keys/")["Location"].startswith("/login/")


def test_passwords_still_work_and_do_not_ask_the_provider(client, provider, ada):
    provider.said_of_itself = {"issuer": "https://other.example"}

    assert client.post("/login/", {"username": ada.email, "password": PASSWORD}).status_code == 302
    assert who_is_in(client) == ada


def test_an_account_is_made_only_where_that_is_wanted_and_is_in_no_team(client, provider, settings):
    assert sign_on(client) is None
    settings.OIDC_CREATE_USER = True

    made = sign_on(client)

    assert made is not None
    assert (made.email, made.has_usable_password()) == ("ada@example.com", False)
    assert (made.is_staff, made.is_superuser, made.memberships.count()) == (False, False, 0)
    assert sign_on(Client()) == made


def test_who_comes_in_this_way_alone_is_told_of_invitations_and_has_no_password_to_forget(provider):
    user = UserFactory(email="ada@example.com", password=None)
    for kind in MailKind:
        send_mail_to(kind, user.email)

    assert [message.subject for message in mail.outbox] == ["An invitation on Scrum ML"]


# --- Not let in ---------------------------------------------------------------------------------------------------
def test_an_account_that_is_switched_off_stays_so(client, provider, ada, settings):
    settings.OIDC_CREATE_USER = True
    ada.is_active = False
    ada.save()

    assert sign_on(client) is None
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "person",
    [
        {**ADA, "email_verified": False},
        {**ADA, "email_verified": "yes"},
        {key: ADA[key] for key in ("email", "name")},
        {"email_verified": True},
        {**ADA, "email": ["ada@example.com"]},
        {**ADA, "email": "ada"},
        {**ADA, "email": "ada@example.com\x00"},
        {**ADA, "email": f"{'a' * 64}@{'b' * 60}.{'c' * 63}.{'d' * 63}.example.com"},
    ],
    ids=["unverified", "a word", "unsaid", "none", "a list", "no address", "nul", "too long"],
)
def test_only_a_proven_address_lets_in(client, provider, ada, settings, person):
    settings.OIDC_CREATE_USER = True
    provider.person = person

    assert sign_on(client) is None
    assert User.objects.count() == 1


def test_the_same_address_in_the_providers_words_lets_in(client, provider, ada):
    provider.person = {**ADA, "email_verified": "true"}

    assert sign_on(client) == ada


def spoilt(**changes: Any):
    return lambda claims: {name: value for name, value in {**claims, **changes}.items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"aud": "another-client"},
        {"aud": ["another-client", CLIENT_ID], "azp": "another-client"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": "8"},
        {"sub": None},
        {"nonce": "of another log-in"},
        {"nonce": None},
        {"nbf": 4_000_000_000},
    ],
    ids=lambda changes: " ".join(f"{name}={value}" for name, value in changes.items()),
)
def test_a_token_that_is_not_for_this_log_in_lets_nobody_in(client, provider, ada, changes):
    provider.twist = spoilt(**changes)

    assert sign_on(client) is None


def signed_by_another(provider: TestProvider):
    return lambda claims: provider.signed(claims, key=type(provider.key).generate_key(2048))


def signed_by_nobody(provider: TestProvider):
    return lambda claims: provider.signed(claims).rpartition(".")[0] + "."


def signed_with_the_secret(provider: TestProvider):
    return lambda claims: provider.signed(claims, key=OctKey.import_key(CLIENT_SECRET), algorithm="HS256")


def no_token(provider: TestProvider):
    return lambda claims: "no.token.at-all"


@pytest.mark.parametrize("forge", [signed_by_another, signed_by_nobody, signed_with_the_secret, no_token])
def test_a_forged_token_lets_nobody_in(client, provider, ada, forge):
    provider.sign = forge(provider)

    answer = client.get(to_the_provider_and_back(client))

    assert (answer.status_code, answer["Location"], who_is_in(client)) == (302, "/login/", None)


@pytest.mark.parametrize("said", [[], "text", {"sub": "8", **ADA}, {**ADA}], ids=["list", "text", "another", "nobody"])
def test_what_the_provider_says_of_somebody_else_lets_nobody_in(client, provider, ada, said):
    provider.userinfo = said

    assert sign_on(client) is None


def told_as_a_token(provider: TestProvider, **changes: Any):
    provider.sign_userinfo = lambda said: provider.sign(
        spoilt(**changes)({"iss": provider.issuer, "aud": CLIENT_ID, **said})
    )


@pytest.mark.parametrize("changes", [{}, {"aud": ["another", CLIENT_ID]}, {"exp": 4_000_000_000}])
def test_an_answer_that_is_a_token_lets_in(client, provider, ada, changes):
    told_as_a_token(provider, **changes)

    assert sign_on(client) == ada


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"}, {"iss": None}, {"aud": "another-client"}, {"aud": None}, {"sub": "8"},
        {"sub": None}, {"exp": 1_000_000_000}, {"email_verified": False},
    ],
    ids=str,
)  # fmt: skip
def test_an_answer_that_is_a_token_for_others_lets_nobody_in(client, provider, ada, changes):
    told_as_a_token(provider, **changes)

    assert sign_on(client) is None


@pytest.mark.parametrize("forge", [signed_by_another, signed_by_nobody, signed_with_the_secret, no_token])
def test_an_answer_that_is_a_forged_token_lets_nobody_in(client, provider, ada, forge):
    provider.sign_userinfo = lambda said: forge(provider)({"iss": provider.issuer, "aud": CLIENT_ID, **said})

    assert sign_on(client) is None


# --- The way there and back ---------------------------------------------------------------------------------------
def test_a_way_back_is_good_once_and_in_its_own_browser(client, provider, ada):
    way_back = to_the_provider_and_back(client)

    assert Client().get(way_back)["Location"] == "/login/", "Somebody else's browser has not begun this."
    assert client.get(way_back.replace("state=", "state=x")).status_code == 400
    client.get(way_back)
    assert who_is_in(client) == ada
    assert client.get(way_back).status_code == 400


def test_an_address_of_the_provider_may_have_a_question_of_its_own(client, provider, ada):
    provider.said_of_itself = {"authorization_endpoint": f"{provider.issuer}/authorize?p=b2c_1"}

    assert client.get(START)["Location"].startswith(f"{provider.issuer}/authorize?p=b2c_1&response_type=code&")
    assert sign_on(client) == ada


@pytest.mark.parametrize(("names", "use"), [(False, "enc"), (True, "enc"), (True, "sig")])
def test_the_key_is_the_first_that_is_named_or_the_only_one(client, provider, ada, names, use):
    other = RSAKey.generate_key(2048, {"kid": "one", "use": use}).as_dict(private=False)
    provider.names_its_key, provider.other_keys = names, [other]

    assert sign_on(client) == ada


def test_of_several_keys_one_is_named(client, provider, ada):
    provider.names_its_key = False
    provider.other_keys = [RSAKey.generate_key(2048, {"kid": "two"}).as_dict(private=False)]

    assert sign_on(client) is None


def test_a_code_of_another_browser_does_not_fit_the_challenge(client, provider, ada):
    stolen, mine = to_the_provider_and_back(Client()), to_the_provider_and_back(client)
    code = stolen.partition("code=")[2].partition("&")[0]
    own = mine.partition("code=")[2].partition("&")[0]

    client.get(mine.replace(own, code))

    assert who_is_in(client) is None


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_house(client, provider, ada, then):
    assert client.get(to_the_provider_and_back(client, then))["Location"] == "/projects/"


@pytest.mark.parametrize(
    "said",
    [{"issuer": "https://other.example"}, {"token_endpoint": "nowhere"}, {"jwks_uri": None}],
    ids=["issuer", "no address", "unsaid"],
)
def test_a_provider_that_is_not_itself_leads_back_with_a_sentence(client, provider, said):
    provider.said_of_itself = said

    answer = client.get(START, follow=True)

    assert answer.redirect_chain == [("/login/", 302)]
    assert "Single sign-on did not work" in answer.content.decode()


BROKEN = {
    "bad gzip": ({"Content-Encoding": "gzip"}, b"rubbish"),
    "too deep": ({}, b"[" * 100_000),
    "cut off": ({"Content-Length": "1000"}, b"{"),
    "a chunk of a size below nothing": ({"Transfer-Encoding": "chunked"}, b"-5\r\n{}"),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"])
def test_an_answer_of_the_provider_that_is_broken_leads_back_with_a_sentence(client, provider, ada, path, how):
    provider.broken[path] = BROKEN[how]

    if path.startswith("/.well"):
        answer = client.get(START, follow=True)
    else:
        answer = client.get(to_the_provider_and_back(client), follow=True)

    assert answer.redirect_chain == [("/login/", 302)]
    assert "Single sign-on did not work" in answer.content.decode()
    assert who_is_in(client) is None


def test_a_link_that_tells_of_a_refusal_ends_nobodys_session(client, provider, ada):
    sign_on(client)

    for state in ("", "&state=x"):
        assert client.get(f"{BACK}?error=access_denied{state}")["Location"] == "/login/"

    assert who_is_in(client) == ada


def test_a_refusal_of_what_was_asked_is_one(client, provider, ada):
    state = to_the_provider_and_back(client).partition("state=")[2].partition("&")[0]

    answer = client.get(f"{BACK}?error=access_denied&state={state}", follow=True)

    assert "Single sign-on did not work" in answer.content.decode()
    assert state not in client.session["oidc_states"]


def test_a_provider_that_is_away_leads_back_and_its_refusal_too(client, provider, ada, settings):
    assert client.get(f"{BACK}?error=access_denied")["Location"] == "/login/"
    way_back = to_the_provider_and_back(client)
    provider.codes.clear()
    assert client.get(way_back)["Location"] == "/login/"
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert client.get(START)["Location"] == "/login/"


def test_a_provider_that_fails_locks_no_account(client, provider, ada):
    provider.person = {}
    for _ in range(6):
        sign_on(client)
    provider.person = dict(ADA)

    assert sign_on(client) == ada


def test_the_deploy_check_asks_the_provider(provider, settings):
    def told():
        return [found.msg for found in run_checks(include_deployment_checks=True) if found.id == "accounts.E001"]

    assert told() == []
    settings.OIDC_ISSUER = provider.issuer + "/"
    [fault] = told()
    assert "to the letter" in fault
    settings.OIDC_ISSUER = ""
    assert told() == []


# --- Settings -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "value", "slip"),
    [
        ("OIDC_ISSUER", "id.example.com", "OIDC_ISSUER does not begin with https:// or http://."),
        ("OIDC_ISSUER", "http://id.example.com", "OIDC_ISSUER is reached without TLS"),
        ("OIDC_ISSUER", "https://id.example.com?x=1", "OIDC_ISSUER holds a question"),
        ("OIDC_ISSUER", "https://u:p@id.example.com", "OIDC_ISSUER holds a name or a password"),
        ("OIDC_ISSUER", "https://id.example.com/.well-known/openid-configuration", "OIDC_ISSUER ends with"),
        ("OIDC_ISSUER", "", "OIDC_ISSUER is empty, so nothing else"),
        ("OIDC_RP_CLIENT_ID", "", "OIDC_ISSUER is set and OIDC_CLIENT_ID is empty."),
        ("OIDC_RP_CLIENT_SECRET", " ", "OIDC_ISSUER is set and OIDC_CLIENT_SECRET is empty."),
        ("OIDC_NAME", "", "OIDC_ISSUER is set and OIDC_NAME is empty."),
    ],
)
def test_slips_of_its_settings_stop_the_start(provider, settings, name, value, slip):
    assert run_checks(tags=[SETTINGS]) == []
    setattr(settings, name, value)

    assert [found.msg for found in run_checks(tags=[SETTINGS]) if found.msg.startswith(slip)]


def test_nothing_of_it_is_loaded_while_it_is_off():
    code = (
        "import sys, base.wsgi; from django.urls import reverse; reverse('dashboard:single-sign-on');"
        "print([name for name in ('mozilla_django_oidc', 'requests') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
