"""The scorecard from rows to answers: what counts, who may see it, what it costs."""

import json
from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.accounts.tests.factories import UserFactory
from apps.ml.models import ModelType, PredictionAggregate, PredictionHistory
from apps.ml.selectors.scorecard import RemovedSums
from apps.ml.services import PredictionService
from apps.ml.services.evaluation.closing import record_outcomes
from apps.ml.services.evaluation.scorecard import project_scorecard
from apps.ml.tests.factories import PredictionHistoryFactory
from apps.projects.models import TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db

EFFORT, POINTS = ModelType.EFFORT_PREDICTION, ModelType.STORY_POINTS
OUTCOME = PredictionHistory.Kind.SPRINT_OUTCOME


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def member(project):
    return TeamMemberFactory(project=project, role=TeamMember.Role.VIEWER).user


def scored(project, *, predicted, actual, at, issue=None, **fields):
    return PredictionHistoryFactory(
        project=project,
        issue=issue or IssueFactory(project=project, completed=True),
        predicted_value=predicted,
        actual_value=actual,
        range_low=0.5 * predicted,
        range_high=2.0 * predicted,
        scored_at=at,
        created_at=fields.pop("created_at", at - timedelta(days=2)),
        **fields,
    )


def card_of(project, now, kind=EFFORT, days=90):
    (card,) = project_scorecard(project.id, now=now, kind=kind, days=days).types
    return card


def test_methods_are_scored_apart_and_together(project, now):
    details = {"baseline_hours": 4.0, "estimated_hours": 3.0}
    scored(project, predicted=5, actual=4, at=now, method="ml_model", details=details)
    scored(project, predicted=6, actual=8, at=now, method="ml_model", details=details)
    scored(project, predicted=2, actual=10, at=now, method="heuristic", details={"baseline_hours": 4.0})

    card = card_of(project, now)

    # Off by 1 and 2; by 8; together by 11 over three.
    assert card.methods["ml_model"].mean_absolute_error == pytest.approx(1.5)
    assert card.methods["heuristic"].mean_absolute_error == pytest.approx(8)
    assert card.overall.mean_absolute_error == pytest.approx(11 / 3)
    # The baseline is off by 0, 4 and 6.
    assert card.overall.against_baseline.value == pytest.approx(1 - 11 / 10)
    # The team estimated 3 h for 4 and for 8: off by 1 and 5.
    assert card.team.mean_absolute_error == pytest.approx(3)
    assert card.team.n == 2
    # 4 in 2.5..10 and 8 in 3..12, not 10 in 1..4; promised was 80 %.
    assert card.overall.ranges.coverage == pytest.approx(2 / 3)
    assert card.overall.ranges.nominal == pytest.approx(0.8)
    # Ranges and 'within a factor of two' are the same here; the factory's confidence is 0.5.
    assert card.overall.confidence.came_true == pytest.approx(2 / 3)
    assert card.overall.confidence.brier == pytest.approx(0.25)


def outcome(sprint, *, predicted, actual, at, unit="points", books=(("committed", 12.0), ("scope", 20.0)), **fields):
    """What was said of a sprint of 20, and what it delivered; the usual ratio would have said 15."""
    return PredictionHistoryFactory(
        project=sprint.project,
        sprint=sprint,
        prediction_type=OUTCOME,
        predicted_value=predicted,
        actual_value=actual,
        range_low=10.0,
        range_high=20.0,
        confidence=0.5,
        details={"unit": unit, "baseline_points": 15.0} | dict(books),
        scored_at=at,
        **fields,
    )


def test_outcomes_of_sprints_are_scored_by_their_first_answers_and_in_one_unit(project, now):
    first, second, older = SprintFactory.create_batch(3, project=project)
    outcome(older, predicted=4, actual=9, at=now, unit="issues", created_at=now - timedelta(days=40))
    outcome(first, predicted=17, actual=18, at=now, created_at=now - timedelta(days=20))
    outcome(first, predicted=18, actual=18, at=now, created_at=now - timedelta(days=15))
    # As answers were kept before the scope had its name.
    outcome(second, predicted=16, actual=9, at=now, books=[("committed", 20.0)], created_at=now - timedelta(days=5))

    card = card_of(project, now, kind=OUTCOME)

    assert (card.unit, card.overall.n) == ("points", 2)
    assert card.overall.mean_absolute_error == pytest.approx((1 + 7) / 2)
    # Committed times the usual ratio was off by 3 and 6.
    assert card.overall.against_baseline.reference_error == pytest.approx(4.5)
    # 18 of 20 is what counts as delivered, 9 is not; 9 is outside 10 to 20.
    assert card.overall.confidence.came_true == pytest.approx(0.5)
    assert card.overall.ranges.coverage == pytest.approx(0.5)


def test_predictions_about_sprints_that_are_not_closed_wait(project, now):
    row = outcome(SprintFactory(project=project), predicted=16, actual=None, at=None)

    card = card_of(project, now, kind=OUTCOME)

    assert (card.waiting, card.about_no_issue, card.overall) == (1, 0, None)
    row.sprint.delete()
    assert card_of(project, now, kind=OUTCOME).about_no_issue == 1


def test_an_issue_counts_once_with_the_first_answer_about_it(project, now):
    issue = IssueFactory(project=project, completed=True)
    for hours, predicted in ((3, 9), (2, 5), (1, 4)):
        made = now - timedelta(hours=hours)
        scored(project, predicted=predicted, actual=4, at=now, issue=issue, created_at=made)

    card = card_of(project, now)

    assert card.overall.n == 1
    assert card.overall.mean_absolute_error == pytest.approx(5)


def test_answers_about_deleted_issues_still_count(project, now):
    for actual in (4, 8):
        row = scored(project, predicted=5, actual=actual, at=now)
        row.issue.delete()

    assert card_of(project, now).overall.n == 2


def test_points_are_near_within_one_step_of_the_scale_of_that_day(project, now):
    details = {"one_step": [2.0, 5.0], "baseline_points": 5.0}
    for actual in (2, 5, 8):
        scored(project, predicted=3, actual=actual, at=now, prediction_type=POINTS, details=details, confidence=0.7)

    card = card_of(project, now, kind=POINTS)

    assert card.unit == "points"
    assert card.overall.confidence.came_true == pytest.approx(2 / 3)
    # Off by 1, 2 and 5; the baseline of 5 by 3, 0 and 3.
    assert card.overall.against_baseline.value == pytest.approx(1 - 8 / 6)
    assert card.team is None


def test_only_outcomes_of_the_window_and_of_the_project_count(project, now):
    scored(project, predicted=5, actual=4, at=now - timedelta(days=10))
    scored(project, predicted=5, actual=4, at=now - timedelta(days=40))
    scored(project, predicted=5, actual=4, at=now + timedelta(days=1))
    scored(ProjectFactory(), predicted=5, actual=4, at=now)

    assert card_of(project, now, days=30).overall.n == 1


def test_without_outcomes_the_answer_is_empty_and_counts_what_waits(project, now):
    for issue in (IssueFactory(project=project), IssueFactory(project=project, completed=True, actual_hours=None)):
        PredictionHistoryFactory(project=project, issue=issue, created_at=issue.created_at)
    PredictionHistoryFactory(project=project)

    card = card_of(project, now)

    assert (card.overall, card.methods, card.team) == (None, {}, None)
    assert (card.waiting, card.about_no_issue) == (2, 1)
    assert "2 open predictions wait" in card.verdict


def test_a_project_never_asked_about_waits_for_nothing(project, now):
    assert "no open prediction waits" in card_of(project, now).verdict


def test_served_answers_remember_what_the_scorecard_compares_with(team, trained, now):
    issue = IssueFactory(
        project=team, title="Change the export of part 3", type_name="bug", created_at=now, estimated_hours=3.0
    )
    service = PredictionService()
    asked = {"title": issue.title, "issue_type": "bug", "project_id": team.id, "issue_id": issue.id}
    effort = service.predict_issue_effort(**asked, estimated_hours=3.0)
    points = service.recommend_story_points(**asked)

    issue.resolved_at, issue.actual_hours, issue.story_points = timezone.now() + timedelta(hours=5), 4.0, 3.0
    issue.save()
    record_outcomes(now=issue.resolved_at)
    cards = {card.prediction_type: card for card in project_scorecard(team.id, now=issue.resolved_at).types}

    row = PredictionHistory.objects.get(id=effort["prediction_id"])
    hours = sorted(team.issues.filter(actual_hours__gt=0).exclude(id=issue.id).values_list("actual_hours", flat=True))
    middle = (hours[59] * hours[60]) ** 0.5
    assert row.details["baseline_hours"] == pytest.approx(middle)
    assert cards[EFFORT].overall.against_baseline.reference_error == pytest.approx(abs(middle - 4.0))
    assert cards[EFFORT].team.mean_absolute_error == pytest.approx(1.0)
    low, high = PredictionHistory.objects.get(id=points["prediction_id"]).details["one_step"]
    assert low <= points["recommended_points"] <= high
    assert cards[POINTS].overall.confidence.n == 1
    assert cards[POINTS].overall.against_baseline is not None


def test_what_was_removed_for_age_is_still_told_from_its_sums(project, now):
    sums = {"n": 4, "sum_absolute_error": 6.0, "sum_absolute_log_error": 2.0, "n_log": 4, "n_ranged": 2, "n_covered": 1}
    for month in (date(2025, 1, 1), date(2025, 2, 1), date(2024, 1, 1)):
        PredictionAggregate.objects.create(
            project=project, prediction_type=EFFORT, method="ml_model", month=month, **sums
        )

    removed = card_of(project, now, days=600).removed

    # The window of 600 days begins in July 2024: two of the months lie in it.
    assert removed == {"ml_model": RemovedSums(n=8, mean_absolute_error=1.5, mean_absolute_log_ratio=0.5, coverage=0.5)}
    assert card_of(project, now, days=90).removed == {}


def test_more_outcomes_than_are_read_are_announced(project, now, monkeypatch):
    monkeypatch.setattr("apps.ml.selectors.scorecard.MOST_OUTCOMES", 2)
    for days in range(3):
        scored(project, predicted=5 + days, actual=4, at=now - timedelta(days=days))

    cut = project_scorecard(project.id, now=now, kind=EFFORT)

    assert cut.is_cut
    assert cut.types[0].overall.mean_absolute_error == pytest.approx((1 + 2) / 2)
    assert not project_scorecard(project.id, now=now - timedelta(hours=1), kind=EFFORT).is_cut


def test_the_number_of_queries_does_not_grow(project, now, django_assert_num_queries):
    for _ in range(3):
        scored(project, predicted=5, actual=4, at=now, details={"baseline_hours": 4.0})
        scored(project, predicted=3, actual=5, at=now, prediction_type=POINTS, method="prior")
        PredictionHistoryFactory(project=project, issue=IssueFactory(project=project))

    with django_assert_num_queries(3):
        project_scorecard(project.id, now=now)


def test_a_member_reads_the_scorecard(api_client, project, member):
    scored(project, predicted=5, actual=4, at=timezone.now(), details={"baseline_hours": 2.0})
    api_client.force_authenticate(member)

    response = api_client.get(f"/api/v1/ml/projects/{project.id}/scorecard/", {"days": 30, "type": EFFORT})

    assert response.status_code == 200
    body = response.json()
    assert body["days"] == 30
    (card,) = body["types"]
    assert card["overall"]["mean_absolute_error"] == 1.0
    assert card["methods"]["ml_model"]["against_baseline"]["value"] == pytest.approx(0.5)
    assert "off by 1.0 h on average, the naive baseline by 2.0 h" in card["verdict"]


def test_a_stranger_is_told_there_is_no_such_project(api_client, project):
    api_client.force_authenticate(UserFactory())

    assert api_client.get(f"/api/v1/ml/projects/{project.id}/scorecard/").status_code == 404


def test_nobody_reads_it_without_logging_in(api_client, project):
    assert api_client.get(f"/api/v1/ml/projects/{project.id}/scorecard/").status_code == 401


@pytest.mark.parametrize("query", [{"days": 0}, {"days": "many"}, {"days": 10**9}, {"type": "project_summary"}])
def test_a_window_or_type_that_makes_no_sense_is_refused(api_client, project, member, query):
    api_client.force_authenticate(member)

    response = api_client.get(f"/api/v1/ml/projects/{project.id}/scorecard/", query)

    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == f"/{next(iter(query))}"


def printed(*arguments):
    out = StringIO()
    call_command("scorecard", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_table_and_the_verdict(project):
    now = timezone.now()
    details = {"baseline_hours": 2.0, "estimated_hours": 7.0}
    for _ in range(25):
        scored(project, predicted=5, actual=4, at=now, details=details)
    PredictionHistoryFactory(project=project, issue=IssueFactory(project=project))

    text = printed("--project", project.key.lower())

    assert "team's estimate" in text
    assert "+0.50 (+0.50 to +0.50)" in text
    assert "50 % better (95 % interval 50 to 50 %)" in text
    assert "Open predictions that wait for an outcome: 1." in text
    assert "story_points, in points\nNo outcome became known in the last 90 days" in text


def test_the_command_prints_json_for_a_script(project):
    scored(project, predicted=5, actual=4, at=timezone.now())

    figures = json.loads(printed("--project", project.key, "--json", "--days", "7", "--type", EFFORT))

    assert figures["days"] == 7
    assert [card["prediction_type"] for card in figures["types"]] == [EFFORT]
    assert figures["types"][0]["overall"]["n"] == 1


def test_the_command_refuses_an_impossible_window_in_a_sentence(project):
    with pytest.raises(CommandError, match="a number of days from 1 to 3650 is needed, not '-3'"):
        printed("--project", project.key, "--days=-3")
