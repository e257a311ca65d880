"""The administration's forms beside an erasure, a deletion or the person: what is gone stays so, and nothing is undone.

On a database with two writers; the rest of it is in `test_beside_forms.py`.
"""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.accounts import passwords
from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.projects.tests.factories import TeamMemberFactory
from apps.upkeep.pseudonyms import leave_a_pseudonym
from tests.at_once import in_the_midst_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_training_begins"),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer; the PostgreSQL run has these"),
]
EMAIL, NAME, ANOTHER = "ann@example.com", "Ann Smith", "another-correct-horse"
GONE = {
    "deleted": (User.delete, "Somebody else has just deleted this."),
    "erased": (leave_a_pseudonym, "Somebody else has just changed the same"),
}
FORMS = {
    "accounts_user_change": {"email": EMAIL, "full_name": f"{NAME} Jones", "is_active": "on", "is_staff": "on"},
    "auth_user_password_change": {"password1": ANOTHER, "password2": ANOTHER, "usable_password": "true"},
}


@pytest.fixture
def ann():
    return TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).user


@pytest.fixture
def administrator():
    client = Client(raise_request_exception=False)
    client.force_login(
        UserFactory(is_staff=True, is_superuser=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    return client


@pytest.mark.parametrize("way", GONE)
@pytest.mark.parametrize("form", FORMS)
def test_who_goes_while_a_form_is_sent_is_brought_back_by_none(administrator, ann, way, form):
    goes, told = GONE[way]
    address, pk = reverse(f"admin:{form}", args=[ann.pk]), ann.pk

    answer = in_the_midst_of(
        lambda: goes(User.objects.get(pk=pk)), lambda: administrator.post(address, FORMS[form], follow=True)
    )

    assert told in answer.content.decode()
    for left in User.objects.filter(pk=pk):
        assert left.email.startswith("erased-")
        assert (left.full_name, left.is_active, left.is_staff, left.has_usable_password()) == ("", False, False, False)
    assert User.objects.filter(pk=pk).exists() == (way == "erased")
    assert not LogEntry.objects.filter(object_id=pk).exists()


def test_a_new_password_stays_beside_a_form_that_shows_none(administrator, ann):
    hashed, address = make_password(ANOTHER), reverse("admin:accounts_user_change", args=[ann.pk])

    answer = in_the_midst_of(
        lambda: passwords._keep(User.objects.get(pk=ann.pk), hashed),
        lambda: administrator.post(address, FORMS["accounts_user_change"]),
    )

    ann.refresh_from_db()
    assert answer.status_code == 302
    assert (ann.full_name, ann.is_staff) == (f"{NAME} Jones", True)
    assert ann.check_password(ANOTHER)
    assert not ann.check_password(PASSWORD)


def test_who_is_switched_off_while_a_form_is_sent_stays_off(administrator, ann):
    def switch_off():
        User.objects.filter(pk=ann.pk).update(is_active=False)

    answer = in_the_midst_of(
        switch_off,
        lambda: administrator.post(
            reverse("admin:accounts_user_change", args=[ann.pk]), FORMS["accounts_user_change"], follow=True
        ),
    )

    ann.refresh_from_db()
    assert "Somebody else has just changed the same" in answer.content.decode()
    assert (ann.is_active, ann.is_staff) == (False, False)
