"""The administration answers what no browser sends with 400, whatever list or form it is sent to."""

import pytest
from django.contrib import admin
from django.urls import reverse

from apps.accounts.tests.factories import PASSWORD, UserFactory

#: No identifier, no letter of a database's text, half a character, a number beyond any column, nothing at all.
HOSTILE = ["x" * 5_000, "a\0b", "\ud800", "99999999999999999999", "-1", "", "1e309", "²"]


@pytest.fixture
def superuser(client, db):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.fixture
def lists():
    """The name of each list, as addresses write it."""
    return [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_an_action_on_what_is_no_row_is_a_fault_of_the_sender(client, superuser, lists, value):
    client.raise_request_exception = False

    for name in lists:
        form = {"action": "delete_selected", "_selected_action": _sent(value)}
        assert client.post(reverse(f"admin:{name}_changelist"), form).status_code in (200, 302, 400, 403), name


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value)[:12])
def test_a_choice_of_what_is_no_row_is_a_fault_of_the_sender(client, superuser, value):
    client.raise_request_exception = False
    address = reverse("admin:accounts_user_change", args=[superuser.pk])
    fields = ["groups", "user_permissions", "email", "full_name", "date_joined_0", "last_login_1"]

    for field in fields:
        assert client.post(address, {"email": superuser.email, field: _sent(value)}).status_code in (200, 302, 400)


def test_the_page_of_a_bad_value_says_what_is_wrong(client, superuser):
    form = {"action": "delete_selected", "_selected_action": "a\0b"}

    answer = client.post(reverse("admin:projects_issue_changelist"), form)

    assert answer.status_code == 400


def _sent(value: str) -> str | bytes:
    return value.encode(errors="surrogatepass")
