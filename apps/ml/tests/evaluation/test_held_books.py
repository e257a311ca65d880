"""What judges answers of all projects holds books by their sums: what is in them may be a stranger's megabytes."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.ml.models import PredictionHistory
from apps.ml.services.evaluation import closing
from apps.ml.services.evaluation.closing import record_dated_outcomes, record_outcomes
from apps.ml.tests.evaluation.test_judging import PLAIN, dates_of
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.projects.history.snapshots import freeze
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory

pytestmark = pytest.mark.django_db
KINDS = ("sprint_outcome", "sprint_risk")


@pytest.fixture
def sprints(now):
    """Five, completed with one of two issues done, with two answers about each."""
    project = ProjectFactory()
    made = [
        SprintFactory(project=project, status="completed", completed_at=now, started_at=now - timedelta(days=9))
        for _ in range(5)
    ]
    for sprint in made:
        since = {"project": project, "sprint": sprint, "story_points": 5.0, "created_at": now - timedelta(days=9)}
        IssueFactory(**since)
        IssueFactory(**since, completed=True, started_at=now - timedelta(days=3), resolved_at=now - timedelta(hours=2))
        freeze(sprint, now=now)
        for kind in KINDS:
            PredictionHistoryFactory(
                project=project, sprint=sprint, issue=None, prediction_type=kind, predicted_value=5.0,
                created_at=now - timedelta(days=1), details={"unit": "points", "least_amount": 6.0},
            )  # fmt: skip
    return made


def asked(act):
    with CaptureQueriesContext(connection) as queries:
        act()
    return [query["sql"] for query in queries]


def scores(kind):
    return list(PredictionHistory.objects.filter(prediction_type=kind).values_list("actual_value", flat=True))


def test_nothing_that_is_in_them_is_read_to_hold_them(sprints, now, monkeypatch):
    monkeypatch.setattr(closing, "SPRINTS_AT_ONCE", 2)

    sqls = asked(lambda: record_outcomes(now=now))

    assert [scores(kind) for kind in KINDS] == [[5.0] * 5, [1.0] * 5]
    assert [sql for sql in sqls if "standings" in sql or "pasts" in sql] == []


def test_some_at_a_time_are_held_and_a_fault_of_these_keeps_no_others(sprints, now, monkeypatch):
    held, hold = [], closing.held_books

    def held_but_once(sprint_ids):
        held.append(len(sprint_ids))
        if len(held) == 1:
            raise ZeroDivisionError
        return hold(sprint_ids)

    monkeypatch.setattr(closing, "SPRINTS_AT_ONCE", 2)
    monkeypatch.setattr(closing, "held_books", held_but_once)

    record_outcomes(now=now)

    assert held == [2, 2, 1]
    assert sorted(scores("sprint_outcome"), key=str) == [5.0, 5.0, 5.0, None, None]


def test_a_scenario_reads_what_is_in_the_books_of_its_own_sprint_alone(sprints, now):
    for sprint in sprints[:2]:
        row = PredictionHistoryFactory(
            project=sprint.project, sprint=sprint, issue=None, prediction_type="what_if", created_at=now,
            input=PLAIN | {"add_issues": ["of-nobody"]},
            details=dates_of([], first_day=now.date(), days={"85": 1}, last_day=sprint.end_date),
        )  # fmt: skip
        PredictionHistory.objects.filter(pk=row.pk).update(created_at=now - timedelta(days=1))

    sqls = asked(lambda: record_dated_outcomes(now=now))

    reasons = PredictionHistory.objects.filter(prediction_type="what_if").values_list("details__unscored", flat=True)
    assert set(reasons) == {"What was to be added is not in the sprint."}
    contents = [sql for sql in sqls if "standings" in sql]
    assert len(contents) == 2
    assert all('"sprint_id" = ' in sql for sql in contents)
    assert [sql for sql in sqls if "pasts" in sql] == []
