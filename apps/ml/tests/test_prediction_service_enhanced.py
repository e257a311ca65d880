"""Answers of a trained model: explained, corrected by outcomes, recorded, and falling through when it cannot be had."""

import math
from datetime import timedelta

import pytest

from apps.common.exceptions import NotEnoughData
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.services import ModelTrainer, PredictionService, S3ModelStorageService
from apps.ml.services.predictions.recent_outcomes import EFFORT_OUTCOMES, POINTS_OUTCOMES
from apps.ml.storage.errors import StorageError
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.ml.tests.teams import learnable_team
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db
ASKED = {
    "title": "Change the migration of part 3",
    "description": "The migration has to change before part 2 can go on.",
    "issue_type": "story",
    "component": "part-1",
}


def test_the_model_answers_with_its_version_range_and_reasons(trained, team):
    answer = PredictionService().predict_issue_effort(**ASKED, project_id=team.id)

    assert (answer["method"], answer["model_version"]) == ("ml_model", "1.0.0")
    assert answer["prediction_range"]["min"] < answer["predicted_hours"] < answer["prediction_range"]["max"]
    assert answer["expected_hours"] >= answer["predicted_hours"]
    assert answer["range_level"] == 0.8
    assert answer["reasoning"]
    assert answer["similar_issues"][0]["title"].startswith("Change the")


def test_the_parts_of_a_prediction_add_up_to_it(trained, team):
    answer = PredictionService().predict_issue_effort(**ASKED, project_id=team.id)

    parts = [part["effect"] for part in answer["contributions"]]
    assert sum(parts) == pytest.approx(answer["predicted_hours"], abs=0.05)


def test_type_priority_and_points_in_a_request_change_what_is_predicted(trained, team):
    service = PredictionService()

    def hours(**changed):
        return service.predict_issue_effort(**ASKED | changed, project_id=team.id)["predicted_hours"]

    assert hours(issue_type="bug") < hours(issue_type="story")
    assert hours(story_points=1) < hours(story_points=13)
    assert hours(priority=1) != hours(priority=4)


def test_type_names_are_compared_without_regard_to_case(trained, team):
    service = PredictionService()

    answers = [
        service.predict_issue_effort(**ASKED | {"issue_type": name}, project_id=team.id) for name in ("Bug", "bug")
    ]

    assert answers[0]["predicted_hours"] == answers[1]["predicted_hours"]


def test_an_answer_is_recorded_with_model_user_and_what_scoring_needs(trained, team):
    user, issue = TeamMemberFactory(project=team).user, team.issues.first()
    asked = {"title": issue.title, "issue_type": issue.issue_type.name}

    answer = PredictionService().predict_issue_effort(**asked, project_id=team.id, user=user, issue_id=issue.id)

    row = PredictionHistory.objects.get(id=answer["prediction_id"])
    assert (row.model, row.model_version, row.requested_by, row.issue) == (trained, "1.0.0", user, issue)
    assert row.details["log_scale"] > 0
    assert row.predicted_value == pytest.approx(answer["predicted_hours"], abs=0.005)
    assert row.actual_value is None


def test_while_the_store_is_down_similar_issues_answer_and_the_answer_says_why(trained, team, monkeypatch):
    def down(self, key):
        raise StorageError("S3 download failed in bucket 'models'")

    monkeypatch.setattr(S3ModelStorageService, "download_model", down)

    answer = PredictionService().predict_issue_effort(**ASKED, project_id=team.id)

    assert answer["method"] == "similarity"
    assert answer["reasoning"].startswith("The trained model could not be loaded just now")
    assert "bucket" not in answer["reasoning"]


def test_a_bug_in_a_model_that_serves_surfaces_instead_of_falling_through(trained, team, monkeypatch):
    from apps.ml.core.effort import EffortModel

    def broken(self, asked, **options):
        raise ZeroDivisionError

    PredictionService().predict_issue_effort(**ASKED, project_id=team.id)
    # Now that it serves: before, it would be refused.
    monkeypatch.setattr(EffortModel, "estimates", broken)

    with pytest.raises(ZeroDivisionError):
        PredictionService().predict_issue_effort(**ASKED, project_id=team.id)


def test_ranges_widen_after_outcomes_that_they_did_not_hold(trained, team, now):
    service = PredictionService()
    before = service.predict_issue_effort(**ASKED, project_id=team.id)
    for number in range(60):
        PredictionHistoryFactory(
            project=team,
            predicted_value=4.0,
            actual_value=40.0 if number % 2 else 0.4,
            details={"log_scale": 0.4, "used_estimate": False},
            created_at=now + timedelta(hours=number),
        )
    EFFORT_OUTCOMES.clear()

    after = service.predict_issue_effort(**ASKED, project_id=team.id)

    assert (after["range_measured_coverage"], after["range_outcomes"]) == (0.0, 60)
    assert after["prediction_range"]["max"] > before["prediction_range"]["max"]
    assert after["prediction_range"]["min"] < before["prediction_range"]["min"]
    assert after["confidence"] < before["confidence"]


def test_hours_next_to_nothing_stop_no_answer(trained, team, now):
    for number, hours in enumerate([5e-324, 1e5] * 20):
        PredictionHistoryFactory(
            project=team,
            predicted_value=4.0,
            actual_value=hours,
            details={"log_scale": 0.4, "used_estimate": False},
            created_at=now + timedelta(hours=number),
        )
    EFFORT_OUTCOMES.clear()

    answer = PredictionService().predict_issue_effort(**ASKED, project_id=team.id)

    assert 0 < answer["prediction_range"]["min"] <= answer["prediction_range"]["max"] < math.inf


def test_ranges_of_points_follow_their_outcomes_too(team, now):
    ModelTrainer().train_story_points_model(team.id, now=now)
    before = PredictionService().recommend_story_points(**ASKED, project_id=team.id)
    for number, method in enumerate(["ml_model"] * 60 + ["prior"] * 5):
        PredictionHistoryFactory(
            project=team,
            prediction_type=ModelType.STORY_POINTS,
            method=method,
            actual_value=40.0,
            created_at=now + timedelta(hours=number),
        )
    POINTS_OUTCOMES.clear()

    after = PredictionService().recommend_story_points(**ASKED, project_id=team.id)

    assert (before["range_measured_coverage"], before["range_outcomes"]) == (None, 0)
    assert (after["range_measured_coverage"], after["range_outcomes"]) == (0.0, 60)


def test_a_young_team_gets_its_points_range_at_the_level_of_the_setting(settings):
    service, asked = PredictionService(), {**ASKED, "project_id": ProjectFactory().id}
    usual = service.recommend_story_points(**asked)

    settings.ML_INTERVAL_LEVEL = 0.5
    narrow = service.recommend_story_points(**asked)

    assert (usual["range_level"], narrow["range_level"]) == (0.8, 0.5)
    assert narrow["prediction_range"]["max"] < usual["prediction_range"]["max"]


def test_the_interval_level_is_a_setting(trained, team, settings):
    service = PredictionService()
    wide = service.predict_issue_effort(**ASKED, project_id=team.id)["prediction_range"]

    settings.ML_INTERVAL_LEVEL = 0.5
    narrow = service.predict_issue_effort(**ASKED, project_id=team.id)

    assert narrow["range_level"] == 0.5
    assert wide["min"] < narrow["prediction_range"]["min"]
    assert narrow["prediction_range"]["max"] < wide["max"]


def test_a_warm_prediction_costs_two_queries_names_and_the_history_row(trained, team, django_assert_num_queries):
    service = PredictionService()
    service.predict_issue_effort(**ASKED, project_id=team.id)

    with django_assert_num_queries(2 + ENTERING):
        service.predict_issue_effort(**ASKED, project_id=team.id)


def test_a_trained_points_model_answers_on_the_teams_own_scale(team, now):
    ModelTrainer().train_story_points_model(team.id, now=now)

    answer = PredictionService().recommend_story_points(**ASKED, project_id=team.id)

    assert answer["method"] == "ml_model"
    assert {float(value) for value in answer["probability_distribution"]} <= {1, 2, 3, 5, 8, 13}
    assert sum(answer["probability_distribution"].values()) == pytest.approx(1, abs=0.001)
    assert answer["recommended_points"] >= 5


def test_a_points_model_of_all_projects_is_silent_once_a_team_has_points_of_its_own(now, db):
    for seed in range(5):
        TeamMemberFactory(project=learnable_team(60, until=now, seed=seed))
    ModelTrainer().train_story_points_model(None, now=now)
    new, sized = ProjectFactory(), IssueFactory(story_points=5, completed=True).project

    answers = [PredictionService().recommend_story_points(**ASKED, project_id=each.id) for each in (new, sized)]

    assert [answer["model_version"] for answer in answers] == ["1.0.0", None]
    assert answers[1]["method"] == "prior"


def test_fewer_than_five_projects_make_no_scale_of_points_for_strangers(team, now):
    for seed in range(3):
        TeamMemberFactory(project=learnable_team(60, until=now, seed=seed))
    TeamMemberFactory(project=team)

    with pytest.raises(NotEnoughData):
        ModelTrainer().train_story_points_model(None, now=now)


def test_a_missing_description_is_unknown_and_no_sign_of_a_small_issue(team, now):
    ModelTrainer().train_story_points_model(team.id, now=now)
    asked = {name: value for name, value in ASKED.items() if name != "description"}

    answer = PredictionService().recommend_story_points(**asked, project_id=team.id)

    assert answer["recommended_points"] >= 5


@pytest.mark.parametrize("unknown", ["issue_type", "component", "description"])
def test_a_field_that_was_always_known_and_now_is_not_moves_points_by_little(team, now, unknown):
    ModelTrainer().train_story_points_model(team.id, now=now)
    full = PredictionService().recommend_story_points(**ASKED, project_id=team.id)["recommended_points"]

    less = PredictionService().recommend_story_points(**ASKED | {unknown: ""}, project_id=team.id)

    assert full / 3 <= less["recommended_points"] <= full * 3


@pytest.mark.parametrize("unknown", ["issue_type", "component", "description"])
def test_a_field_that_was_always_known_and_now_is_not_moves_hours_by_little(trained, team, unknown):
    full = PredictionService().predict_issue_effort(**ASKED, project_id=team.id)["predicted_hours"]

    less = PredictionService().predict_issue_effort(**ASKED | {unknown: ""}, project_id=team.id)["predicted_hours"]

    assert full / 3 <= less <= full * 3
