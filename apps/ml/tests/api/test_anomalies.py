"""Anomalies over HTTP: list, filter, acknowledge, resolve, false positive; and what is learned from the last."""

from datetime import timedelta
from uuid import uuid4

import pytest

from apps.ml.models import AnomalyDetection
from apps.ml.services.anomaly_service import AnomalyDetectionService
from apps.ml.tests.factories import AnomalyDetectionFactory
from apps.ml.tests.forecasts.teams import finish_by_week
from apps.projects.models import TeamMember
from apps.projects.tests.factories import IssueFactory, ProjectFactory, TeamMemberFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


@pytest.fixture
def member(project):
    return TeamMemberFactory(project=project).user


@pytest.fixture
def client(api_client, member):
    api_client.force_authenticate(member)
    return api_client


@pytest.fixture
def anomaly(project):
    return AnomalyDetectionFactory(project=project, anomaly_type="finished_drop", severity="high")


def address(project, anomaly=None) -> str:
    return f"/api/v1/ml/projects/{project.id}/anomalies/" + (f"{anomaly.id}/" if anomaly else "")


def test_a_member_lists_what_was_found_the_latest_first(client, project, anomaly, now):
    later = AnomalyDetectionFactory(
        project=project, anomaly_type="stale_issues", detected_at=anomaly.detected_at + timedelta(hours=1)
    )
    AnomalyDetectionFactory()

    found = client.get(address(project)).data["results"]

    assert [row["id"] for row in found] == [str(later.id), str(anomaly.id)]
    assert found[1]["severity"] == "high"


def test_issues_are_named_in_one_query_and_those_deleted_since_are_left_out(client, project, django_assert_num_queries):
    kept, gone = IssueFactory(project=project, external_id="WEB-7"), IssueFactory(project=project)
    strange = IssueFactory()
    evidence = {"issues": [str(issue.id) for issue in (gone, kept, strange)]}
    rows = [
        AnomalyDetectionFactory(project=project, anomaly_type=kind, evidence=evidence)
        for kind in ("stale_issues", "unassigned_issues")
    ]
    gone.delete()
    named = [{"issue_id": str(kept.id), "key": "WEB-7", "title": kept.title}]

    # The project, the page, and what its issues are called.
    with django_assert_num_queries(3):
        found = client.get(address(project)).data["results"]

    assert [row["issues"] for row in found] == [named, named]
    assert client.get(address(project, rows[0])).data["issues"] == named
    reviewed = client.patch(address(project, rows[0]), {"status": "resolved"})
    assert reviewed.data["issues"] == named


def test_of_one_look_the_severest_comes_first(client, project, now):
    for kind, severity in (("stale_issues", "medium"), ("unassigned_issues", "critical"), ("created_drop", "low")):
        AnomalyDetectionFactory(project=project, anomaly_type=kind, severity=severity, detected_at=now)

    found = client.get(address(project)).data["results"]

    assert [row["severity"] for row in found] == ["critical", "medium", "low"]


@pytest.mark.parametrize("query", ["severity=high", "anomaly_type=finished_drop", "status=investigating"])
def test_the_list_is_narrowed(client, project, anomaly, query):
    AnomalyDetectionFactory(project=project, anomaly_type="stale_issues", severity="low")
    AnomalyDetection.objects.filter(pk=anomaly.pk).update(status="investigating")

    found = client.get(f"{address(project)}?{query}").data["results"]

    assert [row["id"] for row in found] == [str(anomaly.id)]


def test_a_status_that_does_not_exist_is_refused(client, project):
    assert client.get(f"{address(project)}?status=gone").status_code == 400


def test_acknowledging_keeps_who_when_and_why_and_leaves_it_open(client, project, anomaly, member):
    response = client.patch(address(project, anomaly), {"status": "investigating", "notes": "On it."}, format="json")

    anomaly.refresh_from_db()
    assert response.data["status"] == "investigating"
    assert (anomaly.acknowledged_by, anomaly.notes, anomaly.resolved_at) == (member, "On it.", None)
    assert anomaly.acknowledged_at is not None


@pytest.mark.parametrize("status", ["resolved", "false_positive"])
def test_closing_keeps_who_when_and_adds_to_the_notes(client, project, anomaly, member, status):
    client.patch(address(project, anomaly), {"status": "investigating", "notes": "On it."}, format="json")

    response = client.patch(address(project, anomaly), {"status": status, "notes": "Holidays."}, format="json")

    anomaly.refresh_from_db()
    assert response.status_code == 200
    assert (anomaly.status, anomaly.resolved_by, anomaly.notes) == (status, member, "On it.\nHolidays.")
    assert anomaly.resolved_at is not None


def test_a_closed_anomaly_stays_closed(client, project, anomaly):
    client.patch(address(project, anomaly), {"status": "resolved"}, format="json")

    response = client.patch(address(project, anomaly), {"status": "investigating"}, format="json")

    assert (response.status_code, response.data["code"]) == (409, "anomaly_closed")


@pytest.mark.parametrize("body", [{}, {"status": "detected"}, {"status": "resolved", "notes": "x" * 5001}])
def test_a_review_that_says_nothing_possible_is_refused(client, project, anomaly, body):
    assert client.patch(address(project, anomaly), body, format="json").status_code == 400


def test_a_viewer_looks_and_does_not_decide(api_client, project, anomaly):
    api_client.force_authenticate(TeamMemberFactory(project=project, role=TeamMember.Role.VIEWER).user)

    assert api_client.get(address(project, anomaly)).status_code == 200
    assert api_client.patch(address(project, anomaly), {"status": "resolved"}, format="json").status_code == 403


def test_a_stranger_cannot_see_that_anything_exists(api_client, project, anomaly):
    api_client.force_authenticate(UserFactory())

    assert api_client.get(address(project)).status_code == 404
    assert api_client.get(address(project, anomaly)).status_code == 404
    assert api_client.patch(address(project, anomaly), {"status": "resolved"}, format="json").status_code == 404


def test_an_anomaly_of_another_project_is_not_here(client, project):
    other = AnomalyDetectionFactory()

    assert client.get(address(project, other)).status_code == 404
    assert client.get(f"{address(project)}{uuid4()}/").status_code == 404


# --- Feedback -----------------------------------------------------------------------------------------------------
def unassigned(rows):
    return [row.severity for row in rows if row.anomaly_type == "unassigned_issues"]


def test_a_false_alarm_is_not_raised_again_for_four_weeks(project, now):
    IssueFactory.create_batch(6, project=project, created_at=now)
    service = AnomalyDetectionService()
    service.detect_project_anomalies(project.id, now=now)
    AnomalyDetection.objects.update(status="false_positive", resolved_at=now)

    soon = service.detect_project_anomalies(project.id, now=now + timedelta(days=27))
    later = service.detect_project_anomalies(project.id, now=now + timedelta(days=29))

    assert unassigned(soon) == []
    assert unassigned(later) == ["critical"]


@pytest.mark.parametrize("status", ["false_positive", "resolved"])
def test_a_lasting_change_that_was_dealt_with_is_not_raised_again_while_it_is_news(project, now, status):
    finish_by_week(project, [8] * 60 + [4] * 12, now=now)
    service = AnomalyDetectionService()
    first = service.detect_project_anomalies(project.id, now=now)
    AnomalyDetection.objects.update(status=status, resolved_at=now)

    soon = service.detect_project_anomalies(project.id, now=now + timedelta(days=7))

    assert "finished_slower" in [row.anomaly_type for row in first]
    assert "finished_slower" not in [row.anomaly_type for row in soon]


def test_what_has_become_worse_than_the_false_alarm_is_raised(project, now):
    IssueFactory.create_batch(6, project=project, created_at=now)
    AnomalyDetectionFactory(
        project=project, anomaly_type="unassigned_issues", severity="low", status="false_positive", resolved_at=now
    )

    rows = AnomalyDetectionService().detect_project_anomalies(project.id, now=now + timedelta(hours=6))

    assert unassigned(rows) == ["critical"]
