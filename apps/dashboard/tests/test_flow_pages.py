"""Flow, why the date moved, what we said, parts and references: the pages and their parts, and who may see them."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tests.factories import UserFactory
from apps.ml.models import KeptForecast
from apps.ml.services.flow import flow_answer
from apps.ml.services.forecasts.keeping import keep_due_forecasts, moved_answer
from apps.projects.demo.story import seed_demo_team
from apps.projects.models import Project
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
PARTS = ("moved", "said", "parts", "references")
#: A page with everything: its own bytes, beside 40 kB of sheets and script that all pages share.
MOST_BYTES = 80_000


@pytest.fixture(scope="module")
def project(django_db_setup, django_db_blocker) -> Iterator[Project]:
    """The demonstration with two kept forecasts, made once: each test works inside this transaction."""
    with pytest.MonkeyPatch.context() as patch, django_db_blocker.unblock(), transaction.atomic():
        patch.setattr(timezone, "now", lambda: NOW)
        project, _ = seed_demo_team(now=NOW)
        for days in (7, 0):
            keep_due_forecasts(project, now=NOW - timedelta(days=days))
        yield project
        transaction.set_rollback(True)


@pytest.fixture
def visitor(project, client):
    client.force_login(TeamMemberFactory(project=project, role="member").user)
    return client


def address(name: str, project: Project, **more: object) -> str:
    return reverse(f"dashboard:{name}", kwargs={"key": project.key, **more})


def test_the_flow_page_shows_the_figures_of_the_api(visitor, project):
    page = visitor.get(address("flow", project))
    answer = flow_answer(project, now=NOW, days=90)

    text = page.content.decode()
    within = {each["percent"]: each["days"] for each in answer["cycle_times"]["percentiles"]}
    assert f"85 of 100 took <b>{within[85]}</b>" in text
    assert f"<b>{answer['in_progress']} issues</b> are in progress" in text
    assert len(page.content) < MOST_BYTES


def test_the_flow_page_says_what_imports_could_not_tell(visitor, project):
    line = {"what": "the history of <status> has holes", "touches": ["cycle times"], "issues": 0, "examples": []}
    Project.objects.filter(pk=project.pk).update(unknown_past={"jira": [line]})

    page = visitor.get(address("flow", project), {"days": "30"}).content.decode()

    assert "Imports could not tell: the history of &lt;status&gt; has holes." in page


def test_pages_and_files_ask_the_database_as_often_for_more_issues(visitor, project, django_assert_max_num_queries):
    with django_assert_max_num_queries(24):
        visitor.get(address("flow", project), {"days": "365"})


def test_parts_come_alone_to_a_page_that_is_open_and_framed_to_who_follows_their_address(visitor, project):
    for name in PARTS:
        alone = visitor.get(address(name, project), headers={"HX-Request": "true"})
        framed = visitor.get(address(name, project))

        assert (alone.status_code, framed.status_code) == (200, 200)
        assert b"<html" not in alone.content
        assert alone.content.strip() in framed.content


def test_why_the_date_moved_is_told_with_the_parts_of_the_api(visitor, project):
    text = visitor.get(address("moved", project)).content.decode()
    parts = next(each["parts"] for each in moved_answer(project, now=NOW)["days"] if each["percent"] == 85)

    assert sum(parts[cause] for cause in ("scope", "speed", "calendar", "order", "model")) == parts["total"]
    assert f"<b>{abs(parts['total'])} day" in text or "stands" in text
    for no_day in ("2999-01-01", "2026-02-31", "0001-01-01", "9999-12-31", "1980-01-01"):
        assert visitor.get(address("moved", project), {"since": no_day}).status_code == 200


def test_what_was_said_lists_each_forecast_with_the_issues_that_it_counted(visitor, project):
    kept = KeptForecast.objects.filter(project=project).first()

    listed = visitor.get(address("said", project)).content.decode()
    shown = visitor.get(address("said-forecast", project, forecast_id=kept.pk)).content.decode()

    assert address("said-forecast", project, forecast_id=kept.pk) in listed
    assert shown.count('<td class="t">') == kept.issues


def test_tables_and_pictures_are_files(visitor, project):
    files = {"flow-file": ("scatter.svg", "cycle-times.csv", "states.csv", "blocked.csv"), "said-file": ("said.csv",)}

    for page, names in files.items():
        for file in names:
            name, _, kind = file.partition(".")
            answer = visitor.get(reverse(f"dashboard:{page}", kwargs={"key": project.key, "name": name, "kind": kind}))
            assert (answer.status_code, answer["Content-Disposition"][-5:]) == (200, f'.{kind}"')


def test_points_and_names_stay_hidden_on_every_page_that_would_show_them(visitor, project):
    unsized = project.issues.filter(status__category="to_do", story_points=None).first()
    shown = visitor.get(address("backlog", project)).content.decode()
    Project.objects.filter(pk=project.pk).update(hides_until_voted=True, hides_names=True)

    hidden = visitor.get(address("backlog", project)).content.decode()
    rows = visitor.get(address("backlog-csv", project)).content.decode().splitlines()
    why = visitor.get(address("backlog-why", project, issue_id=unsized.pk)).content.decode()
    typed = visitor.get(address("backlog-estimate", project), {"title": "Paint the door"}).content.decode()

    assert ("after the vote" in shown, "after the vote" in hidden) == (False, True)
    assert any(row.endswith(',""' * 5) for row in rows)
    assert all("Points are hidden until the vote is over." in text for text in (why, typed))
    names = [str(member.user) for member in project.team.filter(user__email__endswith="demo.example.com")]
    assert any(name in shown for name in names)
    assert not any(name in hidden for name in names)


def test_a_stranger_is_told_that_there_is_nothing(project, client):
    client.force_login(UserFactory())

    for name in ("flow", "settings", "import", *PARTS):
        assert client.get(address(name, project)).status_code == 404
