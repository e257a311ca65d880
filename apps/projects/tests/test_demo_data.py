"""The demonstration team: the same every time, believable, learnable, with its troubles in place."""

import errno
import math
import os
import random
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from statistics import correlation, median

import pytest
from django.core.management import call_command

from apps.accounts.models import User
from apps.projects.demo.story import (
    COMPLETED_SPRINTS,
    LOGIN_EMAIL,
    PASSWORD_FILE,
    POINTS_SCALE,
    SEED,
    Work,
    ensure_login,
    invent_work,
    seed_demo_team,
    sprint_starts,
)
from apps.projects.models import Issue, IssueChange, Project, Sprint, SprintSnapshot, TeamMember

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: Every day of a week, at hours in and out of the working day.
ANY_TIME = [NOW + timedelta(days=day, hours=5 * day) for day in range(7)]


def story(now: datetime = NOW) -> list[Work]:
    return invent_work(now, random.Random(SEED))


@pytest.fixture(scope="module")
def finished() -> list[Work]:
    return [work for work in story() if work.resolved_at]


def test_the_story_is_the_same_every_time():
    assert story() == story()


@pytest.mark.parametrize("now", ANY_TIME)
def test_it_is_always_two_years_up_to_now_with_a_sprint_about_half_over(now):
    starts = sprint_starts(now.date())
    work = story(now)

    assert len(starts) == COMPLETED_SPRINTS + 1
    assert len({start.weekday() for start in starts}) == 1
    assert starts[-1].weekday() < 5
    assert 5 <= (now.date() - starts[-1]).days <= 8
    assert 550 <= sum(one.resolved_at is not None for one in work) <= 680
    assert all(moment <= now for one in work for moment, *_ in one.history)


@pytest.mark.parametrize("now", ANY_TIME)
def test_nothing_happens_before_its_time(now):
    for work in story(now):
        assert all(work.created_at <= moment for moment, *_ in work.history)
        if work.resolved_at:
            assert work.started_at
            assert work.created_at <= work.started_at < work.resolved_at <= now
            assert work.status == "Done"


@pytest.mark.parametrize("now", ANY_TIME)
def test_the_history_leads_to_the_present(now):
    for work in story(now):
        for name, start in (("status", "To do"), ("sprint", None), ("assignee", None), ("story_points", None)):
            changes = sorted((moment, old, new) for moment, field, old, new in work.history if field == name)
            values = [start, *(new for *_, new in changes)]
            assert [old for _, old, _ in changes] == values[:-1]
            if changes:
                present = work.points if name == "story_points" else getattr(work, name)
                assert values[-1] == present


@pytest.mark.parametrize("now", ANY_TIME)
def test_the_troubles_are_in_place_on_any_day(now):
    work = story(now)

    delivered = Counter(one.sprint for one in work if one.resolved_at)
    usual = median(delivered[sprint] for sprint in range(COMPLETED_SPRINTS - 8, COMPLETED_SPRINTS - 1))
    running = [one for one in work if one.sprint == COMPLETED_SPRINTS]
    stale = [
        one for one in work if not one.resolved_at and one.created_at < now - timedelta(days=35) and not one.sprint
    ]
    assert delivered[COMPLETED_SPRINTS - 1] <= usual / 2
    assert sum(one.resolved_at is not None for one in running) / len(running) < 0.3
    assert any(one.assignee is None for one in running)
    assert len(stale) >= 20
    assert sum(one.assignee is None for one in stale) >= 10


def test_how_much_is_written_tells_nothing_of_the_hours(finished):
    """The original's demonstration made text length a function of hours, which made its model look good."""
    log_hours = [math.log(work.actual_hours) for work in finished]

    for length in (lambda work: len(work.title), lambda work: len(work.description)):
        assert abs(correlation([length(work) for work in finished], log_hours)) < 0.12


def test_what_the_work_is_tells_something_of_the_hours(finished):
    hours_of = {kind: [w.actual_hours for w in finished if w.issue_type == kind] for kind in ("bug", "story")}
    log_hours = [math.log(work.actual_hours) for work in finished]

    assert median(hours_of["story"]) > 1.5 * median(hours_of["bug"])
    assert 0.5 < correlation([math.log(work.points) for work in finished], log_hours) < 0.95


def test_points_are_on_the_scale_and_estimates_too_low_as_people_make_them(finished):
    estimated = [work for work in finished if work.estimated_hours]

    assert {work.points for work in finished} <= set(POINTS_SCALE)
    assert 1.2 < median(work.actual_hours / work.estimated_hours for work in estimated) < 1.7
    assert 0.8 < len(estimated) / len(finished) < 0.95


@pytest.mark.django_db
def test_the_team_is_made_once_and_a_second_run_changes_nothing():
    project, made = seed_demo_team(now=NOW)
    before = list(Issue.objects.order_by("pk").values()), IssueChange.objects.count()

    again, made_again = seed_demo_team(now=NOW + timedelta(days=3))

    assert (made, made_again) == (True, False)
    assert again == project
    assert (list(Issue.objects.order_by("pk").values()), IssueChange.objects.count()) == before
    assert project.sprints.filter(status=Sprint.Status.ACTIVE).count() == 1
    assert project.team.get(role=TeamMember.Role.LEAD).user.email == LOGIN_EMAIL


@pytest.mark.django_db
def test_the_database_says_what_the_story_says():
    project, _ = seed_demo_team(now=NOW)

    done = project.issues.filter(resolved_at__isnull=False)
    assert project.issues.count() == len(story())
    assert set(done.values_list("status__category", flat=True)) == {"done"}
    assert not done.filter(actual_hours=None).exists()
    assert not project.issues.filter(resolved_at=None, actual_hours__isnull=False).exists()
    for issue in project.issues.exclude(sprint=None)[:50]:
        last = issue.changes.filter(field="sprint").last()
        assert last.new_value == str(issue.sprint_id)


@pytest.mark.django_db
def test_work_comes_into_sprints_late_leaves_them_and_is_carried_over():
    seed_demo_team(now=NOW)

    frozen = list(SprintSnapshot.objects.order_by("frozen_at"))
    assert len(frozen) == COMPLETED_SPRINTS
    assert sum(one.added_issues for one in frozen) >= COMPLETED_SPRINTS / 2
    assert sum(one.removed_issues for one in frozen) >= COMPLETED_SPRINTS / 10
    assert sum(one.carried_over_issues for one in frozen) >= COMPLETED_SPRINTS / 2
    assert frozen[-1].carried_over_issues > frozen[-1].completed_issues


@pytest.mark.django_db
def test_the_login_has_a_password_of_its_own_that_only_its_owner_can_read(tmp_path):
    user, password = ensure_login(tmp_path)
    again, same = ensure_login(tmp_path)

    assert (again, same) == (user, password)
    assert User.objects.get(email=LOGIN_EMAIL).check_password(password)
    assert stat.S_IMODE((tmp_path / "demo_password").stat().st_mode) == 0o600
    assert len(password) >= 16


@pytest.mark.django_db
def test_the_command_says_where_the_password_is_but_not_what_it_is(settings, tmp_path):
    settings.VAR_DIR, out = tmp_path, StringIO()

    call_command("seed_demo", stdout=out)
    call_command("seed_demo", stdout=out)

    assert (tmp_path / "demo_password").read_text() not in out.getvalue()
    assert out.getvalue().count("completed issues") == 2
    assert "is there already" in out.getvalue()
    assert Project.objects.count() == 1


@pytest.mark.django_db
def test_the_login_can_be_made_without_the_team(settings, tmp_path):
    settings.VAR_DIR = tmp_path

    call_command("seed_demo", "--login-only", stdout=StringIO())

    assert User.objects.filter(email=LOGIN_EMAIL).exists()
    assert not Project.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("torn", [b"", b"\n", b"\0" * 16, b"\xff" * 16])
def test_a_torn_file_of_the_password_is_none(tmp_path, torn):
    """As a full disk or a power cut leaves it: with an empty password nobody could log in, for good."""
    (tmp_path / PASSWORD_FILE).write_bytes(torn)

    user, password = ensure_login(tmp_path)

    assert len(password) == 16
    assert (tmp_path / PASSWORD_FILE).read_text() == password
    assert user.check_password(password)
    assert ensure_login(tmp_path) == (user, password)


@pytest.mark.django_db
def test_a_disk_that_is_full_leaves_no_half_of_a_password(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(OSError, match="No space left"):
        ensure_login(tmp_path)

    assert not (tmp_path / PASSWORD_FILE).exists()


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
