"""Likely duplicates over the API, evidence of predictions, and the index behind both as issues change."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from apps.ml.core.text_index import Texts
from apps.ml.services import PredictionService
from apps.ml.services.similar.issue_texts import IssueTexts
from apps.projects.models import Issue
from apps.projects.services import delete_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def client(api_client, project):
    api_client.force_authenticate(TeamMemberFactory(project=project).user)
    return api_client


@pytest.fixture
def backlog(project):
    """Issues about different things, open and finished."""
    titles = ["Rename project folder", "Fix login page", "Slow report of the month", "Encrypt the interface"]
    return {title: IssueFactory(project=project, title=title, completed=title.startswith("Fix")) for title in titles}


def ask(client, project, **body):
    return client.post(f"/api/v1/ml/projects/{project.id}/similar/", body, format="json")


def titles(answer):
    return [found["title"] for found in answer.json()["similar_issues"]]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_issues_in_the_same_words_are_named_with_how_far_they_are(client, project, backlog):
    answer = ask(client, project, title="The login page is broken")

    assert answer.status_code == 200
    (found,) = answer.json()["similar_issues"]
    done = Issue.objects.select_related("status").get(title="Fix login page")
    assert found["issue_id"] == str(done.id)
    assert (found["basis"], found["status"], found["status_category"]) == ("words", done.status.name, "done")
    assert 0.2 <= found["similarity"] < 1


def test_an_issue_in_other_words_is_named_and_marked(client, project, backlog):
    (found,) = ask(client, project, title="Change the name of a directory").json()["similar_issues"]

    assert (found["title"], found["basis"]) == ("Rename project folder", "meaning")


def test_words_of_the_description_count(client, project):
    IssueFactory(project=project, title="Outage", description="Payment gateway answers with a timeout")

    assert titles(ask(client, project, title="Checkout", description="timeout of the payment gateway")) == ["Outage"]


def test_an_issue_that_is_changed_is_not_its_own_duplicate(client, project, backlog):
    own = backlog["Fix login page"]

    assert titles(ask(client, project, title=own.title, issue_id=str(own.id))) == []


def test_nothing_alike_gives_an_empty_list(client, project, backlog):
    assert titles(ask(client, project, title="Zxqv wpfk")) == []


def test_other_projects_are_neither_searched_nor_shown(client, project):
    other = ProjectFactory()
    IssueFactory(project=other, title="Fix login page")

    assert titles(ask(client, project, title="Fix login page")) == []
    assert ask(client, other, title="Fix login page").status_code == 404


def test_without_a_login_nothing_is_told(api_client, project):
    assert ask(api_client, project, title="Fix login page").status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "title"), ({"title": "  "}, "title"), ({"title": "x", "colour": "red"}, "colour"),
     ({"title": "x", "issue_id": ""}, "issue_id")],
)  # fmt: skip
def test_a_bad_request_names_the_field(client, project, body, field):
    answer = ask(client, project, **body)

    assert answer.status_code == 400
    assert field in str(answer.json())


def test_nothing_is_recorded_and_a_warm_question_takes_the_same_queries(
    client, project, backlog, django_assert_num_queries
):
    ask(client, project, title="login page")
    IssueFactory.create_batch(20, project=project, title="Fix login page")

    with django_assert_num_queries(2):  # the project, and what to call the finds
        ask(client, project, title="login page")


def test_a_deleted_issue_is_left_out_at_once(client, project, backlog):
    ask(client, project, title="login page")
    backlog["Fix login page"].delete()

    assert titles(ask(client, project, title="login page")) == []


def test_evidence_of_a_prediction_is_finished_work_with_what_it_took(project):
    done = IssueFactory(project=project, title="Fix login page", completed=True, actual_hours=3.0, story_points=2)
    IssueFactory(project=project, title="Fix login page")

    points = PredictionService().recommend_story_points(title="Fix the login page", project_id=project.id)

    (found,) = points["similar_issues"]
    assert (found["issue_id"], found["actual_hours"], found["story_points"]) == (str(done.id), 3.0, 2.0)
    assert found["basis"] == "words"


def found_by(texts, project, title):
    index = texts.of_project(project.id)
    return [index.issue_id(match.row) for match in index.query(title)]


def test_an_index_is_trusted_for_a_few_seconds_and_then_knows_what_changed(project, backlog):
    clock = Clock()
    texts = IssueTexts(clock=clock)
    assert found_by(texts, project, "invoice total") == []
    new = IssueFactory(project=project, title="Wrong invoice total")
    renamed = backlog["Fix login page"]
    renamed.title = "Second invoice total"
    renamed.save()

    assert found_by(texts, project, "invoice total") == []

    clock.now = 6.0
    assert set(found_by(texts, project, "invoice total")) == {str(new.id), str(renamed.id)}
    assert found_by(texts, project, "fix login page") == []


def test_an_unchanged_index_is_kept_and_a_changed_one_reads_only_what_changed(
    project, backlog, monkeypatch, django_assert_num_queries
):
    clock = Clock()
    texts = IssueTexts(clock=clock)
    Issue.objects.update(updated_at=timezone.now() - timedelta(hours=2))
    last = backlog["Encrypt the interface"]
    Issue.objects.filter(pk=last.pk).update(updated_at=timezone.now() - timedelta(hours=1))
    index = texts.of_project(project.id)
    clock.now = 6.0
    with django_assert_num_queries(1):
        assert texts.of_project(project.id) is index
    IssueFactory(project=project, title="Wrong invoice total")
    read, read_texts = [], Texts.read
    monkeypatch.setattr(Texts, "read", lambda issues, table: read.extend(issues) or read_texts(issues, table))
    clock.now = 12.0

    assert len(texts.of_project(project.id)) == 5
    # And what was touched last: a transaction may have ended beside it.
    assert {issue.title for issue in read} == {last.title, "Wrong invoice total"}


def test_what_is_deleted_or_moved_in_from_elsewhere_is_noticed(project, backlog):
    clock = Clock()
    texts = IssueTexts(clock=clock)
    texts.of_project(project.id)
    delete_issue(backlog["Fix login page"])
    clock.now = 6.0
    assert len(texts.of_project(project.id)) == 3

    elsewhere = IssueFactory(title="Old wine")
    Issue.objects.filter(pk=elsewhere.pk).update(project=project, updated_at=timezone.now() - timedelta(days=400))
    backlog["Encrypt the interface"].save()
    clock.now = 12.0

    assert found_by(texts, project, "old wine") == [str(elsewhere.id)]


def test_of_too_many_issues_the_newest_are_searched(project, monkeypatch):
    monkeypatch.setattr("apps.ml.services.similar.issue_texts.MAX_ISSUES", 2)
    now = timezone.now()
    for days in (3, 2, 1):
        IssueFactory(project=project, title=f"Fix login {days}", created_at=now - timedelta(days=days))
    clock = Clock()
    texts = IssueTexts(clock=clock)
    assert len(texts.of_project(project.id)) == 2
    newest = IssueFactory(project=project, title="Fix login 0", created_at=now)
    clock.now = 6.0

    assert len(texts.of_project(project.id)) == 2
    assert str(newest.id) in found_by(texts, project, "fix login")


def test_indexes_beyond_the_memory_leave_the_longest_unused_first(project):
    texts = IssueTexts(max_bytes=1)
    other = IssueFactory(title="Fix login").project

    first = texts.of_project(project.id)
    texts.of_project(other.id)

    assert texts.of_project(project.id) is not first


def test_a_project_without_issues_has_an_empty_index():
    assert len(IssueTexts().of_project(uuid4())) == 0
