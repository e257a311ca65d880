"""Projects, their teams, types and statuses over HTTP."""

import pytest

from apps.accounts.tests.factories import UserFactory
from apps.projects import leads
from apps.projects.models import Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory

PROJECTS = "/api/v1/projects/"


class TestProjects:
    def test_who_makes_a_project_leads_it(self, api_client, db):
        user = UserFactory()
        api_client.force_authenticate(user)

        response = api_client.post(PROJECTS, {"key": "GEMINI", "name": "Gemini"})

        assert response.status_code == 201
        address = f"{PROJECTS}{response.json()['id']}/"
        assert api_client.get(f"{address}members/").json()["results"][0].items() >= {
            "user": str(user.id), "email": user.email, "role": "lead",
        }.items()  # fmt: skip
        types, statuses = (api_client.get(f"{address}{what}/").json() for what in ("issue-types", "statuses"))
        assert [row["name"] for row in types["results"]] == ["bug", "story", "task"]
        assert [row["name"] for row in statuses["results"]] == ["To do", "In progress", "Done", "Won't do"]

    @pytest.mark.parametrize(
        ("body", "pointers"),
        [
            ({}, {"/key", "/name"}),
            ({"key": "lower", "name": "X"}, {"/key"}),
            ({"key": "APOLLO", "name": "X"}, {"/key"}),
            ({"key": "A" * 33, "name": "X"}, {"/key"}),
            ({"key": "OK", "name": ""}, {"/name"}),
            ([], {""}),
            ("text", {""}),
        ],
    )
    def test_a_project_that_cannot_be_is_refused_by_field(self, as_, body, pointers):
        response = as_("viewer").post(PROJECTS, body, format="json")

        assert response.status_code == 400
        assert {error["pointer"] for error in response.json()["errors"]} == pointers

    def test_one_person_makes_so_many_projects_and_more_when_some_are_gone(self, as_, people, monkeypatch):
        monkeypatch.setattr(leads, "MOST_PROJECTS", 2)
        for key in ("ONE", "TWO"):
            assert as_("member").post(PROJECTS, {"key": key, "name": "X"}).status_code == 201

        refused = as_("member").post(PROJECTS, {"key": "THREE", "name": "X"})

        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_projects")
        assert "delete some" in refused.json()["detail"]
        assert as_("viewer").post(PROJECTS, {"key": "OTHER", "name": "X"}).status_code == 201
        Project.objects.get(key="ONE").delete()
        assert as_("member").post(PROJECTS, {"key": "THREE", "name": "X"}).status_code == 201

    def test_administrators_make_projects_for_others(self, as_, monkeypatch):
        monkeypatch.setattr(leads, "MOST_PROJECTS", 0)

        assert as_("staff").post(PROJECTS, {"key": "THREE", "name": "X"}).status_code == 201

    def test_the_key_stays_when_the_name_changes(self, as_, project, url):
        assert as_("lead").patch(url(), {"name": "Better", "key": "OTHER"}).status_code == 400
        response = as_("lead").patch(url(), {"name": "Better"})

        assert (response.json()["key"], response.json()["name"]) == ("APOLLO", "Better")

    def test_a_lead_says_where_the_team_is(self, as_, project, url):
        response = as_("lead").patch(url(), {"time_zone": "Asia/Tokyo"})

        assert (response.status_code, response.json()["time_zone"]) == (200, "Asia/Tokyo")
        project.refresh_from_db()
        assert project.time_zone == "Asia/Tokyo"

    def test_a_project_with_issues_is_deleted_whole(self, as_, project, url):
        IssueFactory(project=project)

        assert as_("lead").delete(url()).status_code == 204
        assert not Project.objects.filter(pk=project.pk).exists()

    def test_projects_are_found_by_key_and_name(self, as_):
        ProjectFactory(key="MERCURY", name="First flights")

        found = as_("staff").get(PROJECTS, {"search": "flights"}).json()["results"]

        assert [row["key"] for row in found] == ["MERCURY"]

    def test_the_number_of_queries_does_not_grow(self, as_, people, django_assert_num_queries):
        TeamMemberFactory.create_batch(20, user=people["viewer"])

        with django_assert_num_queries(1):  # page
            as_("viewer").get(PROJECTS)


class TestTeam:
    def test_the_team_is_shown_with_addresses_to_the_team(self, as_, people, url):
        team = as_("viewer").get(url("members")).json()["results"]

        assert [(row["email"], row["role"]) for row in team] == [
            (people[role].email, role) for role in ("lead", "member", "viewer")
        ]

    def test_addresses_are_shown_nowhere_else(self, as_, people, project, url):
        issue = IssueFactory(project=project, assignee=people["member"], reporter=people["lead"])
        as_("member").patch(url("issues", issue.id), {"story_points": 1})

        for address in (url("issues"), url("issues", issue.id, "history"), url("sprints"), url()):
            assert "@" not in as_("viewer").get(address).content.decode()

    def test_nobody_is_taken_in_unasked(self, as_, url):
        assert as_("lead").post(url("members"), {"email": UserFactory().email}).status_code == 405

    @pytest.mark.parametrize("role", ["viewer", "member"])
    def test_everybody_may_leave(self, as_, people, url, role):
        assert as_(role).delete(url("members", people[role].id)).status_code == 204
        assert as_(role).get(url()).status_code == 404

    def test_roles_are_the_three(self, as_, people, url):
        assert as_("lead").patch(url("members", people["member"].id), {"role": "owner"}).status_code == 400

    def test_the_last_lead_stays(self, as_, people, url):
        address = url("members", people["lead"].id)

        assert as_("lead").patch(address, {"role": "member"}).status_code == 409
        assert as_("lead").delete(address).status_code == 409

    def test_the_number_of_queries_does_not_grow(self, as_, project, url, django_assert_num_queries):
        TeamMemberFactory.create_batch(20, project=project)

        with django_assert_num_queries(2):  # project, page
            as_("viewer").get(url("members"))


class TestTypesAndStatuses:
    @pytest.mark.parametrize(
        ("what", "body"), [("issue-types", {"name": "bug"}), ("statuses", {"name": "Done", "category": "done"})]
    )
    def test_a_name_is_given_once(self, as_, url, what, body):
        response = as_("lead").post(url(what), body)

        assert response.status_code == 400
        assert response.json()["errors"][0]["pointer"] == "/name"

    def test_what_is_in_use_stays(self, as_, project, url):
        issue = IssueFactory(project=project)

        for address in (url("issue-types", issue.issue_type_id), url("statuses", issue.status_id)):
            assert as_("lead").delete(address).status_code == 409

    @pytest.mark.parametrize(
        "body", [{"name": "X"}, {"name": "X", "category": "paused"}, {"name": "X", "category": "done", "position": -1}]
    )
    def test_a_status_means_one_of_three_things(self, as_, url, body):
        assert as_("lead").post(url("statuses"), body).status_code == 400

    @pytest.mark.parametrize("number", [0, 10**30])
    def test_an_id_that_cannot_be_is_not_found(self, as_, url, number):
        assert as_("lead").get(url("statuses", number)).status_code == 404


class TestAvailability:
    def test_a_lead_says_who_is_away_and_who_is_not_to_be_suggested(self, as_, people, url):
        address = url("members", people["member"].id)
        away = {"available_for_assignment": False, "absent_from": "2026-03-02", "absent_until": "2026-03-06"}

        response = as_("lead").patch(address, away)

        assert response.status_code == 200
        assert response.json().items() >= (away | {"role": "member"}).items()

    def test_nobody_returns_before_leaving(self, as_, people, url):
        body = {"absent_from": "2026-03-02", "absent_until": "2026-03-01"}

        assert as_("lead").patch(url("members", people["member"].id), body).status_code == 400

    def test_a_member_does_not_decide_about_others(self, as_, people, url):
        response = as_("member").patch(url("members", people["lead"].id), {"available_for_assignment": False})

        assert response.status_code == 403


class TestDaysOff:
    def test_a_lead_says_when_nobody_works(self, as_, url):
        as_("lead").post(url("days-off"), {"day": "2026-12-25", "name": "Christmas"})
        as_("lead").post(url("days-off"), {"day": "2026-05-01"})

        found = as_("viewer").get(url("days-off"), {"ordering": "day"}).json()["results"]

        assert [(row["day"], row["name"]) for row in found] == [("2026-05-01", ""), ("2026-12-25", "Christmas")]

    @pytest.mark.parametrize("body", [{"day": "2026-12-25"}, {"day": "31 December"}, {}])
    def test_a_day_is_a_date_and_off_once(self, as_, url, body):
        as_("lead").post(url("days-off"), {"day": "2026-12-25"})

        response = as_("lead").post(url("days-off"), body)

        assert response.status_code == 400
        assert response.json()["errors"][0]["pointer"] == "/day"
