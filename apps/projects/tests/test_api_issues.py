"""Issues over HTTP: shown, made, changed, found."""

from datetime import timedelta

import pytest

from apps.projects.tests.factories import CREATED_AT, IssueFactory, SprintFactory


def test_an_issue_is_shown_with_names_a_reader_knows(as_, people, project, url):
    sprint = SprintFactory(project=project)
    issue = IssueFactory(
        project=project, title="Fix login", type_name="bug", completed=True, assignee=people["member"], sprint=sprint
    )

    shown = as_("viewer").get(url("issues", issue.id)).json()

    assert shown.items() >= {
        "id": str(issue.id), "title": "Fix login", "issue_type": "bug", "status": "Done", "status_category": "done",
        "assignee": str(people["member"].id), "assignee_name": people["member"].full_name, "sprint": str(sprint.id),
        "created_at": "2026-02-02T09:00:00Z", "resolved_at": "2026-02-04T09:00:00Z", "actual_hours": 8.0,
        "reporter": None, "reporter_name": "",
    }.items()  # fmt: skip


def test_a_new_issue_needs_a_title_and_a_type(as_, people, project, url):
    response = as_("member").post(url("issues"), {"title": "Fix login", "issue_type": "bug"})

    assert response.status_code == 201
    assert response.json().items() >= {
        "status": "To do", "reporter": str(people["member"].id), "labels": [], "story_points": None,
    }.items()  # fmt: skip
    assert project.issues.get().title == "Fix login"


def test_an_issue_of_another_tool_keeps_its_times_and_its_name(as_, url):
    body = {
        "title": "Old", "issue_type": "bug", "status": "Done", "source": "jira", "key": "A-1",
        "created_at": "2025-01-01T10:00:00Z", "resolved_at": "2025-01-03T12:00:00+02:00",
    }  # fmt: skip

    first, second = as_("member").post(url("issues"), body), as_("member").post(url("issues"), body)

    assert first.json().items() >= {
        "created_at": "2025-01-01T10:00:00Z", "resolved_at": "2025-01-03T10:00:00Z", "key": "A-1",
    }.items()  # fmt: skip
    assert second.status_code == 400


def test_a_change_is_partial_and_goes_on_record(as_, people, project, url):
    issue = IssueFactory(project=project, title="Keep me", story_points=3)
    sprint = SprintFactory(project=project)

    response = as_("member").patch(
        url("issues", issue.id),
        {"status": "In progress", "sprint": str(sprint.id), "assignee": str(people["lead"].id), "story_points": None},
    )
    changes = as_("viewer").get(url("issues", issue.id, "history")).json()["results"]

    assert response.json().items() >= {"title": "Keep me", "status": "In progress", "story_points": None}.items()
    assert response.json()["started_at"] is not None
    assert {(change["field"], change["old_value"], change["new_value"]) for change in changes} == {
        ("status", "To do", "In progress"),
        ("sprint", "", str(sprint.id)),
        ("assignee", "", str(people["lead"].id)),
        ("story_points", "3", ""),
    }
    assert {change["changed_by"] for change in changes} == {str(people["member"].id)}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "00000000-0000-0000-0000-000000000000"),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("resolved_at", "2020-01-01T00:00:00Z"),
        ("key", "X-1"),
        ("reporter", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_identity_and_times_do_not_change(as_, project, url, field, value):
    issue = IssueFactory(project=project)
    before = as_("viewer").get(url("issues", issue.id)).json()

    answer = as_("lead").patch(url("issues", issue.id), {field: value, "title": "New"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/{field}")
    assert as_("viewer").get(url("issues", issue.id)).json() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", None),
        ("issue_type", "epic"),
        ("issue_type", 7),
        ("issue_type", None),
        ("status", "Nowhere"),
        ("priority", -1),
        ("priority", "high"),
        ("story_points", -0.5),
        ("estimated_hours", 1e9),
        ("actual_hours", "many"),
        ("labels", "urgent"),
        ("due_date", "tomorrow"),
        ("sprint", "not-an-id"),
        ("assignee", 5),
    ],
)
def test_a_bad_value_is_named_by_its_field(as_, project, url, field, value):
    issue = IssueFactory(project=project)

    response = as_("member").patch(url("issues", issue.id), {field: value})

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{field}"]


@pytest.mark.parametrize("field", ["story_point", "project"])
def test_a_field_that_an_issue_does_not_have_is_refused_and_nothing_changes(as_, project, url, field):
    issue = IssueFactory(project=project)

    response = as_("member").patch(url("issues", issue.id), {field: 5, "title": "New"})

    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{field}"]
    issue.refresh_from_db()
    assert issue.title != "New"


def test_an_unknown_type_is_answered_with_the_known_ones(as_, url):
    response = as_("member").post(url("issues"), {"title": "A", "issue_type": "epic"})

    assert "bug, story, task" in response.json()["errors"][0]["detail"]


@pytest.mark.parametrize("field", ["sprint", "assignee", "status", "issue_type"])
def test_an_issue_cannot_point_into_another_project(as_, people, project, url, field):
    elsewhere = IssueFactory(sprint=SprintFactory())
    elsewhere.project.issue_types.create(name="secret kind")
    elsewhere.project.statuses.create(name="Secret", category="done")
    value = {
        "sprint": elsewhere.sprint.id, "assignee": people["stranger"].id, "status": "Secret",
        "issue_type": "secret kind",
    }[field]  # fmt: skip

    response = as_("member").patch(url("issues", IssueFactory(project=project).id), {field: str(value)})

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == f"/{field}"


class TestLists:
    @pytest.fixture
    def found(self, as_, url):
        """Titles that a query finds, in order."""

        def ask(**query):
            response = as_("viewer").get(url("issues"), query)
            assert response.status_code == 200, response.json()
            return [issue["title"] for issue in response.json()["results"]]

        return ask

    @pytest.fixture
    def backlog(self, project, people):
        sprint = SprintFactory(project=project)
        later = CREATED_AT + timedelta(days=7)
        IssueFactory(project=project, title="A", type_name="bug", component="api", story_points=5)
        IssueFactory(project=project, title="B", sprint=sprint, assignee=people["member"], created_at=later)
        IssueFactory(project=project, title="C", completed=True, description="A needle here", story_points=1)
        IssueFactory(title="Elsewhere")
        return sprint

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ({}, "BAC"),
            ({"status": "Done"}, "C"),
            ({"status_category": "to_do"}, "BA"),
            ({"type": "bug"}, "A"),
            ({"component": "api"}, "A"),
            ({"created_after": "2026-02-05"}, "B"),
            ({"created_after": "2026-02-09T09:00:00Z"}, "B"),
            ({"created_after": "2026-02-09T09:00:01Z"}, ""),
            ({"resolved_after": "2026-02-01"}, "C"),
            ({"search": "needle"}, "C"),
            ({"unassigned": "true", "status_category": "to_do"}, "A"),
            ({"backlog": "false"}, "B"),
            ({"ordering": "title"}, "ABC"),
            ({"ordering": "-story_points"}, "ACB"),
            ({"ordering": "story_points"}, "CAB"),
            ({"ordering": "-created_at,title"}, "BAC"),
        ],
    )
    def test_lists_narrow_and_sort(self, backlog, found, query, titles):
        assert sorted(found(**query)) == sorted(titles)
        if "ordering" in query:
            assert found(**query) == list(titles)

    def test_by_sprint_and_person(self, backlog, found, people):
        assert found(sprint=backlog.id) == found(assignee=people["member"].id) == ["B"]

    def test_pages_meet_without_overlap(self, project, as_, url):
        IssueFactory.create_batch(5, project=project)

        first = as_("viewer").get(url("issues"), {"page_size": 3, "ordering": "priority"}).json()
        second = as_("viewer").get(first["next"]).json()

        assert first["count"] == 5
        assert len({issue["id"] for issue in first["results"] + second["results"]}) == 5
        assert second["next"] is None

    def test_a_page_holds_at_most_a_hundred(self, project, as_, url):
        IssueFactory.create_batch(101, project=project)

        assert len(as_("viewer").get(url("issues"), {"page_size": 1000}).json()["results"]) == 100

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"unassigned": "maybe"}, 400),
            ({"backlog": "2"}, 400),
            ({"page": "0"}, 404),
            ({"page": "two"}, 404),
            ({"page": "9" * 30}, 404),
            ({"page": "9" * 3500}, 404),
            ({"page_size": "0"}, 400),
            ({"page_size": "-1"}, 400),
            ({"page_size": "many"}, 400),
            ({"page_size": "²"}, 400),
            ({"ordering": "secret"}, 400),
            ({"ordering": "project__team__user__password"}, 400),
            ({"assignee": "me"}, 400),
            ({"sprint": "1 OR 1=1"}, 400),
            ({"status_category": "finished"}, 400),
            ({"created_after": "soon"}, 400),
            ({"created_after": "0001-01-01T00:00:00+14:00"}, 400),
            ({"resolved_after": "9999-12-31T23:59:59-14:00"}, 400),
            ({"search": "a\0b"}, 400),
            ({"status": "a\0b"}, 400),
            ({"search": "x" * 201}, 400),
        ],
    )
    def test_a_query_that_makes_no_sense_is_refused(self, project, as_, url, query, status):
        response = as_("viewer").get(url("issues"), query)

        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"

    def test_the_number_of_queries_does_not_grow(self, people, as_, url, django_assert_num_queries, project):
        client = as_("viewer")
        for number in range(20):
            assignee = people["member"] if number % 2 else people["lead"]
            IssueFactory(project=project, completed=True, assignee=assignee, reporter=people["viewer"])

        with django_assert_num_queries(2):  # project, and a page that is the last, so that nothing need be counted
            client.get(url("issues"), {"ordering": "-created_at"})
        with django_assert_num_queries(3):  # and whether there is so much to search that it waits for its turn
            client.get(url("issues"), {"ordering": "-created_at", "search": "issue"})

    def test_nor_does_that_of_the_history(self, project, as_, url, django_assert_num_queries):
        issue = IssueFactory(project=project)
        for points in range(20):
            as_("member").patch(url("issues", issue.id), {"story_points": points})

        with django_assert_num_queries(3):  # project, issue, page
            assert as_("viewer").get(url("issues", issue.id, "history")).json()["count"] == 20
