"""The alerts that say what is away fire when it is: scrapes as Prometheus does them, and its rules on what they found.

What is simulated of Prometheus: a scrape that fails leaves `up` at 0 and nothing else, and a rule fires when its
expression has held at each look for as long as it says.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import OperationalError

from apps.common.operations import scrape
from apps.common.operations.scrape import LiveMetrics
from apps.ml.live_metrics import KEEP_SECONDS

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
TIMES: dict[str, str] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["global"]
#: What the rules below are written in.
EXPRESSION = re.compile(
    r"(?:(?:max|min)\()?(?P<over>\w+)_over_time\((?P<series>\w+)(?:\{[^}]*\})?\[(?P<span>\w+)\]\)\)?"
    r" (?P<sign>==|<=) (?P<than>[\d.]+)"
)
OVER: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "avg": lambda all: sum(all) / len(all)}
WEB_PROCESSES = 4
UP, LIVE = "up", "scrum_ml_live_metrics_up"
#: None where the scrape fails.
Scrape = dict[str, float] | None


def seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def fires_at(alert: str, scrapes: dict[int, Scrape]) -> list[int]:
    """When Prometheus looks and the alert fires."""
    series: dict[str, dict[int, float]] = defaultdict(dict)
    for moment, found in scrapes.items():
        for name, value in {UP: float(found is not None), **(found or {})}.items():
            series[name][moment] = value
    rule, since, firing = RULES[alert], None, []
    told = EXPRESSION.fullmatch(rule["expr"])
    assert told, rule["expr"]
    for now in range(0, max(scrapes) + 1, seconds(TIMES["evaluation_interval"])):
        span = [value for at, value in series[told["series"]].items() if now - seconds(told["span"]) < at <= now]
        value = OVER[told["over"]](span) if span else None
        holds = value is not None and (
            value == float(told["than"]) if told["sign"] == "==" else value <= float(told["than"])
        )
        since = (now if since is None else since) if holds else None
        if since is not None and now - since >= seconds(rule.get("for", "0s")):
            firing.append(now)
    return firing


def moments(minutes: int) -> range:
    return range(0, minutes * 60, seconds(TIMES["scrape_interval"]))


class Service:
    """Web processes that answer by turns, and a database that is away from minute 5 to 15."""

    def __init__(self) -> None:
        self.now = 0.0
        self.processes = [LiveMetrics(lambda: self.now) for _ in range(WEB_PROCESSES)]
        for live in self.processes:
            live.add("models", self._read, keep_seconds=KEEP_SECONDS)
            live.add("outbox", self._read)

    def scraped(self, minutes: int) -> Iterator[tuple[int, Scrape]]:
        for turn, moment in enumerate(moments(minutes)):
            self.now = moment
            found = self.processes[turn % WEB_PROCESSES].collect()
            yield moment, {each.name: each.value for family in found for each in family.samples}

    def _read(self) -> list[Any]:
        if 300 <= self.now < 900:
            raise OperationalError("away")
        return []


@pytest.fixture(autouse=True)
def as_long_as_it_takes(monkeypatch):
    monkeypatch.setattr(scrape, "SCRAPE_SECONDS", 60.0)


def test_a_database_that_is_away_for_minutes_is_told_and_one_that_is_back_is_too():
    firing = fires_at("ScrumMLDatabaseUnreachable", dict(Service().scraped(20)))

    assert 300 + 60 <= firing[0] <= 300 + 180
    assert 900 - 30 <= firing[-1] <= 900 + 120
    assert firing == list(range(firing[0], firing[-1] + 1, 30)), "without a gap"


@pytest.mark.parametrize("fails", [lambda turn: turn % 2, lambda turn: turn % 3, lambda turn: turn % 5 < 2])
def test_it_is_told_where_every_other_scrape_fails(fails):
    """As they did while two readers waited for it one after the other."""
    scrapes = {
        moment: None if moment >= 300 and fails(turn) else {LIVE: float(moment < 300)}
        for turn, moment in enumerate(moments(15))
    }

    firing = fires_at("ScrumMLDatabaseUnreachable", scrapes)

    assert 300 + 60 <= firing[0] <= 300 + 180
    assert firing[-1] >= max(scrapes) - 30


@pytest.mark.parametrize("answers", [lambda turn: False, lambda turn: turn % 3 == 0, lambda turn: turn % 2 == 0])
def test_a_service_that_answers_half_of_the_scrapes_or_fewer_is_told(answers):
    scrapes = {
        moment: {LIVE: 1.0} if moment < 300 or answers(turn) else None for turn, moment in enumerate(moments(15))
    }

    firing = fires_at("ScrumMLDown", scrapes)

    assert 300 + 60 <= firing[0] <= 300 + 240
    assert firing[-1] >= max(scrapes) - 30


@pytest.mark.parametrize("alert", ["ScrumMLDown", "ScrumMLDatabaseUnreachable"])
def test_a_restart_of_half_a_minute_rings_nobody(alert):
    scrapes = {moment: None if 300 <= moment < 330 else {LIVE: float(moment >= 345)} for moment in moments(10)}
    scrapes |= {moment: {LIVE: 1.0} for moment in moments(5)}

    assert fires_at(alert, scrapes) == []


def test_counters_without_room_are_told():
    scrapes = {moment: {"scrum_ml_counters_kept": float(moment < 300)} for moment in moments(15)}

    assert 300 + 300 <= fires_at("ScrumMLCountersNotKept", scrapes)[0] <= 300 + 420
