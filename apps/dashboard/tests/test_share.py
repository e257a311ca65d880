"""A link opens one page to whoever has it, until it expires or is withdrawn; files carry no formula."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.common.api import busy
from apps.dashboard.models import ShareLink
from apps.dashboard.services import sharing
from apps.dashboard.tests.conftest import Team
from apps.dashboard.views.files import as_csv
from apps.ml.services import heavy
from apps.projects.models import Issue
from apps.projects.tests.factories import TeamMemberFactory
from apps.projects.tests.leaving import WAYS
from apps.projects.unknown_past import Standstill, keep_standstills
from conftest import NOW

pytestmark = pytest.mark.django_db


def address_of(link: ShareLink) -> str:
    return f"/shared/{sharing.token_of(link)}/"


def shared(demo: Team, *, of_sprint: bool = True, people: bool = False) -> ShareLink:
    sprint = demo.running if of_sprint else None
    return sharing.share(demo.project, sprint, days=14, shows_people=people, by=demo.lead, now=NOW)


@pytest.mark.parametrize("of_sprint", [True, False])
def test_a_link_opens_its_page_without_an_account(demo: Team, client: Client, of_sprint: bool):
    answer = client.get(address_of(shared(demo, of_sprint=of_sprint)))

    shown = answer.content.decode()
    assert answer.status_code == 200
    assert (demo.running.name if of_sprint else demo.project.name) in shown
    assert "<form" not in shown
    assert 'href="/projects' not in shown
    assert "@" not in shown
    assert answer["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("of_sprint", [True, False])
def test_readers_of_a_projects_links_are_one_asker_whatever_their_address(
    demo: Team, lead: Client, monkeypatch: pytest.MonkeyPatch, of_sprint: bool
):
    monkeypatch.setattr(heavy, "HEAVY_LINKS", -1)
    monkeypatch.setattr(busy, "TURNS", busy.turns_of(4))
    page = address_of(shared(demo, of_sprint=of_sprint))
    held = busy.TURNS.take(str(demo.project.pk), is_guest=True)

    answer = Client(REMOTE_ADDR="203.0.113.8").get(page)

    assert (answer.status_code, answer["Retry-After"]) == (429, "3")
    assert lead.get(page).status_code == 200
    busy.TURNS.give_back(held)
    assert Client(REMOTE_ADDR="203.0.113.9").get(page).status_code == 200
    assert not busy.TURNS.line.there


@pytest.mark.parametrize("is_predicted", [True, False])
@pytest.mark.parametrize("of_sprint", [True, False])
def test_readers_of_a_link_hear_that_it_is_out_of_step_and_not_with_which_place(
    demo: Team, client: Client, of_sprint: bool, is_predicted: bool
):
    demo.project.predictions_enabled = is_predicted
    demo.project.save()
    keep_standstills(demo.project, [Standstill("GitHub acme/secret", NOW - timedelta(days=9))])

    shown = client.get(address_of(shared(demo, of_sprint=of_sprint))).content.decode()

    assert "Out of step since" in shown
    assert "imports from a tracker fail" in shown
    assert "acme" not in shown


@pytest.mark.parametrize("people", [True, False])
def test_people_are_named_only_where_that_was_allowed(demo: Team, client: Client, people: bool):
    names = set(
        Issue.objects.filter(sprint=demo.running, assignee__isnull=False).values_list("assignee__full_name", flat=True)
    )

    shown = client.get(address_of(shared(demo, people=people))).content.decode()

    assert any(name in shown for name in names) is people


def test_a_link_ends_and_can_be_withdrawn(demo: Team, client: Client, monkeypatch: pytest.MonkeyPatch):
    short, withdrawn = shared(demo), shared(demo)
    sharing.withdraw(demo.project, withdrawn.id, now=NOW)

    assert client.get(address_of(withdrawn)).status_code == 404
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(days=15))
    assert client.get(address_of(short)).status_code == 404


@pytest.mark.parametrize("token", ["nothing", "0" * 32, f"{'0' * 32}:forged"])
def test_an_address_that_was_made_up_leads_nowhere(demo: Team, client: Client, token: str):
    assert client.get(f"/shared/{token}/").status_code == 404


def test_a_lead_makes_and_withdraws_a_link_by_its_page(demo: Team, lead: Client):
    reference = demo.running.name.removeprefix("Sprint ")

    made = lead.post("/projects/DEMO/share/new/", {"what": reference, "days": 30}, follow=True)
    link = ShareLink.objects.get(project=demo.project)
    closed = lead.post(f"/projects/DEMO/share/{link.id}/withdraw/", follow=True)

    assert f"http://testserver{address_of(link)}" in made.content.decode()
    assert (link.sprint, link.shows_people, link.expires_at) == (demo.running, False, NOW + timedelta(days=30))
    assert "leads nowhere any more" in closed.content.decode()


def test_a_form_that_was_made_up_makes_no_link(demo: Team, lead: Client):
    lead.post("/projects/DEMO/share/new/", {"what": "project", "days": 4000})

    assert not ShareLink.objects.exists()


def test_there_are_no_more_open_links_than_somebody_oversees(demo: Team, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharing, "MOST_LINKS", 1)
    shared(demo)

    with pytest.raises(sharing.TooManyLinks):
        shared(demo)


@pytest.mark.parametrize("left", WAYS)
def test_who_leads_no_more_reads_nothing_by_a_link_of_before(client: Client, left: str):
    rogue = TeamMemberFactory(role="lead")
    link = sharing.share(rogue.project, None, days=90, shows_people=True, by=rogue.user, now=timezone.now())
    assert client.get(address_of(link)).status_code == 200

    WAYS[left](rogue)

    assert client.get(address_of(link)).status_code == 404
    assert not sharing.links_of(rogue.project, now=timezone.now())


def test_a_link_of_who_was_switched_off_stays_closed_when_they_are_switched_on_again(client: Client):
    lead = TeamMemberFactory(role="lead")
    link = sharing.share(lead.project, None, days=90, shows_people=True, by=lead.user, now=timezone.now())

    for is_on in (False, True):
        lead.user.is_active = is_on
        lead.user.save()

    assert client.get(address_of(link)).status_code == 404


def test_no_cell_is_taken_for_a_formula():
    rows = (("=1+1", "-3"), ("@SUM(A1)", "+1.5"), ("-2 of them", "−4"), ("a;=1+1", "\uff1d1"))

    text = as_csv(("Name", "Value"), rows)

    cells = [
        ('"\'=1+1"', '"-3"'),
        ('"\'@SUM(A1)"', '"+1.5"'),
        ('"\'-2 of them"', '"−4"'),
        ('"a;\'=1+1"', '"\'\uff1d1"'),
    ]
    assert text.splitlines() == ['\ufeff"Name","Value"', *map(",".join, cells)]


@pytest.mark.parametrize(
    ("address", "kind", "begins"),
    [
        ("/projects/DEMO/files/burn-up.svg", "image/svg+xml", "<svg"),
        ("/projects/DEMO/files/burn-up.csv", "text/csv; charset=utf-8", '\ufeff"Day"'),
        ("/projects/DEMO/files/anomalies.csv", "text/csv; charset=utf-8", '\ufeff"Severity"'),
        ("/projects/DEMO/sprints/N/plan.csv", "text/csv; charset=utf-8", '\ufeff"Issue"'),
        ("/projects/DEMO/sprints/N/burndown.svg", "image/svg+xml", "<svg"),
    ],
)
def test_tables_and_pictures_are_files(demo: Team, lead: Client, address: str, kind: str, begins: str):
    answer = lead.get(address.replace("/N/", f"/{demo.running.name.removeprefix('Sprint ')}/"))

    assert answer["Content-Type"] == kind
    assert answer.content.decode().startswith(begins)
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize("address", ["/projects/DEMO/files/secrets.csv", "/projects/DEMO/sprints/999/plan.csv"])
def test_a_file_that_is_none_leads_nowhere(demo: Team, lead: Client, address: str):
    assert lead.get(address).status_code == 404
