"""Projects and issues by their keys, wherever their ids are taken."""

import pytest
from rest_framework.test import APIClient

from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
ML = "/api/v1/ml"


@pytest.fixture
def shop():
    return ProjectFactory(key="SHOP", name="Shop")


@pytest.fixture
def issue(shop):
    return IssueFactory(project=shop, source="jira", external_id="SHOP-12", title="Paint the door", type_name="bug")


@pytest.fixture
def client(shop):
    client = APIClient()
    client.force_authenticate(TeamMemberFactory(project=shop, role="lead").user)
    return client


def test_addresses_take_keys_and_ids_in_whatever_case(client, shop, issue):
    for name in ("SHOP", "shop", str(shop.id), shop.id.hex):
        assert client.get(f"/api/v1/projects/{name}/").json()["id"] == str(shop.id)
        assert client.get(f"/api/v1/projects/{name}/issues/SHOP-12/").json()["id"] == str(issue.id)
    assert client.get(f"/api/v1/projects/SHOP/issues/{issue.id}/history/").status_code == 200
    assert client.patch("/api/v1/projects/SHOP/issues/SHOP-12/", {"story_points": 3}).json()["story_points"] == 3


def test_bodies_and_queries_take_keys(client, shop, issue):
    asked = {"project_id": "SHOP", "issue_id": "SHOP-12"}
    sprint = SprintFactory(project=shop, active=True)

    assert client.post(f"{ML}/predict-effort/", asked).status_code == 200
    assert client.post(f"{ML}/suggest-assignment/", asked).status_code == 200
    assert client.post(f"{ML}/projects/SHOP/similar/", {"title": "Paint", "issue_id": "SHOP-12"}).status_code == 200
    # Refused for want of history alone: the issues were understood.
    assert client.post(f"{ML}/sprints/{sprint.id}/what-if/", {"add_issues": ["SHOP-12"]}).status_code == 422
    refused = client.post(f"{ML}/sprints/{sprint.id}/what-if/", {"add_issues": ["SHOP-13"]})
    assert "Not issues of this project: SHOP-13" in str(refused.json())
    assert client.get(f"{ML}/models/", {"project_id": "shop"}).status_code == 200
    assert client.get(f"{ML}/models/", {"project_id": "5"}).status_code == 400


def test_a_key_tells_a_stranger_nothing(client, issue):
    hidden = IssueFactory(project=ProjectFactory(key="HIDDEN"), source="jira", external_id="HIDDEN-1")

    for name in ("HIDDEN", "NOTHING", str(hidden.project_id)):
        assert client.get(f"/api/v1/projects/{name}/issues/").status_code == 404
        assert client.post(f"{ML}/predict-effort/", {"project_id": name, "title": "x"}).status_code == 404
    assert client.get("/api/v1/projects/SHOP/issues/HIDDEN-1/").status_code == 404
    assert APIClient().get("/api/v1/projects/HIDDEN/").status_code == 401


def test_a_key_of_two_trackers_is_refused_and_ids_still_work(client, shop, issue):
    IssueFactory(project=shop, source="linear", external_id="SHOP-12")

    assert client.get("/api/v1/projects/SHOP/issues/SHOP-12/").status_code == 409
    assert client.get(f"/api/v1/projects/SHOP/issues/{issue.id}/").status_code == 200
