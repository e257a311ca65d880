"""Packed issues come out as they went in, and take less room."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.ml.core.packed_issues import PackedIssues, microseconds
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.core.size import bytes_of

NOW = datetime(2026, 3, 1, 9, 30, 15, 123_456, tzinfo=UTC)
FACTS = IssueFacts(title="Prüfe den Bericht", description="Line\nby line", issue_type="bug", labels=("a", "b"))


def finished(number: int, **fields: Any) -> CompletedIssue:
    known = {"issue_id": str(number), "facts": FACTS, "known_at": NOW, "completed_at": NOW + timedelta(hours=number)}
    return CompletedIssue(**{**known, **fields})


def test_what_comes_out_is_what_went_in():
    issues = [
        finished(1, actual_hours=2.5, story_points=3.0),
        finished(2, facts=IssueFacts(title="")),
        finished(3, facts=replace(FACTS, priority=1, story_points=1.0, estimated_hours=0.5), by_agent=True),
        finished(4, facts=replace(FACTS, priority=1.0, reporter="p", assignee="q", component="c"), actual_hours=0.0),
    ]
    packed = PackedIssues.of(issues)

    assert list(packed) == issues
    assert packed.since_row(2) == issues[2:]
    assert [type(issue.facts.priority) for issue in packed] == [type(None), type(None), int, float]
    assert packed.completed_at.tolist() == [microseconds(issue.completed_at) for issue in issues]


def test_none_are_packed_as_any():
    assert list(PackedIssues.of([])) == []


def test_they_take_a_third_of_the_room_at_most():
    issues = [
        finished(
            number,
            issue_id=f"{number:036d}",
            facts=IssueFacts(
                title=f"Fix the export of page {number}",
                description=f"The {number} fails when it is read twice",
                issue_type="b" + "ug" * (number % 2),
                reporter=f"{number % 12:036d}",
                assignee=f"{number % 11:036d}",
                labels=(f"label {number % 7}",),
            ),
            actual_hours=float(number),
        )
        for number in range(1, 1_000)
    ]

    assert 3 * PackedIssues.of(issues).nbytes < bytes_of(issues)
