"""The flow of a team, by hand: what was recorded of a few issues, and what follows of it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.ml.core.flow.ageing import ageing, pace_bands
from apps.ml.core.flow.blocked import NO_RULE, blocked_times
from apps.ml.core.flow.cumulative import cumulative_flow
from apps.ml.core.flow.cycle import cycle_times, percentiles_of
from apps.ml.core.flow.issues import BoardRules, FlowIssue
from apps.ml.core.flow.references import SizedIssue, reference_stories
from apps.ml.core.flow.sides import flow_sides
from apps.ml.core.flow.states import NO_CHANGES_RECORDED, NO_WAITING_KNOWN, times_in_states
from apps.projects.history.issue_past import FieldChange, IssuePast, Timeline

MONDAY = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
SINCE = MONDAY.date()
BOARD = BoardRules({"Open": "to_do", "Doing": "in_progress", "Review": "in_progress", "Done": "done"})


def at(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


def issue(id_: str, *moves: tuple[str, float], labels: tuple[tuple[list[str], float], ...] = (), **fields) -> FlowIssue:
    """An issue that was created open on Monday at nine and then came into each state after so many days."""
    names = ["Open", *(state for state, _ in moves)]
    means = [BOARD.categories[name] for name in names]
    steps = zip(means, means[1:], (days for _, days in moves), strict=False)
    changes = [FieldChange("status", old, new, at(days)) for old, new, days in steps if old != new]
    ended = at(moves[-1][1]) if moves and means[-1] == "done" else None
    past = IssuePast(id_, at(0), category=means[-1], changes=tuple(changes), **{"resolved_at": ended} | fields)
    borne = Timeline(tuple(at(days) for _, days in labels), ("[]", *(json.dumps(names) for names, _ in labels)))
    return FlowIssue(past, Timeline(tuple(at(days) for _, days in moves), tuple(names)), borne)


def test_a_cycle_time_counts_the_first_and_the_last_day_of_the_projects_zone():
    # From 08:00 to 16:00 in New York on one day; in Tokyo that is two days.
    short = issue("a", ("Doing", 4 / 24), ("Done", 12 / 24))

    for zone, days in (("America/New_York", 1), ("Asia/Tokyo", 2)):
        assert cycle_times([short], zone=ZoneInfo(zone), since=SINCE).items[0].days == days


def test_what_was_opened_and_finished_again_counts_from_its_first_start_to_its_last_end():
    again = issue("a", ("Doing", 1), ("Done", 2), ("Doing", 5), ("Done", 9))

    found = cycle_times([again], zone=UTC, since=SINCE)

    assert [(item.started_on, item.days) for item in found.items] == [(date(2026, 2, 3), 9)]


def test_finished_work_of_unknown_start_is_counted_and_not_guessed():
    found = cycle_times([issue("a", ("Done", 3)), issue("b", ("Doing", 1), ("Done", 1))], zone=UTC, since=SINCE)

    assert ([item.issue_id for item in found.items], found.without_start) == (["b"], 1)


def test_a_percentile_is_a_time_that_an_issue_took():
    days = list(range(1, 21))

    assert [(each.percent, each.days) for each in percentiles_of(days)] == [(50, 10), (70, 14), (85, 17), (95, 19)]
    assert percentiles_of(days[:4]) == ()


def test_work_in_progress_is_as_old_as_its_start_beside_the_ages_at_leaving_its_state():
    # Five issues left 'Doing' at an age of 1 to 5 days and 'Review' at 3 to 7.
    finished = [issue(f"f{n}", ("Doing", 1), ("Review", 1.5 + n), ("Done", 3 + n)) for n in range(5)]
    running = [issue("young", ("Doing", 8)), issue("old", ("Doing", 1), ("Review", 6))]

    bands = pace_bands(finished, BOARD, zone=UTC, since=SINCE)
    found = ageing([*finished, *running], bands, zone=UTC, now=at(9))

    assert {band.state: [each.days for each in band.percentiles] for band in bands} == {
        "Doing": [3, 4, 5, 5],
        "Review": [5, 6, 7, 7],
    }
    assert [(each.issue_id, each.age_days, each.days_in_state, each.older_than_percent) for each in found] == [
        ("old", 9, 4, 95),
        ("young", 2, 2, 0),
    ]


def test_of_work_without_recorded_changes_only_its_start_is_known():
    past = IssuePast("a", at(0), category="in_progress", started_at=at(2))
    found = ageing([FlowIssue(past, Timeline((), ("Doing",)))], (), zone=UTC, now=at(4))

    assert [(each.age_days, each.days_in_state, each.older_than_percent) for each in found] == [(3, None, None)]


def test_cumulative_flow_counts_where_issues_stood_at_the_end_of_each_day():
    found = cumulative_flow(
        [issue("a", ("Doing", 1), ("Done", 2)), issue("b", ("Doing", 2)), issue("c")],
        unchanged={"to_do": 10, "done": 4},
        zone=UTC,
        first=SINCE - timedelta(days=1),
        last=SINCE + timedelta(days=3),
    )

    assert [(each.to_do, each.in_progress, each.done) for each in found] == [
        (10, 0, 4),
        (13, 0, 4),
        (12, 1, 4),
        (11, 1, 5),
        (11, 1, 5),
    ]


def test_cumulative_flow_needs_no_history_where_an_issue_tells_its_times():
    past = IssuePast("a", at(0), category="done", started_at=at(1), resolved_at=at(2))
    found = cumulative_flow(
        [FlowIssue(past, Timeline((), ("Done",)))], unchanged={}, zone=UTC, first=SINCE, last=date(2026, 2, 4)
    )

    assert [(each.to_do, each.in_progress, each.done) for each in found] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]


def test_time_in_state_is_between_start_and_end_and_waiting_is_what_the_team_calls_so():
    # Two days of work, one of review; then one, put back for two, one of work and three of review.
    finished = [
        issue("a", ("Doing", 1), ("Review", 3), ("Done", 4)),
        issue("b", ("Doing", 1), ("Open", 2), ("Doing", 4), ("Review", 5), ("Done", 8)),
    ]
    board = BoardRules(BOARD.categories, waiting=frozenset({"Review"}))

    found = times_in_states(finished, board, zone=UTC, since=SINCE)

    assert [(each.state, each.issues, each.mean_days, each.share) for each in found.states] == [
        ("Open", 1, 2.0, 0.2),
        ("Doing", 2, 2.0, 0.4),
        ("Review", 2, 2.0, 0.4),
    ]
    assert (found.efficiency.active_days, found.efficiency.waiting_days, found.efficiency.share) == (4.0, 6.0, 0.4)


def test_efficiency_is_unknown_where_nobody_says_what_waiting_is_or_nothing_was_recorded():
    finished = issue("a", ("Doing", 1), ("Done", 4))
    untold = FlowIssue(
        IssuePast("b", at(0), category="done", started_at=at(1), resolved_at=at(2)), Timeline((), ("Done",))
    )

    told = times_in_states([finished, untold], BOARD, zone=UTC, since=SINCE)
    unrecorded = times_in_states([untold], BOARD, zone=UTC, since=SINCE)

    assert (told.issues, told.without_changes) == (1, 1)
    assert (told.efficiency.share, told.efficiency.unknown_because) == (None, NO_WAITING_KNOWN)
    assert (unrecorded.states, unrecorded.efficiency.unknown_because) == ((), NO_CHANGES_RECORDED)


def test_blocked_time_is_told_by_statuses_and_labels_and_ends_with_the_issue():
    board = BoardRules(BOARD.categories, blocked_statuses=frozenset({"Review"}), blocked_labels=frozenset({"vendor"}))
    flagged = issue(
        "a", ("Doing", 1), ("Done", 8), labels=((["vendor"], 2), (["vendor", "ui"], 3), (["ui"], 5), (["vendor"], 7))
    )
    waits = issue("b", ("Doing", 1), ("Review", 6))

    found = blocked_times([flagged, waits], board, since=at(0), now=at(9))

    assert [(each.issue_id, each.reason, each.days, each.until) for each in found.items] == [
        ("b", "Review", 3.0, None),
        ("a", "vendor", 3.0, at(5)),
        ("a", "vendor", 1.0, at(8)),
    ]
    assert [(each.reason, each.issues, each.days) for each in found.reasons] == [("vendor", 1, 4.0), ("Review", 1, 3.0)]
    assert blocked_times([flagged], BOARD, since=at(0), now=at(9)).unknown_because == NO_RULE


def test_blocked_time_waits_once_even_for_two_reasons():
    board = BoardRules(BOARD.categories, waiting=frozenset({"Review"}), blocked_labels=frozenset({"vendor"}))
    both = issue("a", ("Doing", 0), ("Review", 4), ("Done", 8), labels=((["vendor"], 3), ([], 6)))

    found = times_in_states([both], board, zone=UTC, since=SINCE)

    assert (found.efficiency.waiting_days, found.efficiency.share) == (5.0, 0.375)


def test_reference_stories_are_the_three_nearest_the_median_and_of_equal_ones_the_latest():
    hours = {"a": 2.0, "b": 4.0, "c": 6.0, "d": 4.0, "e": 30.0}
    sized = [SizedIssue(id_, 3, at(number), hours=each) for number, (id_, each) in enumerate(hours.items())]
    few = [SizedIssue("x", 8, at(1), hours=9.0), SizedIssue("y", 8, at(1), hours=9.0)]

    table = reference_stories([*sized, *few])

    assert (table.measure, [value.points for value in table.values]) == ("hours", [3])
    assert [(story.issue_id, story.took) for story in table.values[0].stories] == [("d", 4.0), ("b", 4.0), ("c", 6.0)]
    assert (table.values[0].issues, table.values[0].median) == (5, 4.0)


def test_reference_stories_fall_back_on_days_where_few_hours_are_recorded():
    sized = [SizedIssue(str(n), 1, at(n), hours=5.0 if n == 0 else None, days=n + 1) for n in range(3)]

    assert reference_stories(sized).measure == "days"
    assert reference_stories([]).values == ()


def test_people_and_agents_are_told_apart_with_the_time_their_work_stands_in_review():
    people = [issue("a", ("Doing", 1), ("Review", 5), ("Done", 6)), issue("b", ("Doing", 1), ("Done", 3))]
    agents = [replace(issue("c", ("Doing", 1), ("Review", 1.25), ("Done", 4.25)), by_agent=True)]

    theirs, its = flow_sides([*agents, *people], BOARD, zone=UTC, since=SINCE)

    assert (theirs.by_agents, theirs.issues, its.by_agents, its.issues) == (False, 2, True, 1)
    assert [item.days for item in theirs.cycle.items] == [3, 6]
    assert [(each.state, each.mean_days) for each in theirs.time_in_states.states] == [("Doing", 3.0), ("Review", 1.0)]
    assert [(each.state, each.mean_days) for each in its.time_in_states.states] == [("Doing", 0.25), ("Review", 3.0)]


def test_where_one_side_finished_nothing_there_are_no_sides():
    people = [issue("a", ("Doing", 1), ("Done", 2))]
    open_ = replace(issue("c", ("Doing", 1)), by_agent=True)

    assert flow_sides([*people, open_], BOARD, zone=UTC, since=SINCE) == ()
