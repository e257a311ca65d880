"""Whoever takes the books of a sprint away takes what was judged by them, also what is being judged."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from apps.ml.models import PredictionHistory
from apps.ml.services.evaluation.closing import record_outcomes
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.projects.history.snapshots import books_opened, freeze
from apps.projects.models import Sprint, SprintSnapshot
from apps.projects.rows import all_or_nothing
from apps.projects.sprint_ends import reopen
from apps.projects.tests.factories import IssueFactory, SprintFactory
from tests.at_once import in_the_midst_of

pytestmark = pytest.mark.django_db
KINDS = ("sprint_outcome", "sprint_risk")
ONLY_THERE = pytest.mark.skipif(connection.vendor != "postgresql", reason="Only there two write at once.")


@pytest.fixture
def sprint(now):
    """Completed with nothing done, and two answers about it."""
    sprint = SprintFactory(status="completed", completed_at=now, started_at=now - timedelta(days=9))
    IssueFactory(project=sprint.project, sprint=sprint, story_points=5.0, created_at=now - timedelta(days=9))
    freeze(sprint, now=now)
    for kind in KINDS:
        PredictionHistoryFactory(
            project=sprint.project, sprint=sprint, issue=None, prediction_type=kind, predicted_value=5.0,
            created_at=now - timedelta(days=1), details={"unit": "points", "least_amount": 5.0},
        )  # fmt: skip
    return sprint


def scores():
    return list(PredictionHistory.objects.order_by("prediction_type").values_list("actual_value", flat=True))


@all_or_nothing()
def opened(sprint):
    reopen(Sprint.objects.get(pk=sprint.pk))


def test_scores_go_with_the_books_in_one_transaction(sprint, now):
    record_outcomes(now=now)
    assert scores() == [0.0, 1.0]

    opened(sprint)

    assert scores() == [None, None]


def test_what_cannot_be_taken_back_leaves_the_books(sprint, now):
    record_outcomes(now=now)

    def fails(**_):
        raise ZeroDivisionError

    books_opened.connect(fails)
    try:
        with pytest.raises(ZeroDivisionError):
            opened(sprint)
    finally:
        books_opened.disconnect(fails)

    assert (scores(), SprintSnapshot.objects.count()) == ([0.0, 1.0], 1)


def test_books_of_others_stay_and_so_do_their_scores(sprint, now):
    other = SprintFactory(project=sprint.project, status="completed", completed_at=now)
    freeze(other, now=now)
    PredictionHistory.objects.filter(prediction_type="sprint_risk").update(sprint=other)
    record_outcomes(now=now)

    opened(sprint)

    assert scores() == [None, 1.0]


def test_the_scores_of_a_sprint_that_goes_with_its_books_stay(sprint, now):
    record_outcomes(now=now)

    Sprint.objects.filter(pk=sprint.pk).delete()

    assert scores() == [0.0, 1.0]


@ONLY_THERE
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("before", ["", 'UPDATE "ml_predictionhistory"'], ids=["when all is judged", "in the midst"])
def test_who_opens_the_books_while_they_judge_waits_and_takes_these_scores_too(sprint, now, before):
    in_the_midst_of(lambda: record_outcomes(now=now), lambda: opened(sprint), before=before)

    assert scores() == [None, None]


@ONLY_THERE
@pytest.mark.django_db(transaction=True)
def test_books_that_are_being_opened_judge_nothing(sprint, now):
    in_the_midst_of(lambda: opened(sprint), lambda: record_outcomes(now=now))

    assert scores() == [None, None]


def test_the_update_opens_what_other_books_than_those_of_now_have_scored(sprint, now):
    history = PredictionHistory.objects
    by_these = PredictionHistoryFactory(
        project=sprint.project, sprint=sprint, prediction_type="sprint_risk", actual_value=1.0, scored_at=now
    )
    history.filter(prediction_type__in=KINDS).exclude(pk=by_these.pk).update(
        actual_value=0.0, scored_at=now - timedelta(hours=1)
    )
    running = SprintFactory(project=sprint.project, active=True)
    PredictionHistoryFactory(project=sprint.project, sprint=running, prediction_type="what_if", actual_value=3.0)
    PredictionHistoryFactory(
        project=sprint.project, sprint=running, prediction_type="sprint_duration", actual_value=3.0
    )

    imported = SprintFactory(project=sprint.project, status="completed", source="jira")
    given_up = PredictionHistoryFactory(
        project=sprint.project,
        sprint=imported,
        prediction_type="what_if",
        details={"unscored": "Other issues came in."},
    )

    import_module("apps.ml.migrations.0016_outcomes_of_taken_ends").open_again(apps, None)

    scored = history.filter(scored_at__isnull=False).values_list("prediction_type", "actual_value")
    assert sorted(scored) == [("sprint_duration", 3.0), ("sprint_risk", 1.0)]
    given_up.refresh_from_db()
    assert given_up.details == {}
