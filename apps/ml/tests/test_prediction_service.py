"""Answers without a model: similar issues, then the averages; both honest about it, both recorded."""

import pytest

from apps.ml.models import PredictionHistory
from apps.ml.services import PredictionService
from apps.ml.tests.teams import learnable_team
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db


def test_without_a_model_issues_with_the_same_words_answer(now):
    team = learnable_team(30, until=now)

    answer = PredictionService().predict_issue_effort(
        title="Change the migration of part 3", issue_type="story", project_id=team.id
    )

    assert answer["method"] == "similarity"
    assert answer["model_version"] is None
    assert answer["similar_issues"]
    assert {"issue_id", "title", "similarity", "actual_hours"} <= set(answer["similar_issues"][0])
    assert answer["prediction_range"]["min"] < answer["predicted_hours"] < answer["prediction_range"]["max"]


def test_texts_with_nothing_in_common_are_never_similar(now):
    team = learnable_team(30, until=now)

    answer = PredictionService().predict_issue_effort(title="Zwölf Boxkämpfer", issue_type="bug", project_id=team.id)

    assert answer["method"] == "heuristic"
    assert answer["similar_issues"] == []


def test_a_team_without_history_gets_a_wide_labelled_default():
    answer = PredictionService().predict_issue_effort(title="Fix the login", project_id=ProjectFactory().id)

    assert answer["method"] == "heuristic"
    assert answer["predicted_hours"] == 8.0
    assert answer["prediction_range"]["max"] > 8 * answer["prediction_range"]["min"]
    assert answer["confidence"] < 0.6


def test_open_issues_and_issues_without_hours_are_no_evidence():
    project = ProjectFactory()
    IssueFactory(project=project, title="Fix the login page", actual_hours=3)
    IssueFactory(project=project, title="Fix the login page", completed=True, actual_hours=None)

    answer = PredictionService().predict_issue_effort(title="Fix the login page", project_id=project.id)

    assert answer["method"] == "heuristic"
    assert answer["similar_issues"] == []


def test_issues_of_other_projects_are_never_evidence(now):
    learnable_team(30, until=now)

    answer = PredictionService().predict_issue_effort(
        title="Change the migration of part 3", project_id=ProjectFactory().id
    )

    assert answer["similar_issues"] == []


def test_every_fallback_is_recorded_with_user_input_range_and_confidence(now):
    project = ProjectFactory()

    answer = PredictionService().predict_issue_effort(
        title="Fix the login", issue_type="Bug", project_id=project.id, priority=2.0
    )

    row = PredictionHistory.objects.get(id=answer["prediction_id"])
    assert (row.method, row.project, row.model) == ("heuristic", project, None)
    assert row.input == {"title": "Fix the login", "issue_type": "bug", "priority": 2.0}
    assert row.range_low <= row.predicted_value <= row.range_high
    assert row.range_level == 0.8
    assert 0 < row.confidence < 1


def test_a_new_teams_points_come_from_other_teams_experience_and_say_so():
    answer = PredictionService().recommend_story_points(title="Add a profile page", project_id=ProjectFactory().id)

    assert answer["method"] == "prior"
    assert sum(answer["probability_distribution"].values()) == pytest.approx(1, abs=0.001)
    assert str(answer["recommended_points"]) in answer["probability_distribution"]
    assert PredictionHistory.objects.get().prediction_type == "story_points"


def test_points_need_no_hours(now):
    project = ProjectFactory()
    for number in range(10):
        IssueFactory(
            project=project, title=f"Add profile page {number}", completed=True, actual_hours=None, story_points=5
        )

    answer = PredictionService().recommend_story_points(title="Add profile page 11", project_id=project.id)

    assert answer["recommended_points"] == 5
    assert len(answer["similar_issues"]) == 5
