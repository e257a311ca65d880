"""What the administration's forms and its log do of whom an erasure or another administrator has removed meanwhile."""

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import DELETION, LogEntry
from django.urls import reverse

from apps.accounts.admin import UserAdmin
from apps.accounts.models import User
from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.projects.tests.factories import TeamMemberFactory
from apps.upkeep.erasing import erase_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_training_begins")]
EMAIL, NAME = "ann@example.com", "Ann Smith"


@pytest.fixture
def ann():
    return TeamMemberFactory(user=UserFactory(email=EMAIL, full_name=NAME)).user


@pytest.fixture
def administrator(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.mark.usefixtures("administrator")
def test_a_page_of_before_the_erasure_writes_nothing(client, ann, now):
    erase_person(EMAIL, now=now)

    answer = client.post(
        reverse("admin:accounts_user_change", args=[ann.pk]), {"email": EMAIL, "full_name": NAME, "is_active": "on"}
    )

    assert "This person was erased" in answer.content.decode()
    assert not User.objects.filter(email=EMAIL).exists()
    assert not User.objects.get(pk=ann.pk).full_name


@pytest.mark.usefixtures("administrator")
@pytest.mark.parametrize("way", [lambda ann, _: ann.delete(), lambda _, now: erase_person(EMAIL, now=now)])
def test_who_goes_between_a_new_password_and_its_line_in_the_log_is_not_named_there(client, ann, way, now, monkeypatch):
    pk, true = ann.pk, UserAdmin.construct_change_message

    def goes(*given):
        way(User.objects.get(pk=pk), now)
        return true(*given)

    monkeypatch.setattr(UserAdmin, "construct_change_message", goes)
    form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    assert client.post(reverse("admin:auth_user_password_change", args=[pk]), form).status_code == 302

    assert not LogEntry.objects.filter(object_id=pk).exists()


def test_who_is_deleted_twice_is_named_in_no_line_of_the_log(ann, administrator, rf):
    request, read = rf.post("/"), list(User.objects.filter(pk=ann.pk))
    request.user = administrator
    ann.delete()

    site.get_model_admin(User).log_deletions(request, read)

    (line,) = LogEntry.objects.filter(action_flag=DELETION)
    assert (line.object_id, line.object_repr) == (str(read[0].pk), str(read[0].pk))
