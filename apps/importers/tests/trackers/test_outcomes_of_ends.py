"""Answers about a sprint are judged by the books of its end, also where these are not the first that it had."""

import pytest

from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.tests.trackers.test_reopened import at, seven, sprint, sync
from apps.ml.models import KeptForecast, PredictionHistory
from apps.ml.selectors.kept_forecasts import kept_forecasts
from apps.ml.services.evaluation.closing import record_dated_outcomes, record_outcomes
from apps.ml.services.evaluation.scorecard import project_scorecard
from apps.ml.services.forecasts.keeping import keep_due_forecasts
from apps.projects.models import Issue
from apps.projects.sprint_ends import close_ended_sprints
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
Kind = PredictionHistory.Kind


@pytest.fixture
def project():
    return ProjectFactory(key="SHOP")


def answered(project, kind, *, on=4, **fields):
    """As the sprint ran; of risks that it falls short of five points."""
    details = fields.pop("details", {"unit": "points", "least_amount": 5.0})
    return PredictionHistory.objects.create(
        project=project, sprint=seven(project), prediction_type=kind, predicted_value=5.0, details=details,
        created_at=at(on), **fields,
    )  # fmt: skip


def answers(project):
    """An amount, a risk, and a scenario that is judged only where nothing comes in."""
    [issue] = Issue.objects.filter(project=project)
    dates = {
        "issues": [str(issue.pk)], "first_day": "2026-03-04", "days": {"50": 9}, "working_days": {"50": 9},
        "days_left": 10, "last_day": "2026-03-13",
    }  # fmt: skip
    supposed = {"drop_issues": [], "add_issues": [], "team_capacity_hours": None, "days_off": [], "growth": True}
    return [
        answered(project, Kind.SPRINT_OUTCOME),
        answered(project, Kind.SPRINT_RISK),
        answered(project, Kind.WHAT_IF, details=dates, input=supposed),
    ]


def outcomes(rows, *, on):
    record_outcomes(now=at(on, 12))
    record_dated_outcomes(now=at(on, 12))
    return told(rows)


def told(rows):
    for row in rows:
        row.refresh_from_db()
    return [row.actual_value for row in rows]


def scored_at(rows):
    return {row.scored_at for row in rows}


def test_an_end_that_was_taken_back_scores_nothing_and_the_next_one_scores_all(project):
    sync(project, sprint(), on=3)
    rows = answers(project)
    sync(project, sprint("completed", completed=5), on=6)
    assert outcomes(rows, on=6) == [0.0, 1.0, None], "the issue is not done yet"

    sync(project, sprint(), on=7)
    assert (told(rows), scored_at(rows)) == ([None] * 3, {None})
    assert all(each.overall is None for each in project_scorecard(project.pk, now=at(8)).types)
    assert outcomes(rows, on=8) == [None] * 3

    sync(project, sprint("completed", completed=9), on=10, done=8)
    assert outcomes(rows, on=10) == [5.0, 0.0, 5.0]
    assert scored_at(rows) == {at(10, 12)}


def test_what_was_given_up_for_an_end_that_was_none_is_judged_by_the_next(project):
    sync(project, sprint(), on=3)
    rows = answers(project)[2:]
    sync(project, sprint("completed", completed=5, ends=5), on=6)
    outcomes(rows, on=6)
    assert rows[0].details["unscored"] == "The sprint ended on another day than supposed."

    sync(project, sprint("completed", completed=9), on=10, done=8)

    assert outcomes(rows, on=10) == [5.0]
    assert "unscored" not in rows[0].details


def test_what_nothing_will_ever_tell_stays_given_up(project):
    sync(project, sprint(), on=3)
    row = answered(
        project, Kind.SPRINT_RISK, details={"least_amount": 5.0, "unscored": "It was not asked by the team."}
    )
    sync(project, sprint("completed", completed=5), on=6)

    sync(project, sprint("completed", completed=9), on=10, done=8)

    assert outcomes([row], on=10) == [None]
    assert row.details["unscored"] == "It was not asked by the team."


def test_late_news_of_an_end_by_plan_score_anew(project):
    sync(project, sprint(ends=5), on=3)
    [row] = rows = [answered(project, Kind.SPRINT_OUTCOME)]
    close_ended_sprints(now=at(6))
    assert outcomes(rows, on=14) == [0.0]

    sync(project, sprint(ends=5), on=15, done=5)

    assert outcomes(rows, on=16) == [None]
    assert outcomes(rows, on=23) == [5.0]
    assert row.scored_at == at(23, 12)


@pytest.mark.usefixtures("way_back")
def test_an_import_that_ended_it_is_taken_back_with_its_scores(project):
    sync(project, sprint(), on=3)
    rows = answers(project)[:2]
    ended = sync(project, sprint("completed", completed=5), on=6)
    assert outcomes(rows, on=6) == [0.0, 1.0]

    runs.undo(ImportRun.objects.get(pk=ended.pk))

    assert (seven(project).status, told(rows)) == ("active", [None, None])
    sync(project, sprint("completed", completed=9), on=10, done=8)
    assert outcomes(rows, on=10) == [5.0, 0.0]


@pytest.mark.usefixtures("way_back")
def test_an_import_that_ended_it_once_more_is_taken_back_to_the_scores_of_before(project):
    sync(project, sprint(), on=3)
    rows = answers(project)[:2]
    sync(project, sprint("completed", completed=5), on=6)
    again = sync(project, sprint("completed", completed=9), on=10, done=8)
    assert outcomes(rows, on=10) == [5.0, 0.0]

    runs.undo(ImportRun.objects.get(pk=again.pk))

    assert outcomes(rows, on=11) == [0.0, 1.0]


def test_the_forecast_at_its_close_is_kept_anew_at_the_close_that_is_one(project):
    def at_the_close():
        shown = kept_forecasts(project, now=at(30)).filter(occasion="sprint_close")
        return list(shown.values_list("made_at", flat=True))

    sync(project, sprint(), on=3)
    sync(project, sprint("completed", completed=5), on=6)
    keep_due_forecasts(project, now=at(6))
    assert at_the_close() == [at(6)]

    sync(project, sprint(), on=7)
    keep_due_forecasts(project, now=at(7))
    assert at_the_close() == []

    sync(project, sprint("completed", completed=9), on=10)
    assert [keep_due_forecasts(project, now=at(10)) for _ in range(2)] == [2, 0]
    assert at_the_close() == [at(10)]
    assert KeptForecast.objects.filter(occasion="sprint_close").count() == 1


@pytest.mark.usefixtures("way_back")
def test_a_close_that_was_opened_by_an_import_which_is_taken_back_keeps_its_forecast(project):
    sync(project, sprint(), on=3)
    sync(project, sprint("completed", completed=5), on=6)
    keep_due_forecasts(project, now=at(6))

    opened = sync(project, sprint(), on=7)
    runs.undo(ImportRun.objects.get(pk=opened.pk))

    assert kept_forecasts(project, now=at(30)).filter(occasion="sprint_close").get().made_at == at(6)
