"""Accounts in the administration pages."""

import pytest
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory


@pytest.fixture
def admin(client, db):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


def test_accounts_are_listed_and_opened(client, admin):
    assert client.get(reverse("admin:accounts_user_changelist"), {"q": "person"}).status_code == 200
    assert client.get(reverse("admin:accounts_user_change", args=[admin.pk])).status_code == 200


def test_who_was_imported_is_switched_on_by_nobody(client, admin):
    person = UserFactory(
        email="x@shop.imported.invalid", is_active=False, is_placeholder=True, named_address="x@a.example"
    )
    form = {"email": person.email, "full_name": "X", "date_joined_0": "2026-01-01", "date_joined_1": "00:00"}
    address = reverse("admin:accounts_user_change", args=[person.pk])

    refused = client.post(address, {**form, "is_active": "on"})

    assert refused.status_code == 200
    assert "invite it to the project" in refused.content.decode()
    assert client.post(address, form).status_code == 302


def test_an_account_is_made_by_address(client, admin):
    form = {
        "email": "new@example.com", "full_name": "New Person", "usable_password": "true",
        "password1": PASSWORD, "password2": PASSWORD,
    }  # fmt: skip

    response = client.post(reverse("admin:accounts_user_add"), form)

    assert response.status_code == 302, response.content
    assert User.objects.get(email="new@example.com").check_password(PASSWORD)
