"""Which answers are scored: to the team, about an issue as it is."""

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.ml.core.records import IssueFacts
from apps.ml.selectors.issues import facts_of
from apps.ml.services.predictions.whose_record import issue_to_score, sprint_to_score
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def issue(project):
    return IssueFactory(project=project, title="Fix the export", component="api", labels=["a"], priority=2)


def scores(issue, user, **said) -> bool:
    facts = IssueFacts(**{"title": issue.title, **said})
    return issue_to_score(issue.id, facts, issue.project_id, user) == issue.id


@pytest.mark.parametrize(("role", "expected"), [("viewer", False), ("member", True), ("lead", True)])
def test_a_viewers_question_scores_nothing(project, issue, role, expected):
    user = TeamMemberFactory(project=project, role=role).user

    assert scores(issue, user) is expected
    sprint = SprintFactory(project=project)
    assert (sprint_to_score(sprint.id, project.id, user) == sprint.id) is expected


def test_strangers_score_nothing_and_the_installation_itself_does(project, issue):
    stranger, administrator = TeamMemberFactory(role="lead").user, UserFactory(is_superuser=True)

    assert [scores(issue, user) for user in (stranger, administrator, None)] == [False, True, True]


@pytest.mark.parametrize(
    "invented",
    [{"estimated_hours": 400.0}, {"title": "Another"}, {"component": "web"}, {"labels": ("b",)}, {"priority": 1},
     {"issue_type": "epic"}, {"story_points": 13.0}, {"description": "x"}, {"assignee": "somebody"}],
)  # fmt: skip
def test_what_contradicts_the_issue_scores_nothing(project, issue, invented):
    member = TeamMemberFactory(project=project).user

    assert not scores(issue, member, **invented)


def test_what_is_so_and_what_is_left_out_contradict_nothing(project, issue, django_assert_num_queries):
    member = TeamMemberFactory(project=project).user

    assert scores(issue, member, component="api", labels=("a",), priority=2.0)
    with django_assert_num_queries(1):
        assert issue_to_score(issue.id, facts_of(issue), project.id, member) == issue.id
    with django_assert_num_queries(0):
        assert issue_to_score(None, IssueFacts("A"), project.id, member) is None


def test_an_issue_of_another_project_scores_nothing(project, issue):
    assert issue_to_score(IssueFactory().id, IssueFacts("A"), project.id, None) is None
