"""Trust shows what a replay showed, what was answered, and what would help; a replay is asked for by leads."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.dashboard.pages.trust import progress_of, told_promise, told_skill
from apps.dashboard.tests.test_backlog import MOST_BYTES, text_of
from apps.ml.core.evaluation.reliability import Share
from apps.ml.models import Replay
from apps.ml.selectors.replays import kept_replays
from apps.ml.selectors.workers import LONG
from apps.ml.services.evaluation.kept_replays import ask_for_replays, keep_replay
from apps.ml.services.upkeep.installation import note_worker
from apps.projects.models import Project
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
TRUST = "/projects/DEMO/trust/"


def skill(value: float, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high}


def share(promised: float, observed: float, n: int = 100) -> dict[str, Any]:
    return {"promised": promised, "observed": observed, "n": n, "low": observed - 0.05, "high": observed + 0.05}


@dataclass
class Small:
    """A project and somebody who leads it."""

    project: Project
    lead: User


HOURS = {
    "unit": "h",
    "n": 556,
    "verdict": "Over 556 outcomes the predictions were off by 3.8 h on average.",
    "served": {"mae": 3.82, "malr": 0.479, "coverage": 0.775},
    "baselines": {
        "median": {"n": 556, "mae": 6.14, "malr": 0.842, "skill": skill(0.377, 0.326, 0.427)},
        "the team's own estimate": {"n": 486, "mae": 4.24, "malr": 0.56, "skill": skill(0.01, -0.02, 0.04)},
    },
    "calibration": [share(0.6, 0.62), share(0.8, 0.75)],
    "ranges": [share(0.5, 0.44), share(0.8, 0.78)],
    "over_time": [
        {"asked_at": "2025-02-18T13:00:00+00:00", "n": 24, "served": 0.5, "median": 0.9, "team": None},
        {"asked_at": "2025-03-18T13:00:00+00:00", "n": 24, "served": 0.4, "median": 0.8, "team": 0.5},
    ],
}
DATES = {
    "verdict": "P85 was met in 94 % of 85 forecasts.",
    "overall": {"methods": {"served": {"kept": {"50": share(0.5, 0.6), "85": share(0.85, 0.82, 50), "95": None}}}},
}


@pytest.fixture
def demo(db: None) -> Small:
    """A project without any work: what pages tell of replays and models does not depend on it."""
    project = ProjectFactory(key="DEMO")
    return Small(project, TeamMemberFactory(project=project, role="lead").user)


@pytest.fixture
def replayed(demo: Small, db: None) -> None:
    keep_replay(demo.project.id, Replay.Kind.EFFORT, HOURS, now=NOW)
    keep_replay(demo.project.id, Replay.Kind.FORECASTS, DATES, now=NOW)


@pytest.mark.parametrize(
    "told",
    [
        "Asked again about 556 finished issues",
        "78 % ended inside the range that promised 80 %",
        "The predictions are 38 % better than the team's median.",
        # The factor of e^0.479, beside that of the median.
        "predictions 556 3.8 h 1.6×",
        "the team's median 556 6.1 h 2.3× 38 % better",
        "your own estimates 486 4.2 h 1.8× no clear difference",
        "Kept in 41 of 50 past weeks. as promised",
        "Typical error over time, as a factor",
        "Over 556 outcomes the predictions were off by 3.8 h on average.",
        "No outcome became known in the last 90 days",
    ],
)
def test_the_page_tells_the_figures_of_the_replay(replayed: None, lead: Client, told: str):
    assert told in text_of(lead, TRUST)


def test_every_picture_has_its_figures_and_the_page_is_light(replayed: None, lead: Client):
    page = lead.get(TRUST).content.decode()

    assert page.count("<figure") == page.count("<details><summary>Figures") == 4
    assert len(page) < MOST_BYTES


def test_every_table_and_picture_is_a_file_too(replayed: None, lead: Client):
    page = lead.get(TRUST).content.decode()
    addresses = sorted(set(re.findall(r'href="(/projects/DEMO/trust/files/[^"]+)"', page)))

    found = {address.rsplit("/", 1)[1]: lead.get(address) for address in addresses}

    assert len(found) == 10
    assert {answer.status_code for answer in found.values()} == {200}
    assert '"the team\'s median","556","6.1 h","2.3×","38' in found["effort-prediction-methods.csv"].content.decode()
    assert found["dates.svg"].content.startswith(b"<svg")
    assert lead.get(f"{TRUST}files/nothing.csv").status_code == 404


def test_kinds_that_nobody_asked_for_are_no_empty_rows(replayed: None, lead: Client):
    assert "Nothing was answered yet that could come out." in text_of(lead, TRUST)
    assert "Durations of sprints" in lead.get(f"{TRUST}files/answers.csv").content.decode()


def test_before_a_replay_the_page_says_what_one_is(demo: Small, lead: Client):
    assert "A replay asks again about every finished issue" in text_of(lead, TRUST)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (skill(0.377, 0.326, 0.427), ("38\N{NO-BREAK SPACE}% better", "good")),
        (skill(-0.2, -0.3, -0.1), ("20\N{NO-BREAK SPACE}% worse", "bad")),
        (skill(0.2, -0.01, 0.4), ("no clear difference", "")),
        (skill(0.5, None, None), ("too few to tell", "")),
        (None, ("too few to tell", "")),
    ],
)
def test_only_a_difference_beyond_chance_is_called_one(found: dict[str, Any] | None, told: tuple[str, str]):
    assert told_skill(found) == told


def test_a_promise_is_kept_within_its_interval():
    assert told_promise(Share(0.85, 0.8, 50, 0.7, 0.9)) == ("as promised", "good")
    assert told_promise(Share(0.85, 0.6, 50, 0.5, 0.7)) == ("fewer than promised", "bad")


def test_a_replay_is_queued_begun_and_made_in_words(demo: Small):
    def told(seconds: int = 0) -> str:
        return progress_of(kept_replays(demo.project.id), now=NOW + timedelta(seconds=seconds)).told

    assert told() == ""
    assert ask_for_replays(demo.project.id, now=NOW)
    assert told() == "queued, no worker has been seen"
    note_worker(LONG, NOW)
    assert told() == "queued"
    Replay.objects.filter(kind=Replay.Kind.EFFORT).update(begun_at=NOW, progress_percent=60)
    assert told(5) == "Replaying the past: 20\N{NO-BREAK SPACE}%"
    for kind, figures in ((Replay.Kind.EFFORT, HOURS), (Replay.Kind.POINTS, HOURS), (Replay.Kind.FORECASTS, DATES)):
        keep_replay(demo.project.id, kind, figures, now=NOW + timedelta(minutes=1))
    assert told(90) == ""


def test_when_the_replay_is_over_the_page_is_shown_anew(replayed: None, lead: Client):
    assert lead.get(f"{TRUST}progress/")["HX-Refresh"] == "true"


def test_a_lead_asks_for_a_replay_and_others_do_not(demo: Small, lead: Client, client: Client, monkeypatch: Any):
    sent: list[object] = []
    monkeypatch.setattr("apps.dashboard.views.trust.send_replay", lambda project_id: sent.append(project_id) or True)

    assert lead.post(f"{TRUST}replay/").status_code == 302
    assert lead.post(f"{TRUST}replay/").status_code == 302
    client.force_login(TeamMemberFactory(project=demo.project, role="member").user)
    refused = client.post(f"{TRUST}replay/")

    assert sent == [demo.project.id]
    assert refused.status_code == 403
    assert "Replay the past now" not in text_of(client, TRUST)


def test_what_the_team_could_record_is_named_with_how_much_there_is(demo: Small, lead: Client):
    IssueFactory.create_batch(19, project=demo.project, completed=True, description="")
    IssueFactory(project=demo.project, completed=True, description="Says what is wanted.")

    assert "5 % have a description." in text_of(lead, TRUST)
