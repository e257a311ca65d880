"""What ends without being delivered: neither done nor left to do, and out of its sprint from then on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from apps.projects import services
from apps.projects.history.issue_past import FieldChange, IssuePast
from apps.projects.history.sprint_books import Amount, report_of, scope_at, standings_at
from apps.projects.tests.factories import IssueFactory, ProjectFactory, UserFactory

START = datetime(2026, 2, 2, 9, tzinfo=UTC)
END = START + timedelta(days=14)
PLANNED = IssuePast("a", START - timedelta(days=10), sprint_id="s", story_points=5.0)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def moved(at: datetime, old: str, new: str) -> FieldChange:
    return FieldChange("status", old, new, at)


class TestBooks:
    def test_what_is_dropped_in_a_sprint_has_left_it(self) -> None:
        dropped = replace(PLANNED, category="dropped", dropped_at=day(3), changes=(moved(day(3), "to_do", "dropped"),))

        before, after = scope_at("s", START, [dropped], day(2)), scope_at("s", START, [dropped], day(4))

        assert (before.committed, before.remaining, before.removed) == (Amount(1, 5.0), Amount(1, 5.0), Amount())
        assert (after.committed, after.total, after.removed) == (Amount(1, 5.0), Amount(), Amount(1, 5.0))

    def test_a_report_counts_it_as_removed(self) -> None:
        dropped = replace(PLANNED, category="dropped", dropped_at=day(3))

        report = report_of(standings_at("s", START, [dropped], END), began_at=START, ended_at=END)

        assert [one.issue_id for one in report.removed] == ["a"]
        assert report.completed == report.carried_over == report.done_outside == ()

    def test_what_is_dropped_at_the_moment_of_closing_is_not_carried_over(self) -> None:
        dropped = replace(PLANNED, category="dropped", dropped_at=END, changes=(moved(END, "to_do", "dropped"),))

        report = report_of(standings_at("s", START, [dropped], END), began_at=START, ended_at=END)

        assert (len(report.committed), len(report.removed), len(report.carried_over)) == (1, 1, 0)

    def test_what_was_dropped_nobody_knows_when_was_never_planned(self) -> None:
        dropped = replace(PLANNED, category="dropped")

        assert standings_at("s", START, [dropped], END) == []

    def test_what_is_taken_up_again_comes_back(self) -> None:
        changes = (moved(day(3), "to_do", "dropped"), moved(day(5), "dropped", "in_progress"))
        again = replace(PLANNED, category="in_progress", changes=changes)

        while_away, later = scope_at("s", START, [again], day(4)), scope_at("s", START, [again], day(6))

        assert (while_away.total, later.total, later.removed) == (Amount(), Amount(1, 5.0), Amount())


@pytest.mark.django_db
class TestServices:
    def test_dropping_sets_its_own_time_and_no_time_of_delivery(self, now):
        project = ProjectFactory()
        issue = IssueFactory(project=project)

        services.update_issue(issue, by=None, now=now, status=project.statuses.get(category="dropped"))

        issue.refresh_from_db()
        assert (issue.dropped_at, issue.resolved_at) == (now, None)

    def test_taking_it_up_again_takes_the_time_away_and_keeps_it_in_the_history(self, now):
        project = ProjectFactory()
        issue = IssueFactory(project=project)
        services.update_issue(issue, by=None, now=now, status=project.statuses.get(category="dropped"))

        services.update_issue(issue, by=None, now=now + timedelta(days=1), status=project.statuses.get(name="To do"))

        issue.refresh_from_db()
        assert issue.dropped_at is None
        assert issue.changes.get(field="dropped_at").old_value == now.isoformat()

    def test_an_issue_that_is_not_dropped_has_no_such_time(self, now):
        project = ProjectFactory()

        with pytest.raises(ValidationError) as refused:
            services.create_issue(
                project,
                title="Export",
                by=UserFactory(),
                now=now,
                issue_type=project.issue_types.get(name="bug"),
                created_at=now - timedelta(days=2),
                dropped_at=now - timedelta(days=1),
            )

        assert "dropped_at" in refused.value.message_dict
