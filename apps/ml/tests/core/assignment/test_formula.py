"""The seed's assignment formula."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.ml.core.assignment.formula import (
    MemberHistory,
    availability_score,
    performance_score,
    rank_members,
    score_member,
    skill_score,
    workload_score,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("open_issues", "score"),
    [(0, 1.0), (1, 0.8), (3, 0.8), (4, 0.5), (6, 0.5), (7, 0.3), (10, 0.3), (11, 0.1), (500, 0.1)],
)
def test_the_workload_bands_are_those_of_the_seed(open_issues, score):
    assert workload_score(open_issues) == score


@pytest.mark.parametrize(
    ("same_type", "completed", "score"), [(0, 0, 0.0), (0, 9, 0.0), (1, 4, 0.5), (2, 4, 1.0), (4, 4, 1.0)]
)
def test_skill_is_twice_the_share_of_the_type_at_most_one(same_type, completed, score):
    assert skill_score(same_type, completed) == score


@pytest.mark.parametrize(("completed", "open_issues", "score"), [(0, 0, 0.0), (3, 1, 0.75), (0, 4, 0.0), (4, 0, 1.0)])
def test_performance_is_the_completion_rate(completed, open_issues, score):
    assert performance_score(completed, open_issues) == score


@pytest.mark.parametrize(("days", "score"), [(0, 1.0), (7, 1.0), (8, 0.8), (14, 0.8), (30, 0.4), (31, 0.0)])
def test_availability_fades_with_the_time_since_the_person_moved_own_work(days, score):
    assert availability_score(NOW - timedelta(days=days), NOW) == score


def test_whoever_never_moved_anything_is_not_known_to_be_there():
    assert availability_score(None, NOW) == 0.0


def test_the_total_is_the_seeds_weighted_sum():
    member = MemberHistory(
        "ann", completed=8, completed_same_type=2, open_issues=2, last_active_at=NOW - timedelta(days=10)
    )

    score = score_member(member, issue_type="bug", now=NOW)

    assert score.total == pytest.approx(0.4 * 0.5 + 0.3 * 0.8 + 0.2 * 0.8 + 0.1 * 0.8)
    assert score.reasoning == (
        "Some experience with bug issues (2 of 8 finished issues)",
        "Currently has capacity (open issues: 2)",
        "Finished 8 of 10 issues taken",
        "Days since own work last moved: 10",
    )


def test_a_newcomer_is_not_given_experience_that_is_not_there():
    score = score_member(MemberHistory("new"), issue_type="bug", now=NOW)

    assert (score.skill, score.performance, score.availability, score.total) == (0.0, 0.0, 0.0, 0.3)
    assert score.reasoning[0] == "No finished issues in this project yet"


@pytest.mark.parametrize(
    ("open_issues", "reason"),
    [
        (3, "Currently has capacity (open issues: 3)"),
        (4, "Already busy (open issues: 4)"),
        (11, "Overloaded (open issues: 11)"),
    ],
)
def test_the_load_is_said(open_issues, reason):
    score = score_member(MemberHistory("a", open_issues=open_issues), issue_type="bug", now=NOW)

    assert reason in score.reasoning


def test_the_best_come_first_and_no_more_than_asked_for():
    members = [MemberHistory("a"), MemberHistory("b", completed=4, completed_same_type=4), MemberHistory("c")]

    ranked = rank_members(members, issue_type="bug", top_n=2, now=NOW)

    assert [score.user_id for score in ranked] == ["b", "a"]


def test_ties_fall_the_same_way_in_whatever_order_people_come():
    members = [MemberHistory(key) for key in "dbca"]

    forward = rank_members(members, issue_type="bug", top_n=4, now=NOW)
    backward = rank_members(members[::-1], issue_type="bug", top_n=4, now=NOW)

    assert [score.user_id for score in forward] == ["a", "b", "c", "d"] == [score.user_id for score in backward]


def test_of_equals_the_less_loaded_comes_first():
    members = [
        MemberHistory("a", completed=3, open_issues=3, completed_same_type=3),
        MemberHistory("b", completed=2, open_issues=2, completed_same_type=2),
    ]

    ranked = rank_members(members, issue_type="bug", top_n=2, now=NOW)

    assert ranked[0].total == ranked[1].total
    assert [score.user_id for score in ranked] == ["b", "a"]


def test_nobody_to_choose_from_is_an_empty_answer():
    assert rank_members([], issue_type="bug", top_n=3, now=NOW) == []
