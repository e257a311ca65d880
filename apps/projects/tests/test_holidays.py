"""Public holidays of a country and region: days off, each to be taken back by the team."""

import os
import subprocess
import sys
from datetime import date

import pytest

from apps.projects import holidays
from apps.projects.models import WorkedHoliday
from tests.processes import ROOT

pytestmark = pytest.mark.django_db


def off(project):
    """Days off in the last week of 2026, a Thursday to a Thursday; Boxing Day is a Saturday."""
    days = holidays.off_days(project, today=date(2026, 12, 1))
    return [day.day for day in sorted(days) if date(2026, 12, 24) <= day <= date(2026, 12, 31)]


@pytest.fixture
def bavarian(project):
    project.holiday_country, project.holiday_region = "DE", "BY"
    project.save()
    return project


def test_holidays_are_days_off_beside_those_of_the_team(bavarian, as_, url):
    assert off(bavarian) == [25, 26]

    as_("lead").post(url("days-off"), {"day": "2026-12-24"})
    assert off(bavarian) == [24, 25, 26]


def test_a_holiday_can_be_worked_and_given_back(bavarian, as_, url):
    christmas, lead = url("holidays", "2026-12-25"), as_("lead")

    said = lead.patch(christmas, {"is_worked": True}).json()
    assert said == {"day": "2026-12-25", "name": "Christmas Day", "is_worked": True}
    assert off(bavarian) == [26]

    lead.patch(christmas, {"is_worked": False})
    assert off(bavarian) == [25, 26]
    assert not WorkedHoliday.objects.exists()


def test_the_holidays_of_a_year_are_those_of_the_region(bavarian, as_, url):
    def days(year):
        return [row["day"] for row in as_("viewer").get(url("holidays"), {"year": year}).json()["holidays"]]

    # Epiphany and Corpus Christi are Bavarian; Easter of 2027 is the 28th of March.
    assert {"2026-01-06", "2026-06-04", "2026-10-03"} <= set(days(2026))
    assert "2027-03-29" in days(2027)
    bavarian.holiday_region = "BE"
    bavarian.save()
    assert "2026-01-06" not in days(2026)
    assert as_("viewer").patch(url("holidays", "2026-12-25"), {"is_worked": True}).status_code == 403


@pytest.mark.parametrize(
    ("place", "pointer"),
    [
        ({"holiday_country": "ZZ"}, "/holiday_country"),
        ({"holiday_country": "DE", "holiday_region": "TX"}, "/holiday_region"),
        ({"holiday_region": "BY"}, "/holiday_region"),
    ],
)
def test_a_place_that_is_not_known_is_refused_by_field(as_, url, place, pointer):
    refused = as_("lead").patch(url(), place)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, pointer)


@pytest.mark.parametrize("day", ["2026-12-23", "2026-02-30"])
def test_what_is_no_holiday_cannot_be_worked(bavarian, as_, url, day):
    assert as_("lead").patch(url("holidays", day), {"is_worked": True}).status_code in (400, 404)


def test_a_project_without_a_country_does_not_ask_the_library(project, as_, url, monkeypatch):
    monkeypatch.setattr(holidays, "public_holidays", None)

    assert as_("viewer").get(url("holidays")).json()["holidays"] == []
    assert off(project) == []


def test_a_place_that_the_library_forgets_has_no_holidays_and_is_logged(caplog):
    assert holidays.public_holidays("DE", "Atlantis", 2026) == ()
    assert "Holidays are not known country=DE region=Atlantis year=2026" in caplog.text


@pytest.mark.parametrize("language", ["", "de_DE.UTF-8"])
def test_names_are_the_same_wherever_the_service_runs(language):
    code = "from apps.projects.holidays import public_holidays as p; print([n for d, n in p('DE', 'BY', 2026)][-1])"
    environment = {**os.environ, "LANGUAGE": language, "LANG": language, "LC_ALL": language}
    script = f"import django; django.setup(); {code}"

    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert told.stdout.strip().endswith("Second Day of Christmas"), told.stderr
