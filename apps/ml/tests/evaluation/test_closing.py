"""Predictions meet their truth, once."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.scorecard import recent_outcomes
from apps.ml.services.evaluation.closing import record_outcomes
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.projects.tests.factories import IssueFactory
from tests.at_once import in_the_midst_of

pytestmark = pytest.mark.django_db


def prediction_about(issue, *, before=timedelta(hours=1), **fields):
    made_at = issue.resolved_at - before if issue.resolved_at else issue.created_at
    return PredictionHistoryFactory(project=issue.project, issue=issue, created_at=made_at, **fields)


def test_a_finished_issue_closes_every_open_prediction_about_it_whatever_method_answered(now):
    issue = IssueFactory(completed=True, actual_hours=6.5)
    rows = [prediction_about(issue, method=method) for method in ("ml_model", "similarity", "heuristic")]

    assert record_outcomes(now=now) == 3

    scored = PredictionHistory.objects.filter(id__in=[row.id for row in rows])
    assert set(scored.values_list("actual_value", "scored_at")) == {(6.5, now)}


def test_a_prediction_is_scored_exactly_once_even_if_the_hours_are_edited_later(now):
    issue = IssueFactory(completed=True, actual_hours=6.5)
    row = prediction_about(issue)
    record_outcomes(now=now)

    issue.actual_hours = 99
    issue.save()

    assert record_outcomes(now=now + timedelta(days=1)) == 0
    row.refresh_from_db()
    assert row.actual_value == 6.5


def test_points_are_the_truth_of_a_points_recommendation(now):
    issue = IssueFactory(completed=True, actual_hours=6.5, story_points=5)
    row = prediction_about(issue, prediction_type=ModelType.STORY_POINTS, predicted_value=3)

    record_outcomes(now=now)

    row.refresh_from_db()
    assert row.actual_value == 5


def test_open_issues_issues_without_hours_and_answers_given_afterwards_score_nothing(now):
    prediction_about(IssueFactory())
    prediction_about(IssueFactory(completed=True, actual_hours=None))
    prediction_about(IssueFactory(completed=True), before=timedelta(hours=-1))

    assert record_outcomes(now=now) == 0


def test_the_number_of_queries_does_not_grow_with_the_predictions(now, django_assert_num_queries):
    for _ in range(5):
        prediction_about(IssueFactory(completed=True))

    # Each UPDATE, and each look for what is judged in Python, in a transaction of its own.
    with django_assert_num_queries(14):
        record_outcomes(now=now)


def test_an_issue_asked_about_many_times_counts_once_with_its_latest_answer(now):
    issue = IssueFactory(completed=True, actual_hours=6.5)
    for hours in (3, 2, 1):
        prediction_about(issue, before=timedelta(hours=hours), predicted_value=float(hours))
    record_outcomes(now=now)

    assert [row.predicted_value for row in recent_outcomes("effort_prediction", issue.project_id)] == [1.0]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Only there are rows held.")
@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_is_left_for_the_next_minute(now):
    """Whoever deletes a project wants its predictions in an order of their own, and those of others are closed."""
    held, free = (prediction_about(IssueFactory(completed=True, actual_hours=6.5)) for _ in range(2))
    closed = []

    def delete_some():
        PredictionHistory.objects.filter(pk=held.pk).update(method="held")

    def record():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '2s'")
        closed.append(record_outcomes(now=now))
        # The connection goes back to the pool as it came.
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")

    in_the_midst_of(delete_some, record)

    assert closed == [1]
    assert PredictionHistory.objects.get(scored_at=now).pk == free.pk
    assert record_outcomes(now=now) == 1
