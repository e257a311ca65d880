"""The sprints of a project that run, foreseen together: in a constant number of queries, and not all of very many."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.ml.services import heavy
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.services.sprints import running as running_module
from apps.ml.services.sprints.running import running_sprints
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team, sprint_forecast
from apps.projects.tests.factories import SprintFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(now):
    return a_team(now)


@pytest.fixture
def running(project, now):
    return a_running_sprint(project, now)


def test_running_sprints_together_are_read_in_as_many_queries_however_many_they_are(
    project, running, now, django_assert_max_num_queries
):
    def summary():
        return ProjectSummaryService().summarise_project(project.id, now=now)["sprint_forecasts"]

    summary()
    with CaptureQueriesContext(connection) as one:
        summary()
    for _ in range(4):
        a_running_sprint(project, now)
    summary()
    # Which model serves may be asked in between.
    with django_assert_max_num_queries(len(one) + 2):
        found = summary()

    assert len(found) == 5
    for each in found:
        forecast = sprint_forecast(project.sprints.get(pk=each["sprint_id"]), now=now)
        assert each["promised_date"] == f"{forecast.promised.day:%Y-%m-%d}"


def test_of_very_many_running_sprints_those_nearest_to_their_end_are_foreseen(project, running, now, monkeypatch):
    monkeypatch.setattr(running_module, "MOST_FORESEEN", 3)
    today = now.date()
    for days in (-400, 90, 2, None):
        ends = None if days is None else today + timedelta(days=days)
        starts = None if days is None else ends - timedelta(days=10)
        SprintFactory(project=project, active=True, start_date=starts, end_date=ends, name=str(days))
    running.name = "the first"
    running.save()

    chosen, left_out = running_sprints(project, now=now)

    assert ({each.name for each in chosen}, left_out) == ({"the first", "2", "90"}, 2)
    summary = ProjectSummaryService().summarise_project(project.id, now=now)
    assert (len(summary["sprint_forecasts"]), summary["sprint_forecasts_left_out"]) == (3, 2)


def test_many_sprints_at_once_are_a_heavy_question(project, running, now, monkeypatch):
    asked = []
    monkeypatch.setattr(heavy, "HEAVY_SPRINTS", 1)
    monkeypatch.setattr(heavy, "heavy_question", lambda: asked.append(True))

    ProjectSummaryService().summarise_project(project.id, now=now)
    assert asked == []
    a_running_sprint(project, now)
    ProjectSummaryService().summarise_project(project.id, now=now)

    assert asked == [True]
