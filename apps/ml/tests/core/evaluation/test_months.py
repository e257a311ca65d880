"""The months of a replay."""

from datetime import UTC, datetime

from apps.ml.core.evaluation.months import by_month, month_starts
from apps.ml.core.records import CompletedIssue, IssueFacts


def test_months_start_at_the_first_moment_and_then_on_first_days():
    starts = list(month_starts(datetime(2023, 11, 15, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC)))

    assert [f"{start:%Y-%m-%d}" for start in starts] == ["2023-11-15", "2023-12-01", "2024-01-01"]


def test_issues_are_asked_about_in_their_month_and_a_month_may_have_none():
    asked = [issue(day) for day in ("2023-11-10", "2023-11-15", "2023-11-30", "2024-01-01")]

    found = by_month(asked, datetime(2023, 11, 15, tzinfo=UTC))

    assert [(f"{start:%Y-%m-%d}", [each.issue_id for each in part]) for start, part in found] == [
        ("2023-11-15", ["2023-11-15", "2023-11-30"]),
        ("2023-12-01", []),
        ("2024-01-01", ["2024-01-01"]),
    ]


def issue(day):
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return CompletedIssue(day, IssueFacts("x"), known_at=moment, completed_at=moment)
