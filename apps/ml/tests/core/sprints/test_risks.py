"""Risks of a running sprint; every rule reaches every severity."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from apps.ml.core.sprints.risks import (
    STALLED_AFTER,
    burndown_velocity,
    scope_added,
    sprint_risks,
    stalled_issues,
    unassigned_issues,
    unestimated_issues,
)
from apps.ml.core.sprints.state import SprintScopeIssue, SprintState, completion_percent
from apps.projects.history.sprint_books import Amount, SprintScope

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
START = NOW - timedelta(days=7)
TODO = SprintScopeIssue("todo", "to_do", entered_at=START, moved_at=START, story_points=5.0)
DONE = replace(TODO, issue_id="done", category="done")
DOING = replace(TODO, issue_id="doing", category="in_progress", moved_at=NOW)
HALFWAY = SprintState(now=NOW, issues=(DONE, TODO, TODO, TODO), started_at=START, elapsed_ratio=0.5)
LEVELS = ["low", "medium", "high", "critical"]


def test_half_the_time_gone_and_a_quarter_done_is_25_percent_behind():
    risk = burndown_velocity(HALFWAY)

    assert risk is not None
    assert (risk.expected, risk.actual, risk.severity) == (50.0, 25.0, "high")
    assert risk.description == "Sprint is 25% behind expected progress"
    assert risk.mitigation == ("Consider reducing sprint scope", "Identify and remove blockers")


@pytest.mark.parametrize(
    ("elapsed", "severity"), [(0.3, None), (0.35, "low"), (0.4, "medium"), (0.45, "high"), (0.65, "critical")]
)
def test_being_behind_reaches_every_severity(elapsed, severity):
    risk = burndown_velocity(replace(HALFWAY, elapsed_ratio=elapsed))

    assert (risk and risk.severity) == severity


def test_progress_is_counted_in_points_where_most_issues_have_them():
    state = replace(HALFWAY, issues=(replace(DONE, story_points=15.0), TODO))

    assert (state.unit, completion_percent(state)) == ("points", 75.0)


def test_progress_is_counted_in_issues_where_most_have_no_points():
    bare = replace(TODO, story_points=None)

    state = replace(HALFWAY, issues=(replace(DONE, story_points=100.0), bare, bare, bare))

    assert (state.unit, completion_percent(state)) == ("issues", 25.0)


def test_issues_that_are_all_worth_nothing_are_counted():
    state = replace(HALFWAY, issues=(replace(DONE, story_points=0.0), replace(TODO, story_points=0.0)))

    assert completion_percent(state) == 50.0


def test_a_sprint_without_dates_has_no_expected_progress():
    assert burndown_velocity(replace(HALFWAY, elapsed_ratio=None)) is None


def test_a_sprint_on_its_way_has_no_risks():
    assert sprint_risks(replace(HALFWAY, issues=(DONE, DOING))) == []


def test_a_sprint_without_issues_has_no_risks():
    assert sprint_risks(replace(HALFWAY, issues=())) == []


@pytest.mark.parametrize(("n_of_ten", "severity"), [(0, None), (1, "low"), (3, "medium"), (5, "high"), (8, "critical")])
def test_unassigned_work_reaches_every_severity(n_of_ten, severity):
    risk = unassigned_issues(_of_ten(n_of_ten, is_assigned=False))

    assert (risk and risk.severity) == severity
    assert (risk.actual if risk else 0) == n_of_ten


def test_finished_work_needs_no_assignee():
    assert unassigned_issues(replace(HALFWAY, issues=(replace(DONE, is_assigned=False), TODO))) is None


@pytest.mark.parametrize(("n_of_ten", "severity"), [(0, None), (1, "low"), (3, "medium"), (5, "high"), (8, "critical")])
def test_unestimated_work_reaches_every_severity(n_of_ten, severity):
    risk = unestimated_issues(_of_ten(n_of_ten, story_points=None))

    assert (risk and risk.severity) == severity


def test_a_team_that_never_estimates_is_not_told_to():
    assert unestimated_issues(replace(_of_ten(10, story_points=None), team_estimates=False)) is None


def test_an_estimate_in_hours_is_an_estimate():
    assert unestimated_issues(_of_ten(10, story_points=None, estimated_hours=4.0)) is None


@pytest.mark.parametrize(("added", "severity"), [(0, None), (1, "low"), (2, "medium"), (3, "high"), (5, "critical")])
def test_added_scope_reaches_every_severity_against_what_was_committed(added, severity):
    risk = scope_added(_with_late(added, committed=10))

    assert (risk and risk.severity) == severity


def test_what_has_left_again_does_not_make_the_commitment_smaller():
    risk = scope_added(_with_late(1, committed=10, removed=8))

    assert risk is not None
    assert (risk.severity, risk.expected, risk.actual) == ("low", 50.0, 55.0)
    assert risk.description == "Added after the start: 5 points; 50 were committed, 40 taken out"


def test_a_sprint_that_began_empty_has_only_added_scope():
    risk = scope_added(_with_late(1, committed=0))

    assert risk is not None
    assert (risk.severity, risk.expected, risk.actual) == ("critical", 0.0, 5.0)


def test_scope_of_a_sprint_whose_start_is_unknown_cannot_be_added():
    assert scope_added(replace(HALFWAY, started_at=None)) is None


@pytest.mark.parametrize(("n_of_ten", "severity"), [(0, None), (1, "low"), (2, "medium"), (4, "high"), (6, "critical")])
def test_stalled_work_reaches_every_severity(n_of_ten, severity):
    long_ago = NOW - STALLED_AFTER - timedelta(hours=1)

    risk = stalled_issues(_of_ten(n_of_ten, category="in_progress", moved_at=long_ago))

    assert (risk and risk.severity) == severity


def test_work_that_waits_to_be_started_is_not_stalled():
    assert stalled_issues(_of_ten(10, moved_at=NOW - timedelta(days=300))) is None


def test_the_severest_risk_comes_first():
    issues = (replace(TODO, is_assigned=False), *(TODO,) * 9)

    risks = sprint_risks(replace(HALFWAY, issues=issues))

    assert [risk.kind for risk in risks] == ["burndown_velocity", "unassigned_issues"]


def _of_ten(n: int, **different) -> SprintState:
    return replace(HALFWAY, issues=(replace(TODO, **different),) * n + (TODO,) * (10 - n))


def _with_late(n: int, *, committed: int, removed: int = 0) -> SprintState:
    """A sprint to which `n` issues of 5 points came late."""
    late = replace(TODO, issue_id="late", entered_at=START + timedelta(days=1))
    amounts = [Amount(count, 5.0 * count) for count in (committed, n, removed)]
    scope = SprintScope(NOW, *amounts, to_do=Amount(), in_progress=Amount(), done=Amount())
    return replace(HALFWAY, issues=(TODO,) * (committed - removed) + (late,) * n, scope=scope)
