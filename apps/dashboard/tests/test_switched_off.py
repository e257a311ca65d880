"""A project whose predictions are switched off: its pages tell what happened, and nothing of what will be."""

import pytest
from django.test import Client

from apps.dashboard.services import sharing
from apps.dashboard.tests.conftest import Team
from apps.projects.models import Project
from conftest import NOW

pytestmark = pytest.mark.django_db
#: What a prediction would be told by: a chance, a date, a range.
FORESEEN = ("half of the futures", "80 % range", "at risk", "certainty")


@pytest.fixture
def switched_off(demo: Team, db: None) -> Team:
    Project.objects.filter(pk=demo.project.pk).update(predictions_enabled=False)
    return demo


@pytest.mark.parametrize("page", ["", "sprints/{running}/", "backlog/", "moved/", "parts/"])
def test_pages_that_predict_say_that_predictions_are_off(switched_off: Team, lead: Client, page: str):
    running = switched_off.running.name.rpartition(" ")[2]

    answer = lead.get(f"/projects/{switched_off.project.key}/{page.format(running=running)}")

    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "Predictions are switched off" in shown
    assert not any(word in shown for word in FORESEEN)


def test_a_part_of_an_open_page_says_so_in_a_sentence(switched_off: Team, lead: Client):
    answer = lead.get(f"/projects/{switched_off.project.key}/moved/", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert "Predictions are switched off" in answer.content.decode()
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize("page", ["sprints/{closed}/", "flow/", "trust/", "models/", "settings/"])
def test_what_happened_stays(switched_off: Team, lead: Client, page: str):
    closed = switched_off.closed.name.rpartition(" ")[2]

    assert lead.get(f"/projects/{switched_off.project.key}/{page.format(closed=closed)}").status_code == 200


def test_the_list_of_projects_says_so_in_place_of_a_chance(switched_off: Team, lead: Client):
    shown = lead.get(f"/projects/{switched_off.project.key}/chance/").content.decode()

    assert "predictions are off" in shown
    assert "%" not in shown


def test_a_shared_page_predicts_nothing_either(switched_off: Team, client: Client):
    link = sharing.share(switched_off.project, None, days=14, shows_people=False, by=switched_off.lead, now=NOW)

    answer = client.get(f"/shared/{sharing.token_of(link)}/")

    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "Predictions are switched off" in shown
    assert 'href="/projects' not in shown


def test_an_installation_that_predicts_nothing_does_so_on_its_pages(demo: Team, lead: Client, settings):
    settings.ML_PREDICTIONS_ENABLED = False

    assert lead.get(f"/projects/{demo.project.key}/").status_code == 409
