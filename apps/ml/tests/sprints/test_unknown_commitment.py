"""What a sprint had committed is unknown where its source names only the sprint that an issue is in now."""

from datetime import UTC, date, datetime, timedelta

import pytest
from rest_framework.test import APIClient

from apps.ml.core.sprints.untold import NO_DATES
from apps.ml.models import PredictionHistory
from apps.ml.selectors.sprints import completed_sprints
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.sprints.outcome import SprintOutcomeService
from apps.projects.history.sprint_books import COMMITMENT_UNKNOWN
from apps.projects.models import Sprint
from apps.projects.tests.factories import IssueFactory, ProjectFactory, SprintFactory, TeamMemberFactory

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 18, 12, tzinfo=UTC)
FIRST_DAY = date(2026, 1, 19)


@pytest.fixture
def viewer():
    return TeamMemberFactory(project=ProjectFactory(), role="viewer")


@pytest.fixture
def sprints(viewer):
    """Four sprints of ten points that seem to have delivered all, and one of 40 points that runs; oldest first."""
    found = []
    for number in range(5):
        start = FIRST_DAY + timedelta(days=14 * number)
        is_over = number < 4
        sprint = SprintFactory(
            project=viewer.project, source="csv", scope_is_recorded=False, start_date=start,
            end_date=start + timedelta(days=13), status="completed" if is_over else "active",
        )  # fmt: skip
        created = datetime.combine(start, datetime.min.time(), UTC) - timedelta(days=9)
        for _ in range(2 if is_over else 8):
            end = {"completed": True, "resolved_at": created + timedelta(days=15)} if is_over else {}
            IssueFactory(
                project=viewer.project, sprint=sprint, story_points=5, created_at=created, source="csv",
                external_id=f"A-{sprint.pk}-{_}", **end,
            )  # fmt: skip
        found.append(sprint)
    return found


@pytest.fixture
def client(viewer):
    client = APIClient()
    client.force_authenticate(viewer.user)
    return client


def test_a_team_that_seems_to_deliver_everything_is_not_believed(sprints):
    told = SprintOutcomeService().predict(sprints[-1].pk, now=NOW)

    assert (told["committed"], told["commitment_unknown_because"]) == (None, COMMITMENT_UNKNOWN)
    assert (told["baselines"]["usual_ratio"], told["baselines"]["scope_x_ratio"]) == (None, None)
    assert told["history"] == {"past_sprints": 0, "unrecorded_sprints": 4, "replayed_sprints": 0}
    assert (told["scope"], told["expected_delivered"] < 40.0) == (40.0, True)
    assert "Of the team's 4 completed sprints nobody knows what was committed" in told["reasoning"]
    assert "(the commitment is unknown)" in told["reasoning"]


def test_with_recorded_history_the_same_sprints_tell_their_ratio(sprints):
    Sprint.objects.update(scope_is_recorded=True)

    told = SprintOutcomeService().predict(sprints[-1].pk, now=NOW)

    assert (told["committed"], told["commitment_unknown_because"]) == (40.0, None)
    assert (told["baselines"]["usual_ratio"], told["history"]["past_sprints"]) == (1.0, 4)


def test_velocity_is_known_all_the_same(sprints, viewer):
    assert [record.delivered_points for record in completed_sprints(viewer.project_id, now=NOW)] == [10.0] * 4


def test_the_report_says_what_it_does_not_know(sprints, client, viewer):
    def report(sprint):
        return client.get(f"/api/v1/projects/{viewer.project_id}/sprints/{sprint.pk}/report/").json()

    over, running = report(sprints[0]), report(sprints[-1])

    assert over["commitment_unknown_because"] == running["commitment_unknown_because"] == COMMITMENT_UNKNOWN
    assert [over[book] for book in ("committed", "added", "removed", "carried_over")] == [None] * 4
    assert over["completed"]["points"] == 10.0
    # What is left of a sprint that runs is in it.
    assert (running["committed"], running["carried_over"]["points"]) == (None, 40.0)


def test_the_burndown_has_days_and_no_line_from_a_commitment(sprints, client):
    drawn = client.get(f"/api/v1/ml/sprints/{sprints[0].pk}/burndown/").json()

    assert (drawn["start"], drawn["ideal"], len(drawn["days"])) == (None, [], 14)
    assert (drawn["commitment_unknown_because"], drawn["no_days_because"]) == (COMMITMENT_UNKNOWN, None)


def test_risks_say_that_additions_cannot_be_told(sprints):
    found = AnomalyDetectionService().judge_sprint(sprints[-1].pk, now=NOW)

    assert {"risk_types": ["scope_added"], "because": COMMITMENT_UNKNOWN} in found["cannot_tell"]
    assert "scope_added" not in {risk["risk_type"] for risk in found["risks"]}


class TestWithoutDates:
    @pytest.fixture
    def undated(self, viewer):
        sprint = SprintFactory(project=viewer.project, source="csv", start_date=None, end_date=None)
        IssueFactory(project=viewer.project, sprint=sprint, story_points=5)
        return sprint

    def test_risks_outcome_and_burndown_say_so(self, undated, client):
        def ask(what):
            return client.get(f"/api/v1/ml/sprints/{undated.pk}/{what}/")

        assert client.get(f"/api/v1/ml/{undated.pk}/sprint-risk/").json() == {
            "risks": [], "cannot_tell": [{"risk_types": [], "because": NO_DATES}],
        }  # fmt: skip
        assert (ask("outcome").status_code, ask("outcome").json()["detail"]) == (422, NO_DATES)
        assert (ask("burndown").json()["days"], ask("burndown").json()["no_days_because"]) == ([], NO_DATES)
        assert not PredictionHistory.objects.filter(prediction_type="sprint_outcome").exists()

    def test_a_sprint_that_was_started_here_names_the_risks_that_want_dates(self, undated):
        Sprint.objects.filter(pk=undated.pk).update(status="active", started_at=NOW - timedelta(days=3))

        (untold,) = AnomalyDetectionService().judge_sprint(undated.pk, now=NOW)["cannot_tell"]

        assert untold["because"] == NO_DATES
        assert {"burndown_velocity", "late_by_forecast", "under_delivery"} <= set(untold["risk_types"])
