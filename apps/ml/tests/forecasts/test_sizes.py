"""Issues of unknown size in a forecast: the project's model is asked, and its absence is no failure."""

import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.ml.core.forecasts.forecaster import WorkForecaster
from apps.ml.core.forecasts.units import WorkItem
from apps.ml.selectors.forecasts import unfinished
from apps.ml.services.forecasts import sizes as issue_sizes
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.model_loader import ModelLoader, ModelUnavailable
from apps.ml.services.model_trainer import ModelTrainer
from apps.ml.storage.objects import ObjectStore
from apps.ml.tests.forecasts.teams import sprint_forecast
from apps.ml.tests.teams import learnable_team
from apps.projects.models import Project, Sprint
from apps.projects.tests.factories import IssueFactory, SprintFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db


def a_team(now, *, pointed: bool, **options) -> Project:
    """A quarter of a year of finished issues with hours, four a day."""
    project = learnable_team(400, until=now, **options)
    if not pointed:
        project.issues.update(story_points=None)
    return project


@pytest.fixture
def project(now):
    return a_team(now, pointed=False)


@pytest.fixture
def with_hours_model(project, now):
    return ModelTrainer().train_effort_prediction_model(project.id, now=now)


@pytest.fixture
def pointed_project(now):
    project = a_team(now, pointed=True)
    ModelTrainer().train_story_points_model(project.id, now=now)
    return project


def sprint_of(project: Project, word: str, now, n: int = 6) -> Sprint:
    sprint = SprintFactory(project=project, start_date=now.date(), active=True)
    for number in range(n):
        IssueFactory(project=project, sprint=sprint, title=f"Change the {word} of part {number}", type_name="story")
    return sprint


def test_without_points_a_teams_work_is_counted_in_the_hours_of_finished_issues(project, now):
    found = sprint_forecast(sprint_of(project, "label", now), now=now)

    assert (found.history.unit, dict(found.sizes)) == ("hours", {"points": 0, "model": 0, "history": 6})


def test_the_effort_model_tells_large_work_from_small(with_hours_model, project, now):
    small, large = (sprint_forecast(sprint_of(project, word, now), now=now) for word in ("label", "migration"))

    assert (small.history.unit, dict(small.sizes)) == ("hours", {"points": 0, "model": 6, "history": 0})
    # On average exp(2) times as long, by how these issues were made.
    assert large.work > 3 * small.work


def test_the_points_model_fills_in_the_points_that_issues_lack(pointed_project, now):
    sprint = sprint_of(pointed_project, "migration", now)
    IssueFactory(project=pointed_project, sprint=sprint, story_points=3)

    found = sprint_forecast(sprint, now=now)

    assert (found.history.unit, dict(found.sizes)) == ("points", {"points": 1, "model": 6, "history": 0})


def broken_store(monkeypatch) -> None:
    ModelLoader().clear_cache()
    monkeypatch.setattr(ObjectStore, "get", lambda *_, **__: b"not a model")


def test_an_effort_model_that_cannot_be_loaded_leaves_the_history(with_hours_model, project, now, monkeypatch, caplog):
    broken_store(monkeypatch)

    with caplog.at_level(logging.WARNING):
        found = sprint_forecast(sprint_of(project, "label", now), now=now)

    assert (found.history.unit, dict(found.sizes)) == ("hours", {"points": 0, "model": 0, "history": 6})
    assert "Sizes of finished issues in a forecast" in caplog.text


def test_a_points_model_that_cannot_be_loaded_leaves_the_issues(pointed_project, now, monkeypatch):
    broken_store(monkeypatch)

    assert sprint_forecast(sprint_of(pointed_project, "label", now), now=now).history.unit == "issues"


def test_an_abstaining_model_leaves_the_history(now):
    project = a_team(now, pointed=False, learnable=False)
    trained = ModelTrainer().train_effort_prediction_model(project.id, now=now)
    assert not trained.metrics["beats_baseline"]

    found = sprint_forecast(sprint_of(project, "label", now), now=now)

    assert dict(found.sizes) == {"points": 0, "model": 0, "history": 6}


def test_a_model_is_asked_about_so_many_issues_and_no_more(with_hours_model, project, now, monkeypatch):
    monkeypatch.setattr(issue_sizes, "MAX_MODEL_ANSWERS", 2)

    found = sprint_forecast(sprint_of(project, "label", now), now=now)

    assert dict(found.sizes) == {"points": 0, "model": 2, "history": 4}


def test_so_many_issues_of_which_nothing_is_known_are_asked_of_no_model(with_hours_model, project, now):
    items = [WorkItem(str(number), exists=False) for number in range(3)]
    found = ForecastService().forecast_work(project.id, items, now=now)["when"]

    assert found["sizes"] == {"points": 0, "model": 0, "history": 3}


def test_an_issue_is_as_large_in_a_sprint_as_in_the_backlog_and_in_a_scenario(with_hours_model, project, now):
    sprint = sprint_of(project, "migration", now)
    elsewhere = IssueFactory(project=project, title="Change the label of part 9")

    what_if = ForecastService().what_if(sprint.id, Scenario(add_issues=(elsewhere.id,)), now=now)
    backlog = ForecastService().forecast_work(project.id, unfinished(project.id), by=sprint.end_date, now=now)["when"]

    shared = ("work", "issues", "sizes", "history", "pace")
    assert [what_if["scenario"][name] for name in shared] == [backlog[name] for name in shared]
    assert what_if["scenario"]["sizes"]["model"] == 7


@pytest.mark.usefixtures("standing_clocks")
def test_the_queries_do_not_grow_with_the_issues(with_hours_model, project, now, django_assert_num_queries):
    few, many = sprint_of(project, "label", now, n=2), sprint_of(project, "label", now, n=40)

    for sprint in (few, many):
        sprint_forecast(sprint, now=now)
        with django_assert_num_queries(13):
            sprint_forecast(sprint, now=now)


def test_all_is_read_before_anything_is_computed(with_hours_model, project, now, monkeypatch):
    IssueFactory.create_batch(5, project=project, title="Change the label of part 9")
    items, read, ask = unfinished(project.id), [], WorkForecaster.ask
    ForecastService().forecast_work(project.id, items, now=now)

    with CaptureQueriesContext(connection) as queries:
        monkeypatch.setattr(WorkForecaster, "ask", lambda *args: read.append(len(queries)) or ask(*args))
        # Another question: the same one is not computed again.
        ForecastService().forecast_work(project.id, items[1:], now=now)

    recording = ["SELECT"] * ENTERING + ["INSERT"]
    assert [query["sql"].partition(" ")[0] for query in queries.captured_queries[read[0] :]] == recording
    # The tenth asks which model serves, which is remembered for two seconds.
    assert read[0] in (10, 11), [query["sql"] for query in queries]


def test_a_model_is_asked_for_once_even_if_it_cannot_be_loaded(now, monkeypatch):
    project = a_team(now, pointed=True)
    for points in (2, 3, None):
        IssueFactory(project=project, story_points=points)
    loaded = []

    def load(self, model_type, project_id):
        loaded.append(model_type)
        raise ModelUnavailable

    monkeypatch.setattr(ModelLoader, "load_or_raise", load)
    found = ForecastService().forecast_work(project.id, unfinished(project.id), now=now)["when"]

    assert found["sizes"] == {"points": 2, "model": 0, "history": 1}
    assert loaded == ["story_points"]
