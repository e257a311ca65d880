"""Issues that wait for others: whoever may change an issue says so, strangers neither see nor make such links."""

from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from apps.projects.links.row import IssueLink
from apps.projects.links.selectors import waiting_for
from apps.projects.links.services import link_issues
from apps.projects.models import Issue
from apps.projects.selectors import open_blockers_elsewhere
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return ProjectFactory(key="SHOP")


@pytest.fixture
def cart(shop):
    return IssueFactory(project=shop, external_id="SHOP-1", title="Cart")


def member_of(*projects, role="member"):
    user = TeamMemberFactory(project=projects[0], role=role).user
    for project in projects[1:]:
        TeamMemberFactory(project=project, user=user, role=role)
    client = APIClient()
    client.force_authenticate(user)
    return client


def address(issue, link=None):
    return f"/api/v1/projects/{issue.project_id}/issues/{issue.pk}/links/" + (f"{link.pk}/" if link else "")


def test_an_issue_is_made_to_wait_and_both_sides_tell_it(shop, cart):
    login = IssueFactory(project=shop, external_id="SHOP-2", title="Login")
    client = member_of(shop)

    made = client.post(address(cart), {"relation": "blocked_by", "issue": "SHOP-2"}).json()

    assert (made["relation"], made["key"], made["title"], made["project"]) == ("blocked_by", "SHOP-2", "Login", "SHOP")
    assert [row["relation"] for row in client.get(address(cart)).json()["results"]] == ["blocked_by"]
    assert [(row["relation"], row["key"]) for row in client.get(address(login)).json()["results"]] == [
        ("blocks", "SHOP-1")
    ]


def test_a_link_is_taken_away_from_either_side(shop, cart):
    link = link_issues(cart, IssueFactory(project=shop), now=NOW)

    assert member_of(shop).delete(address(cart, link)).status_code == 204
    assert not IssueLink.objects.exists()


def test_a_link_makes_the_figures_of_the_blocked_issues_project_old(shop, cart):
    blocked = IssueFactory(project=shop)

    link_issues(cart, blocked, now=NOW)

    assert Issue.objects.get(pk=blocked.pk).updated_at == NOW


@pytest.mark.parametrize("is_updated", [False, True], ids=["made now", "made before there was an index of these"])
def test_what_a_project_waits_for_elsewhere_is_what_is_open_there(shop, cart, is_updated, django_assert_num_queries):
    own, login = IssueFactory.create_batch(2, project=shop)
    elsewhere, over = IssueFactory(), IssueFactory(completed=True)
    # One inside, one the other way round, and two that wait for the same.
    for blocker, blocked in (own, cart), (cart, elsewhere), (elsewhere, own), (elsewhere, login), (over, own):
        link_issues(blocker, blocked, now=NOW)
    if is_updated:
        IssueLink.objects.update(waiting_project=None)
        import_module("apps.projects.migrations.0024_links_between_projects").find_those_of_two(apps, None)

    with django_assert_num_queries(1):
        found = list(open_blockers_elsewhere(shop))

    assert found == [elsewhere.pk]
    assert list(open_blockers_elsewhere(elsewhere.project)) == [cart.pk]


def test_no_issue_waits_for_itself_or_twice_for_the_same(shop, cart):
    other = IssueFactory(project=shop)
    link_issues(cart, other, now=NOW)

    with pytest.raises(ValidationError, match="there already"):
        link_issues(cart, other, now=NOW)
    with pytest.raises(ValidationError, match="wait for itself"):
        link_issues(cart, cart, now=NOW)


def test_links_to_projects_that_one_does_not_see_are_neither_shown_nor_made(shop, cart):
    hidden = IssueFactory(project=ProjectFactory(key="HIDDEN"), external_id="HIDDEN-1")
    link_issues(cart, hidden, now=NOW)
    client = member_of(shop)

    assert client.get(address(cart)).json()["results"] == []
    answer = client.post(address(cart), {"relation": "blocks", "issue": "HIDDEN-1", "project": "HIDDEN"})
    assert answer.status_code == 404


def test_that_an_issue_waits_for_something_unseen_is_told_without_its_texts_and_taken_away(shop, cart):
    hidden = IssueFactory(project=ProjectFactory(key="HIDDEN"), external_id="HIDDEN-1", title="Secret")
    seen = IssueFactory(project=shop, title="Label")
    link, _ = link_issues(hidden, cart, now=NOW), link_issues(seen, cart, now=NOW)

    [told, other] = member_of(shop).get(address(cart)).json()["results"]
    texts = {name: told[name] for name in ("issue_id", "project", "key", "title", "status", "status_category")}

    assert (told["id"], told["relation"], set(texts.values())) == (link.pk, "blocked_by", {None})
    assert other["title"] == "Label"
    assert member_of(shop, role="viewer").delete(address(cart, link)).status_code == 403
    assert APIClient().delete(address(cart, link)).status_code == 401
    assert member_of(shop).delete(address(cart, link)).status_code == 204
    assert [each.blocker for each in IssueLink.objects.all()] == [seen]


def test_who_only_reads_a_project_makes_none_of_its_issues_wait(shop, cart):
    other = ProjectFactory(key="OTHER")
    foreign = IssueFactory(project=other, external_id="OTHER-1")
    client = member_of(shop)
    user = shop.team.first().user
    TeamMemberFactory(project=other, user=user, role="viewer")

    asked = {"issue": "OTHER-1", "project": "other"}
    assert client.post(address(cart), {"relation": "blocks", **asked}).status_code == 403
    assert client.post(address(cart), {"relation": "blocked_by", **asked}).status_code == 201
    assert list(IssueLink.objects.values_list("blocker", "blocked")) == [(foreign.pk, cart.pk)]


def test_what_is_done_blocks_nobody(shop, cart):
    for blocker in (IssueFactory(project=shop, external_id="SHOP-3"), IssueFactory(project=shop, completed=True)):
        link_issues(blocker, cart, now=NOW)

    found = waiting_for([cart.pk], TeamMemberFactory(project=shop).user)

    assert [issue.external_id for issue in found[cart.pk]] == ["SHOP-3"]
