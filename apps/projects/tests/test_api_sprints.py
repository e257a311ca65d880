"""Sprints over HTTP: planned, started, closed."""

import pytest

from apps.projects.tests.factories import IssueFactory, SprintFactory


def test_a_sprint_is_planned_with_dates(as_, url):
    response = as_("member").post(
        url("sprints"), {"name": "Sprint 7", "start_date": "2026-03-02", "end_date": "2026-03-15"}
    )

    assert response.status_code == 201
    assert response.json().items() >= {"status": "planned", "duration_days": 14, "started_at": None}.items()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "X", "start_date": "2026-03-02", "end_date": "2026-03-01"}, "/end_date"),
        ({"name": "X", "start_date": "2026-02-30"}, "/start_date"),
        ({"name": ""}, "/name"),
        ({}, "/name"),
    ],
)
def test_a_sprint_that_cannot_be_is_refused(as_, url, body, pointer):
    response = as_("member").post(url("sprints"), body)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == pointer


def test_a_team_may_begin_again_with_the_same_name(as_, project, url):
    SprintFactory(project=project, name="Sprint 1")

    assert as_("member").post(url("sprints"), {"name": "Sprint 1"}).status_code == 201
    assert project.sprints.filter(name="Sprint 1").count() == 2


def test_a_sprint_is_started_and_closed_once(as_, project, url):
    sprint = SprintFactory(project=project)
    start, close = url("sprints", sprint.id, "start"), url("sprints", sprint.id, "close")

    assert as_("member").post(close).status_code == 409
    assert as_("member").post(start).json()["status"] == "active"
    assert as_("member").post(start).status_code == 409
    assert as_("member").post(close).json()["status"] == "completed"
    assert as_("member").post(close).status_code == 409


def test_status_and_times_are_not_for_editing(as_, project, url):
    sprint = SprintFactory(project=project)

    for body in ({"status": "completed"}, {"completed_at": "2026-01-01T00:00:00Z"}):
        assert as_("member").patch(url("sprints", sprint.id), {**body, "goal": "Ship"}).status_code == 400

    shown = as_("member").get(url("sprints", sprint.id)).json()
    assert (shown["status"], shown["completed_at"], shown["goal"]) == ("planned", None, sprint.goal)


def test_unfinished_issues_move_on_when_the_sprint_is_closed(as_, project, url):
    sprint, following = SprintFactory(project=project, active=True), SprintFactory(project=project)
    issue = IssueFactory(project=project, sprint=sprint)

    response = as_("member").post(url("sprints", sprint.id, "close"), {"move_to": str(following.id)})

    assert response.status_code == 200
    assert as_("viewer").get(url("issues", issue.id)).json()["sprint"] == str(following.id)
    history = as_("viewer").get(url("issues", issue.id, "history")).json()["results"]
    assert [(change["old_value"], change["new_value"]) for change in history] == [(str(sprint.id), str(following.id))]


@pytest.mark.parametrize("move_to", [lambda: str(SprintFactory().id), lambda: "nowhere", lambda: 5, dict])
def test_they_move_only_within_the_project(as_, project, url, move_to):
    sprint = SprintFactory(project=project, active=True)

    response = as_("member").post(url("sprints", sprint.id, "close"), {"move_to": move_to()}, format="json")

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/move_to"
    sprint.refresh_from_db()
    assert sprint.status == "active"


def test_sprints_are_found_by_status(as_, project, url):
    running = SprintFactory(project=project, active=True)
    SprintFactory(project=project)

    found = as_("viewer").get(url("sprints"), {"status": "active"}).json()["results"]

    assert [row["id"] for row in found] == [str(running.id)]
    assert as_("viewer").get(url("sprints"), {"status": "paused"}).status_code == 400


def test_a_sprint_that_ran_is_not_deleted(as_, project, url):
    running = SprintFactory(project=project, active=True)

    assert as_("lead").delete(url("sprints", running.id)).status_code == 409


def test_the_number_of_queries_does_not_grow(as_, project, url, django_assert_num_queries):
    SprintFactory.create_batch(20, project=project)

    with django_assert_num_queries(2):  # project, page: a last page is not counted
        as_("viewer").get(url("sprints"))
