"""A project's days are those of its time zone, wherever a day is meant."""

from datetime import UTC, date, datetime

import pytest

from apps.projects.history.days import beginning_of, day_of, end_of
from apps.projects.models import Project
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
#: Seven hours behind: the 14th of September ends at 07:00 of the 15th in UTC.
ZONE = "Etc/GMT+7"
EVENING = datetime(2026, 9, 15, 3, 30, tzinfo=UTC)


def test_a_day_has_one_beginning_and_one_end():
    west = ProjectFactory(time_zone=ZONE)

    assert day_of(EVENING, west.zone) == west.day_of(EVENING) == date(2026, 9, 14)
    assert beginning_of(date(2026, 9, 14), west.zone) == datetime(2026, 9, 14, 7, tzinfo=UTC)
    assert end_of(date(2026, 9, 14), west.zone) == datetime(2026, 9, 15, 6, 59, 59, 999999, tzinfo=UTC)


class TestSettings:
    def test_a_lead_sets_the_zone(self, as_, url):
        answer = as_("lead").patch(url(), {"time_zone": "America/Denver"}).json()

        assert answer["time_zone"] == "America/Denver"
        assert as_("viewer").get(url()).json()["time_zone"] == "America/Denver"

    def test_a_project_may_begin_with_one(self, as_):
        made = as_("member").post("/api/v1/projects/", {"key": "WEST", "name": "West", "time_zone": ZONE})

        assert (made.status_code, Project.objects.get(key="WEST").zone.key) == (201, ZONE)

    def test_a_zone_that_does_not_exist_is_refused_by_field(self, as_, url):
        refused = as_("lead").patch(url(), {"time_zone": "Mars/Olympus"})

        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/time_zone")
        assert "Europe/Berlin" in refused.json()["errors"][0]["detail"]
