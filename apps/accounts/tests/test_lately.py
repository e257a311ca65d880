"""Who asks is remembered for seconds: what a process ends itself ends at once, what another ends within five."""

import pytest
from django.utils import timezone

from apps.accounts import log_ins
from apps.accounts.log_ins import access_token
from apps.accounts.models import LogIn, User
from apps.accounts.tests.factories import UserFactory
from apps.common.lately import MOST, SECONDS, Lately

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/projects/"


class Clock:
    """Seconds that pass when told."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(log_ins, "_LATELY", Lately(LogIn, User, clock=clock))
    return clock


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(api_client, user, clock):
    api_client.credentials(HTTP_AUTHORIZATION=f"Bearer {access_token(user, now=timezone.now())}")
    assert api_client.get(ADDRESS).status_code == 200
    return api_client


@pytest.mark.parametrize(
    "end",
    [
        lambda user: LogIn.objects.filter(user=user).delete(),
        lambda user: (user.set_password("another-one-1"), user.save()),
        lambda user: (setattr(user, "is_active", False), user.save()),
        lambda user: user.delete(),
    ],
    ids=["log-out", "new password", "switched off", "deleted"],
)
def test_what_this_process_ends_has_ended_at_once(client, user, end):
    end(user)

    assert client.get(ADDRESS).status_code == 401


def test_what_another_process_ends_has_ended_within_five_seconds(client, user, clock):
    # No signal tells of an update, as none tells of other processes.
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(ADDRESS).status_code == 200

    clock.now += SECONDS

    assert SECONDS <= 5
    assert client.get(ADDRESS).status_code == 401


def test_what_is_read_before_a_commit_is_forgotten_with_it(user, clock, django_capture_on_commit_callbacks):
    """Until then other threads read what was before, and would go on with it for seconds."""
    known = Lately(User, clock=clock)
    with django_capture_on_commit_callbacks(execute=True):
        user.save()
        known.put("a", user, None, since=known.n_forgotten)

    assert known.get("a") is None


def test_what_was_read_before_a_change_is_not_remembered_after_it(user, clock):
    known = Lately(User, clock=clock)
    since = known.n_forgotten
    user.save()

    known.put("a", user, None, since=since)

    assert known.get("a") is None


def test_a_token_that_runs_out_meanwhile_is_looked_at_again(client, monkeypatch):
    monkeypatch.setattr(log_ins.time, "time", lambda: timezone.now().timestamp() + 10**7)
    looked_at = []
    validated = log_ins.LogInAuthentication.get_validated_token
    monkeypatch.setattr(
        log_ins.LogInAuthentication,
        "get_validated_token",
        lambda self, text: looked_at.append(text) or validated(self, text),
    )

    client.get(ADDRESS)

    assert len(looked_at) == 1


def test_everybody_gets_a_person_of_their_own(user, clock):
    known = Lately(clock=clock)
    known.put("a", user, None, since=0)

    first, second = known.get("a"), known.get("a")
    first[0].confined_to = "a project"

    assert second[0] == user
    assert second[0].confined_to is None


def test_no_more_is_remembered_than_fits(user, clock):
    known = Lately(clock=clock)
    for number in range(MOST + 1):
        known.put(number, user, None, since=0)

    assert known.get(0) is None
    assert known.get(MOST) is not None
