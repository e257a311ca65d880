"""Who could take an issue: facts of the project, the seed's formula, nothing stored as a score."""

from datetime import timedelta

import pytest

from apps.ml.models import PredictionHistory
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.predictions.switch import TERMS
from apps.ml.services.recommendation_service import RecommendationService
from apps.projects.models import Issue, IssueChange, TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory, UserFactory
from conftest import ENTERING

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def bug(project):
    return IssueFactory(project=project, type_name="bug")


@pytest.fixture
def expert(project):
    """Finished three bugs and a task, has one issue open."""
    user = TeamMemberFactory(project=project, user__full_name="Eve Expert").user
    IssueFactory.create_batch(3, project=project, assignee=user, type_name="bug", completed=True)
    IssueFactory(project=project, assignee=user, completed=True)
    IssueFactory(project=project, assignee=user, in_progress=True)
    return user


def test_the_scores_are_those_of_the_seeds_formula(project, bug, expert, now):
    (suggestion,) = _suggest(bug, now)["suggestions"]

    # Resolved on 4 February, 26 days before.
    assert suggestion["skill_score"] == 1.0
    assert suggestion["workload_score"] == 0.8
    assert suggestion["performance_score"] == 0.8
    assert suggestion["availability_score"] == 0.4
    assert suggestion["total_score"] == pytest.approx(0.4 + 0.24 + 0.16 + 0.04)
    assert suggestion["user_id"] == str(expert.id)
    assert (suggestion["user_name"], suggestion["user_email"]) == ("Eve Expert", expert.email)
    assert suggestion["reasoning"][0] == "Strong experience with bug issues (3 of 4 finished issues)"


def test_the_expert_comes_before_the_newcomer(project, bug, expert, now):
    newcomer = TeamMemberFactory(project=project).user

    assert _ids(_suggest(bug, now)) == [str(expert.id), str(newcomer.id)]


def test_viewers_and_people_who_left_are_not_suggested(project, bug, now):
    TeamMemberFactory(project=project, role=TeamMember.Role.VIEWER)
    TeamMemberFactory(project=project, user__is_active=False)
    lead = TeamMemberFactory(project=project, role=TeamMember.Role.LEAD).user

    answer = _suggest(bug, now)

    assert (_ids(answer), answer["candidates"]) == ([str(lead.id)], 1)


def test_whoever_is_away_today_or_not_to_be_suggested_is_left_out(project, bug, now):
    today, day = now.date(), timedelta(days=1)
    TeamMemberFactory(project=project, available_for_assignment=False)
    TeamMemberFactory(project=project, absent_from=today)
    TeamMemberFactory(project=project, absent_until=today)
    TeamMemberFactory(project=project, absent_from=today - day, absent_until=today + day)
    back = TeamMemberFactory(project=project, absent_from=today - 3 * day, absent_until=today - day).user
    leaving = TeamMemberFactory(project=project, absent_from=today + day).user

    answer = _suggest(bug, now)

    assert set(_ids(answer)) == {str(back.id), str(leaving.id)}
    assert answer["candidates"] == 2


def test_work_in_other_projects_counts_for_nothing(bug, now):
    member = TeamMemberFactory(project=bug.project)
    elsewhere = TeamMemberFactory(user=member.user).project
    IssueFactory.create_batch(5, project=elsewhere, assignee=member.user, type_name="bug", completed=True)

    (suggestion,) = _suggest(bug, now)["suggestions"]

    assert suggestion["total_score"] == 0.3


def test_the_issue_in_question_is_not_its_assignees_load(project, now):
    user = TeamMemberFactory(project=project).user
    issue = IssueFactory(project=project, assignee=user, in_progress=True)

    (suggestion,) = _suggest(issue, now)["suggestions"]

    assert suggestion["workload_score"] == 1.0


def test_moving_own_work_is_activity(project, bug, now):
    user = TeamMemberFactory(project=project).user
    _change(IssueFactory(project=project, assignee=user), "status", by=user, at=now - timedelta(days=1))

    (suggestion,) = _suggest(bug, now)["suggestions"]

    assert suggestion["availability_score"] == 1.0


def test_a_sick_person_whose_issues_others_edit_does_not_look_available(project, bug, now):
    user = TeamMemberFactory(project=project).user
    issue = IssueFactory(project=project, assignee=user)
    _change(issue, "status", by=UserFactory(), at=now - timedelta(days=1))
    _change(issue, "story_points", by=user, at=now - timedelta(days=1))

    (suggestion,) = _suggest(bug, now)["suggestions"]

    assert suggestion["availability_score"] == 0.0


def test_no_more_people_than_asked_for(project, bug, now):
    TeamMemberFactory.create_batch(5, project=project)

    assert len(_suggest(bug, now)["suggestions"]) == 3
    assert len(_suggest(bug, now, top_n=1)["suggestions"]) == 1
    assert len(_suggest(bug, now, top_n=20)["suggestions"]) == 5


def test_a_project_without_a_team_has_nobody_to_suggest(bug, now):
    answer = _suggest(bug, now)

    assert (answer["suggestions"], answer["candidates"]) == ([], 0)


def test_an_issue_of_another_project_is_not_there(project, now):
    with pytest.raises(Issue.DoesNotExist):
        RecommendationService().suggest_assignment(IssueFactory().id, project.id, now=now)


def test_whom_is_recorded_and_no_score(project, bug, expert, now):
    user = UserFactory(is_superuser=True)

    answer = RecommendationService().suggest_assignment(bug.id, project.id, user=user, now=now)

    row = PredictionHistory.objects.get(pk=answer["prediction_id"])
    assert (row.prediction_type, row.issue, row.requested_by, row.method) == ("task_assignment", bug, user, "formula")
    assert row.details == {"suggested": [str(expert.id)], "candidates": 1, "was_assigned": False}
    assert row.predicted_value == 1.0


@pytest.mark.usefixtures("standing_clocks")
def test_five_hundred_people_take_as_many_queries_as_one(project, bug, expert, now, django_assert_num_queries):
    TERMS.of_project(project.id)
    with django_assert_num_queries(6 + ENTERING):
        _suggest(bug, now)
    ModelLoader().clear_cache()
    team = UserFactory.create_batch(500, password=None)
    TeamMember.objects.bulk_create([TeamMember(project=project, user=user) for user in team])

    with django_assert_num_queries(6 + ENTERING):
        answer = _suggest(bug, now)

    assert answer["candidates"] == 501


def _suggest(issue, now, **how):
    return RecommendationService().suggest_assignment(issue.id, issue.project_id, now=now, **how)


def _ids(answer):
    return [suggestion["user_id"] for suggestion in answer["suggestions"]]


def _change(issue, field, *, by, at):
    IssueChange.objects.create(issue=issue, field=field, old_value="a", new_value="b", changed_at=at, changed_by=by)
