"""An account that was switched off and on again: nothing of before lets anybody in."""

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.access.invitations import invite
from apps.access.keys import create_key
from apps.access.models import Invitation
from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_monday():
    with time_machine.travel(NOW, tick=False):
        yield


AUTH, ME = "/api/v1/auth/", "/api/v1/auth/me/"


def switch(user: User, *, on: bool) -> None:
    """As the administration does."""
    admin = Client()
    admin.force_login(UserFactory(is_staff=True, is_superuser=True))
    form = {"email": user.email, "full_name": user.full_name, **({"is_active": "on"} if on else {})}
    answer = admin.post(reverse("admin:accounts_user_change", args=[user.pk]), form)
    assert answer.status_code == 302, answer.content


def test_no_token_session_or_key_of_before_is_good_again():
    user = UserFactory()
    tokens = APIClient().post(f"{AUTH}token/", {"email": user.email, "password": PASSWORD}).json()
    _, key = create_key(user, name="CI", scopes=["read"], project=None, days=9, now=NOW)
    page, other = Client(), Client()
    page.force_login(user)
    other.force_login(UserFactory())

    def let_in() -> list[int]:
        sent = [f"Bearer {tokens['access']}", f"Bearer {key}"]
        return [
            *(APIClient(headers={"Authorization": each}).get(ME).status_code for each in sent),
            page.get("/keys/").status_code,
        ]

    assert let_in() == [200, 200, 200]

    switch(user, on=False)
    assert let_in() == [401, 401, 302]
    switch(user, on=True)

    assert let_in() == [401, 401, 302]
    assert APIClient().post(f"{AUTH}token/refresh/", {"refresh": tokens["refresh"]}).status_code == 401
    assert other.get("/keys/").status_code == 200
    assert APIClient().post(f"{AUTH}token/", {"email": user.email, "password": PASSWORD}).status_code == 200


def test_an_invitation_of_theirs_ends_too():
    lead = TeamMemberFactory(role="lead")
    invite(lead.project, email="friend@example.com", role="lead", by=lead.user, now=NOW)

    switch(lead.user, on=False)
    switch(lead.user, on=True)

    assert not Invitation.objects.exists()


def test_what_somebody_changes_of_their_own_account_ends_nothing():
    user = UserFactory()
    _, key = create_key(user, name="CI", scopes=["read"], project=None, days=9, now=NOW)

    user.full_name = "Another Name"
    user.save()

    assert APIClient(headers={"Authorization": f"Bearer {key}"}).get(ME).status_code == 200


@pytest.mark.parametrize("by", ["api", "page"])
def test_a_log_in_that_is_under_way_meanwhile_lets_nobody_in(monkeypatch, by):
    user = UserFactory()
    hashed = User.check_password

    def while_switched(self: User, password: str) -> bool:
        is_right = hashed(self, password)
        for is_on in (False, True):
            switch(User.objects.get(pk=user.pk), on=is_on)
        return is_right

    monkeypatch.setattr(User, "check_password", while_switched)
    page = Client()
    if by == "api":
        answer = APIClient().post(f"{AUTH}token/", {"email": user.email, "password": PASSWORD})
        assert answer.status_code == 401
        assert answer.json()["code"] == "log_in_ended"
    else:
        page.post("/login/", {"username": user.email, "password": PASSWORD})
        assert page.get("/keys/").status_code == 302
