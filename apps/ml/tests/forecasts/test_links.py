"""Issues that wait for others, from the database to every answer that tells when work is done."""

from datetime import timedelta

import pytest

from apps.ml.core.forecasts.inputs import as_json, from_json
from apps.ml.selectors.forecasts import open_links, unfinished
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.forecasts.overview import project_forecast
from apps.ml.services.forecasts.reading import work_inputs
from apps.ml.services.forecasts.service import ForecastService, Scenario
from apps.ml.tests.forecasts.teams import a_running_sprint, a_team
from apps.projects.links.services import link_issues
from apps.projects.models import Issue
from apps.projects.tests.factories import IssueFactory, ProjectFactory

pytestmark = pytest.mark.django_db
LINK_RISKS = ("circular_links", "unowned_blockers")


@pytest.fixture
def project(now):
    project = a_team(now)
    # What was begun was done a week later.
    finished = Issue.objects.filter(project=project, resolved_at__isnull=False)
    for issue in finished:
        issue.started_at = issue.resolved_at - timedelta(weeks=1)
    Issue.objects.bulk_update(finished, ["started_at"])
    return project


@pytest.fixture
def chain(project, now):
    """Three open issues, each waiting for the one before; the first is nobody's."""
    issues = [
        IssueFactory(project=project, story_points=2, external_id=f"A-{n}", title=f"Part {n}") for n in range(1, 4)
    ]
    link_issues(issues[0], issues[1], now=now)
    link_issues(issues[1], issues[2], now=now)
    return issues


def asked(project, now, **options):
    return ForecastService().forecast_work(project.id, unfinished(project.id), now=now, **options)["when"]


def test_a_forecast_names_what_waits_and_is_later_for_it(project, chain, now):
    held = asked(project, now)

    waiting = held["waiting"]
    assert {row["key"] for row in waiting["issues"]} == {"A-2", "A-3"}
    assert {row["title"] for row in waiting["without_owner"]} == {"Part 1", "Part 2"}
    assert (waiting["cycles"], waiting["elsewhere"]) == ([], 0)
    # Two issues of a week each, one after the other.
    assert 7 <= waiting["later_days"] <= 12
    assert "2 issues wait for others, which makes the end" in held["in_words"]
    Issue.objects.filter(pk=chain[0].pk).update(status=project.statuses.get(category="done"), resolved_at=now)
    assert [row["key"] for row in asked(project, now)["waiting"]["issues"]] == ["A-3"]


def test_a_circle_is_named(project, chain, now):
    link_issues(chain[2], chain[0], now=now)

    found = asked(project, now)

    [circle] = found["waiting"]["cycles"]
    assert {row["key"] for row in circle} == {"A-1", "A-2", "A-3"}
    assert "3 issues block each other in a circle" in found["in_words"]


def test_a_blocker_of_another_project_is_counted_and_not_named(project, now):
    mine = IssueFactory(project=project, story_points=2)
    link_issues(IssueFactory(project=ProjectFactory(key="OTHER"), title="Secret"), mine, now=now)

    found = asked(project, now)

    assert found["waiting"]["elsewhere"] == 1
    assert "Secret" not in str(found)


def test_the_pages_and_what_is_kept_tell_the_same_dates(project, chain, now):
    answer = asked(project, now)
    dates = {each["percent"]: each["date"] for each in answer["percentiles"]}

    page = project_forecast(project.id, now=now)
    kept = from_json(as_json(work_inputs(project.id, unfinished(project.id), now=now)))
    told_again = kept.forecaster().ask(kept.items)

    for found in (page.forecast, told_again):
        assert {each.percent: each.day.isoformat() for each in found.finishes} == dates
    assert told_again.waiting.issues == page.forecast.waiting.issues


def test_what_was_kept_before_there_were_links_is_still_read(project, now):
    kept = as_json(work_inputs(project.id, unfinished(project.id), now=now))
    del kept["links"]

    assert from_json(kept).linked.links == ()


def test_a_sprint_is_less_likely_to_end_in_time_and_each_cause_is_one_risk(project, now):
    sprint = a_running_sprint(project, now, n=4)
    one, two, three, four = sprint.issues.order_by("created_at", "id")
    free = ForecastService().what_if(sprint.id, Scenario(), now=now)["as_planned"]
    for blocker, blocked in ((one, two), (three, four), (four, three)):
        link_issues(blocker, blocked, now=now)
    Issue.objects.filter(pk=one.pk).update(assignee=None)

    held = ForecastService().what_if(sprint.id, Scenario(), now=now)["as_planned"]
    risks = AnomalyDetectionService().detect_sprint_risks(sprint.id, now=now)

    assert held["probability_in_time"] < free["probability_in_time"]
    named = {risk["risk_type"]: risk["evidence"]["issues"] for risk in risks if risk["risk_type"] in LINK_RISKS}
    assert sorted(named["circular_links"]) == sorted([str(three.pk), str(four.pk)])
    assert str(one.pk) in named["unowned_blockers"]


def test_links_cost_the_same_queries_however_many_there_are(project, chain, now, django_assert_num_queries):
    with django_assert_num_queries(4):
        found = open_links(project.id, now=now)
    assert len(found.links) == 2
    link_issues(chain[0], chain[2], now=now)

    with django_assert_num_queries(4):
        open_links(project.id, now=now)


def test_what_is_begun_and_urgent_is_taken_up_first(project, chain, now):
    begun = project.statuses.filter(category="in_progress").first()
    Issue.objects.filter(pk=chain[2].pk).update(status=begun)
    Issue.objects.filter(pk=chain[1].pk).update(priority=1)

    found = open_links(project.id, now=now)

    ordered = found.in_order(unfinished(project.id))
    assert [item.issue_id for item in ordered[:2]] == [str(chain[2].pk), str(chain[1].pk)]
