"""A project in a few numbers."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from apps.ml.core.past.velocity import SprintRecord
from apps.ml.core.summary import ProjectCounts, in_words, risk_parts, slowdown, summarise

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CALM = ProjectCounts(total=40, completed=15, unassigned=0, overdue=0, stale=0)
SPRINT = SprintRecord("s", "", 10, 20.0, 5, pointed_issues=5)


def test_completion_is_the_percentage_of_finished_issues():
    assert summarise(CALM, [], now=NOW).completion == 37.5


def test_an_empty_project_is_not_complete_and_has_no_velocity():
    summary = summarise(ProjectCounts(0, 0, 0, 0, 0), [], now=NOW)

    assert (summary.completion, summary.velocity, summary.risk_score) == (0.0, None, 0.0)


def test_velocity_counts_sprints_that_delivered_nothing():
    summary = summarise(CALM, [replace(SPRINT, delivered_points=0.0), SPRINT], now=NOW)

    assert (summary.velocity, summary.sprints_analyzed) == (10.0, 2)


def test_the_risk_score_is_the_sum_of_its_parts():
    counts = replace(CALM, unassigned=5, overdue=3, stale=7)

    summary = summarise(counts, [SPRINT, replace(SPRINT, delivered_issues=3)], now=NOW)

    assert summary.risk_parts == {"overdue": 4.8, "slowdown": 10.0, "unassigned": 4.0, "stale": 4.2}
    assert summary.risk_score == pytest.approx(23.0)


def test_the_worst_project_scores_a_hundred_and_the_best_nothing():
    worst = ProjectCounts(total=10, completed=0, unassigned=10, overdue=10, stale=10)
    stopped = [SPRINT, replace(SPRINT, delivered_issues=0)]

    assert summarise(worst, stopped, now=NOW).risk_score == 100.0
    assert summarise(CALM, [SPRINT, SPRINT], now=NOW).risk_score == 0.0


@pytest.mark.parametrize("field", ["unassigned", "overdue", "stale"])
def test_more_of_a_bad_thing_is_more_risk(field):
    less, more = replace(CALM, **{field: 2}), replace(CALM, **{field: 20})

    assert risk_parts(more, [])[field] > risk_parts(less, [])[field] > 0


def test_a_first_sprint_has_nothing_to_slow_down_from():
    assert slowdown([SPRINT]) == 0.0
    assert slowdown([]) == 0.0


def test_a_faster_sprint_is_no_slowdown():
    assert slowdown([SPRINT, replace(SPRINT, delivered_issues=50)]) == 0.0


def test_the_numbers_are_told_in_words():
    counts = replace(CALM, unassigned=5, overdue=1)

    words = in_words(summarise(counts, [SPRINT, SPRINT], now=NOW), chances=[0.42])

    assert words == (
        "15 of 40 issues are done (38%). The last 2 sprints delivered 20 points on average. The running sprint is in "
        "time with a chance of 42%. Of 25 open issues, 5 are without an assignee, 1 is overdue. The risk score is 5.6 "
        "of 100; most of it comes from issues without an assignee (4)."
    )


def test_a_project_without_issues_or_worries_is_told_so():
    nothing = summarise(ProjectCounts(0, 0, 0, 0, 0), [], now=NOW)

    assert in_words(nothing) == "The project has no issues yet."
    assert in_words(summarise(CALM, [], now=NOW)) == (
        "15 of 40 issues are done (38%). No sprint is completed yet. Nothing adds to the risk score."
    )
