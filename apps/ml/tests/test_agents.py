"""Work of agents and of people, learned apart: marked by a label or by whom it was given to."""

from datetime import timedelta

import pytest

from apps.ml.core.forecasts.units import Throughput, WorkItem
from apps.ml.models import ModelType
from apps.ml.selectors.issues import completed_for_evidence, completed_with_hours, completed_with_people
from apps.ml.selectors.registry import count_outcomes, training_plan
from apps.ml.selectors.terms import USUAL_TERMS, AgentMarks, project_terms
from apps.ml.services import ModelTrainer, PredictionService
from apps.ml.services.forecasts.sizes import unit_and_sizes
from apps.ml.services.models.kinds import kind_of
from apps.ml.services.recommendation_service import RecommendationService
from apps.ml.tests.teams import finished_issues
from apps.projects.models import Issue
from apps.projects.services import update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db

HOURS = kind_of(ModelType.EFFORT_PREDICTION).outcome


@pytest.fixture
def project():
    """Agents' work bears a label."""
    return ProjectFactory(agent_labels=["Agent"])


@pytest.fixture
def agent(project):
    """A program that is a member."""
    return TeamMemberFactory(project=project, is_agent=True).user


def finished(project, n=1, **known):
    return IssueFactory.create_batch(n, project=project, completed=True, **known)


def ids(issues):
    return {issue.issue_id for issue in issues}


def test_a_label_in_whatever_case_or_an_assignee_marks_an_agents_work():
    marks = AgentMarks.of(["Agent"])

    assert marks.bear(["urgent", "agent"])
    assert not marks.bear(["agents"])
    assert AgentMarks(members=frozenset({"7"})).bear([], "7")
    assert not AgentMarks().bear(["agent"], "")


def test_only_projects_that_have_agents_have_marks(project, agent):
    other = TeamMemberFactory().project
    second = TeamMemberFactory(project=project, is_agent=True).user

    known = project_terms(None)

    assert known[project.id].agents == AgentMarks.of(["agent"], [agent.id, second.id])
    assert known[other.id] == USUAL_TERMS


def test_models_learn_from_people_and_evidence_tells_both_apart(project, agent):
    [by_label] = finished(project, labels=["agent"])
    [by_member] = finished(project, assignee=agent)
    [by_person] = finished(project, assignee=TeamMemberFactory(project=project).user)

    assert ids(completed_with_hours(project.id)) == ids(completed_with_people(project.id)) == {str(by_person.id)}
    evidence = completed_for_evidence(project.id, newest=10)
    assert {issue.issue_id for issue in evidence if issue.by_agent} == {str(by_label.id), str(by_member.id)}


def test_who_finished_it_counts_and_not_who_has_it_since(project, agent, now):
    [issue] = finished(project, assignee=TeamMemberFactory(project=project).user)

    update_issue(issue, by=agent, now=now, assignee=agent)

    assert ids(completed_with_hours(project.id)) == {str(issue.id)}


def test_what_agents_finished_does_not_make_a_first_model_due(project, agent):
    finished(project, 2, labels=["AGENT"])
    finished(project, assignee=agent)
    finished(project)
    other = ProjectFactory()
    finished(other, 2)

    assert count_outcomes(HOURS, project.id) == 1
    plan = {each.project_id: each.samples for each in training_plan(ModelType.EFFORT_PREDICTION, HOURS, at_least=1)}
    assert plan == {project.id: 1, other.id: 2}
    assert not list(training_plan(ModelType.EFFORT_PREDICTION, HOURS, at_least=3))


@pytest.fixture
def mixed(project, now):
    """People took hours as ever, agents a tenth of an hour for the same; the model of hours is trained."""
    finished_issues(project, 60, until=now)
    quick = finished_issues(project, 60, until=now - timedelta(days=1), seed=1)
    for issue in quick:
        issue.labels, issue.actual_hours = ["agent"], 0.1
    Issue.objects.bulk_update(quick, ["labels", "actual_hours"])
    ModelTrainer().train_effort_prediction_model(project.id, now=now)
    return project


def test_an_agent_is_answered_from_what_agents_took_and_a_person_by_the_model(mixed):
    asked = {"title": "Change the migration of part 3", "issue_type": "story", "project_id": mixed.id}

    person = PredictionService().predict_issue_effort(**asked)
    agent = PredictionService().predict_issue_effort(**asked, labels=("agent",))

    assert person["method"] in ("ml_model", "baseline")
    assert person["prediction_range"]["min"] > 0.1
    assert agent["predicted_hours"] == pytest.approx(0.1, rel=0.5)
    assert agent["method"] == "similarity"
    assert agent["reasoning"].startswith("An agent does this")


def test_story_points_of_agents_come_from_theirs(project):
    finished(project, 12, story_points=8)
    finished(project, 12, story_points=1, labels=["agent"])
    asked = {"title": "Rename a folder", "project_id": project.id}

    people, agents = (
        PredictionService().recommend_story_points(**asked, labels=labels)["recommended_points"]
        for labels in ((), ("agent",))
    )

    assert agents < people


def test_a_model_of_people_sizes_no_agents_work(mixed):
    open_issues = [IssueFactory(project=mixed, labels=labels) for labels in ([], ["agent"])]
    items = [WorkItem(str(issue.id)) for issue in open_issues]
    weeks = Throughput(issues=(3.0,) * 12, points=(0.0,) * 12, hours=(21.0,) * 12, sizes_hours=(7.0,) * 36)

    unit, sizes = unit_and_sizes(mixed.id, items, [], weeks)

    assert unit == "hours"
    assert set(sizes) == {str(open_issues[0].id)}


def test_agents_are_suggested_for_nothing(project, agent):
    person = TeamMemberFactory(project=project).user
    issue = IssueFactory(project=project)

    answer = RecommendationService().suggest_assignment(issue.id, project.id)

    assert [suggestion["user_id"] for suggestion in answer["suggestions"]] == [str(person.id)]


def test_a_lead_names_labels_and_members(api_client, project, agent):
    lead = TeamMemberFactory(project=project, role="lead").user
    api_client.force_authenticate(lead)
    address = f"/api/v1/projects/{project.id}/"

    named = api_client.patch(address, {"agent_labels": ["bot"]}, format="json")
    member = api_client.patch(f"{address}members/{agent.id}/", {"is_agent": False}, format="json")

    assert named.json()["agent_labels"] == ["bot"]
    assert member.json()["is_agent"] is False
    refused = api_client.patch(address, {"agent_labels": "bot"}, format="json")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/agent_labels"]
