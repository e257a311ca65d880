"""Random sprints are walked issue by issue to their end: every answer about them tells the same, and what can be."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.ml.core.forecasts.forecaster import Finish
from apps.ml.core.sprints.burndown import burndown
from apps.ml.selectors.forecasts import unfinished
from apps.ml.selectors.sprints import sprint_past
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.anomalies.news import risk_news
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.services.project_summary import ProjectSummaryService
from apps.ml.services.sprints.duration import SprintDurationService
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.ml.services.sprints.overview import SprintOverview, sprint_overview
from apps.ml.tests.forecasts.teams import finish_by_week
from apps.projects.models import Sprint
from apps.projects.services import close_sprint, update_issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
DAYS = 14
#: What says that the sprint will not do what it set out to.
ONE_CAUSE = {"burndown_velocity", "late_by_forecast", "under_delivery"}
#: Answers are rounded to four digits.
DIGITS = 1e-4


@dataclass(frozen=True)
class Walk:
    """A team with a past, and a sprint whose issues are done, or come in, one after another."""

    #: Of each past sprint, how many of its four issues were done.
    past: tuple[int, ...]
    #: Issues a week before.
    weekly: tuple[int, ...]
    #: Points of each issue.
    sizes: tuple[float | None, ...]
    #: For each issue the days until it is done, and whether another came in meanwhile.
    steps: tuple[tuple[float, bool], ...]


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    sizes = draw(st.lists(st.sampled_from([None, 0.0, 1.0, 2.0, 3.0, 5.0, 8.0]), min_size=2, max_size=5))
    steps = draw(
        st.lists(st.tuples(st.floats(0.2, 20.0 / len(sizes)), st.booleans()), min_size=len(sizes), max_size=len(sizes))
    )
    past = draw(st.lists(st.integers(1, 4), max_size=5))
    weekly = draw(st.lists(st.integers(0, 6), min_size=0, max_size=30))
    return Walk(tuple(past), tuple(weekly), tuple(sizes), tuple(steps))


@settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(walk=walks())
def test_every_answer_about_a_sprint_tells_the_same_to_its_end(now: datetime, walk: Walk) -> None:
    sprint = a_sprint(walk, now)
    done = sprint.project.statuses.get(name="Done")
    issues, moment = list(sprint.issues.order_by("created_at", "id")), now

    check(sprint, moment)
    for issue, (days, another_comes_in) in zip(issues, walk.steps, strict=True):
        moment += timedelta(days=days)
        if another_comes_in:
            late = IssueFactory(project=sprint.project, created_at=now - timedelta(days=1), story_points=2.0)
            update_issue(late, by=None, now=moment - timedelta(hours=1), sprint=sprint)
        update_issue(issue, by=None, now=moment, status=done)
        check(sprint, moment)
    for issue in sprint.issues.exclude(status=done):
        update_issue(issue, by=None, now=moment, status=done)
    ended = SprintOutcomeService().predict(sprint.id, now=moment)

    assert (ended["probability_all"], ended["probability_delivered"]) == (1.0, 1.0)
    assert ended["delivered_range"]["min"] >= ended["scope"] - 0.005


def a_sprint(walk: Walk, now: datetime) -> Sprint:
    """The running sprint, begun this morning, after the past that the walk tells."""
    project = ProjectFactory()
    finish_by_week(project, list(walk.weekly), now=now - timedelta(days=1))
    for age, n_done in enumerate(reversed(walk.past), start=1):
        start = now - timedelta(days=DAYS * age)
        closed = SprintFactory(project=project, start_date=start.date(), active=True, started_at=start)
        for issue in IssueFactory.create_batch(
            4, project=project, sprint=closed, story_points=3.0, created_at=start - timedelta(days=1)
        )[:n_done]:
            update_issue(issue, by=None, now=start + timedelta(days=6), status=project.statuses.get(name="Done"))
        close_sprint(closed, by=None, now=start + timedelta(days=13.5))
    sprint = SprintFactory(project=project, start_date=now.date(), active=True, started_at=now)
    for points in walk.sizes:
        IssueFactory(project=project, sprint=sprint, story_points=points, created_at=now - timedelta(days=2))
    return sprint


def check(sprint: Sprint, now: datetime) -> None:
    """Ask everything about a sprint and compare."""
    sprint = Sprint.objects.get(pk=sprint.pk)
    outcome = SprintOutcomeService().predict(sprint.id, now=now)
    summary = ProjectSummaryService().summarise_project(sprint.project_id, now=now)
    risks = AnomalyDetectionService().detect_sprint_risks(sprint.id, now=now)
    check_numbers(outcome)
    check_books(sprint, outcome, summary, risks, now)
    assert len([risk for risk in risks if risk["risk_type"] in ONE_CAUSE]) <= 1
    (in_summary,) = summary["sprint_forecasts"]
    assert in_summary["probability_in_time"] == pytest.approx(outcome["probability_all"], abs=DIGITS)
    for name in ("finish_date", "promised_date", "no_forecast_because"):
        assert in_summary[name] == outcome[name]
    check_risk(risks, outcome)
    check_mails(sprint, risks, outcome)
    check_page(sprint, outcome, now)
    if outcome["no_forecast_because"] is None:
        check_forecasts(sprint, outcome, now)


def check_numbers(outcome: dict[str, Any]) -> None:
    """What one answer tells is possible together."""
    scope, low, high = outcome["scope"], outcome["delivered_range"]["min"], outcome["delivered_range"]["max"]
    nine_tenths = outcome["delivered_share"] * scope
    assert outcome["probability_delivered"] >= outcome["probability_all"]
    assert outcome["done"] - 0.005 <= low <= outcome["typical_delivered"] <= high
    assert outcome["done"] - 0.005 <= outcome["expected_delivered"]
    # The median and the chances are of one distribution.
    for chance, amount in ((outcome["probability_all"], scope), (outcome["probability_delivered"], nine_tenths)):
        if chance > 0.5 + DIGITS:
            assert outcome["typical_delivered"] >= amount - 0.006
        if chance < 0.5 - DIGITS:
            assert outcome["typical_delivered"] <= amount + 0.006
    if low > nine_tenths + 0.006:
        assert outcome["probability_delivered"] > 0.2
    # Nothing lies below what is done: a mean is at least what its chances alone make of it.
    least = outcome["done"] + outcome["probability_all"] * (scope - outcome["done"])
    assert outcome["expected_delivered"] >= least - 0.01 - DIGITS * scope


def check_books(
    sprint: Sprint, outcome: dict[str, Any], summary: dict[str, Any], risks: list[dict[str, Any]], now: datetime
) -> None:
    """Committed, scope, done, time gone and velocity are the same everywhere."""
    past = sprint_past(sprint, now=now)
    drawn = burndown(past, now=now)
    today = drawn.days[-1]
    books = (drawn.start.committed, today.scope, today.done)
    assert [getattr(amount, outcome["unit"]) for amount in books] == [
        outcome["committed"],
        outcome["scope"],
        outcome["done"],
    ]
    by_kind = {risk["risk_type"]: risk for risk in risks}
    if "burndown_velocity" in by_kind:
        behind = by_kind["burndown_velocity"]
        assert behind["expected_completion"] == pytest.approx(100 * outcome["elapsed_ratio"], abs=0.06)
        assert behind["actual_completion"] == pytest.approx(100 * outcome["done"] / outcome["scope"], abs=0.06)
    if "scope_added" in by_kind:
        assert by_kind["scope_added"]["expected_value"] == outcome["committed"]
    if outcome["unit"] == "points":
        assert summary["velocity"] == outcome["baselines"]["average_velocity"]


def check_risk(risks: list[dict[str, Any]], outcome: dict[str, Any]) -> None:
    """The chances among the evidence are the outcome's."""
    for risk in risks:
        values = risk["evidence"] | {risk["affected_metric"]: risk["actual_value"]}
        if "probability_in_time" in values:
            assert values["probability_in_time"] == pytest.approx(outcome["probability_all"], abs=DIGITS)
        if "probability_delivered" in values:
            assert values["probability_delivered"] == pytest.approx(outcome["probability_delivered"], abs=DIGITS)


#: The chances that the sentence of a risk says, in an e-mail or anywhere.
SAID = {
    "probability_all": re.compile(r"chance to finish by \S+ is (\d+)%"),
    "probability_delivered": re.compile(r"in the sprint is (\d+)%"),
}


def check_mails(sprint: Sprint, risks: list[dict[str, Any]], outcome: dict[str, Any]) -> None:
    """News of a risk, which an e-mail or a webhook carries, say the outcome's chances and date."""
    for risk in risks:
        news = risk_news(sprint, risk)
        for name, said in SAID.items():
            for percent in said.findall(news.sentence):
                assert int(percent) == pytest.approx(100 * outcome[name], abs=0.5 + 100 * DIGITS)
        if "cases" in news.sentence:
            assert f"by {outcome['promised_date']} in 85 of 100 cases" in news.sentence


def check_page(sprint: Sprint, outcome: dict[str, Any], now: datetime) -> None:
    """The page of a sprint, the shared one too."""
    page = sprint_overview(sprint, now=now)
    assert page.chance == pytest.approx(outcome["probability_all"], abs=DIGITS)
    assert page.books.report.amount("committed").points == page.burndown.start.committed.points
    assert page.outlook is not None
    assert page.outlook.outcome.probability == pytest.approx(outcome["probability_delivered"], abs=DIGITS)
    assert page.outlook.outcome.expected_points == pytest.approx(outcome["expected_delivered"], abs=0.006)
    dates = [finish.day.isoformat() if finish.day else None for finish in _dates(page)]
    assert dates == [outcome[name] for name in ("finish_date", "promised_date")[: len(dates)]]


def _dates(page: SprintOverview) -> list[Finish]:
    return [page.forecast.typical, page.forecast.promised] if page.forecast else []


def check_forecasts(sprint: Sprint, outcome: dict[str, Any], now: datetime) -> None:
    """Duration, what-if and the backlog's forecast of the same issues."""
    open_issues = unfinished(sprint.project_id, issue_ids=list(sprint.issues.values_list("id", flat=True)))
    service = ForecastService()
    what_if = service.what_if(sprint.id, Scenario(), now=now)
    told = [what_if["as_planned"], what_if["scenario"]]
    if open_issues:
        told.append(service.forecast_work(sprint.project_id, open_issues, by=sprint.end_date, now=now)["when"])
    for forecast in told:
        assert forecast["probability_in_time"] == pytest.approx(outcome["probability_all"], abs=DIGITS)
        dates = {finish["percent"]: finish["date"] for finish in forecast["percentiles"]}
        assert (dates[50], dates[85]) == (outcome["finish_date"], outcome["promised_date"])
        assert list(dates.values()) == sorted(dates.values(), key=lambda day: day or "9999")
        if open_issues:
            check_dates(dates, forecast["probability_in_time"], sprint.end_date)
    for drop in what_if["most_helpful_drops"]:
        assert drop["probability_after"] >= outcome["probability_all"] - DIGITS
    if outcome["baselines"]["average_velocity"] is not None:
        check_duration(sprint, outcome, now)


def check_dates(dates: dict[int, str | None], chance: float, last_day: date) -> None:
    """A date lies by the last day if, and only if, the chance to be done by then says so."""
    for percent, day in dates.items():
        in_time = day is not None and day <= last_day.isoformat()
        if abs(chance - percent / 100) > DIGITS:
            assert in_time == (chance > percent / 100)


def check_duration(sprint: Sprint, outcome: dict[str, Any], now: datetime) -> None:
    if sprint.project.sprints.filter(status=Sprint.Status.COMPLETED).count() < 3:
        return
    duration = SprintDurationService().estimate_sprint_duration(sprint.id, now=now)
    assert duration["forecast"]["probability_in_time"] == pytest.approx(outcome["probability_all"], abs=DIGITS)
    if duration["planned_issue_count"] and outcome["finish_date"]:
        assert duration["estimated_finish_date"] == outcome["finish_date"]
        days = (date.fromisoformat(outcome["finish_date"]) - sprint.start_date).days + 1
        assert duration["estimated_days"] == days
    if duration["velocity_unit"] == outcome["unit"]:
        assert duration["average_velocity"] == outcome["baselines"]["average_velocity"]
