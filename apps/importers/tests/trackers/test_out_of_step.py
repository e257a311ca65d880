"""A connection whose imports fail: its leads are told once, and what is told from what it brought says so."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from apps.common.operations import scrape
from apps.common.operations.metrics import IMPORTS
from apps.importers import runs, tasks
from apps.importers.connections import change
from apps.importers.models import TakingBack
from apps.importers.telling.out_of_step import OUT_OF_STEP_AFTER, gauges, out_of_step, tell_out_of_step
from apps.importers.tests.trackers import jira_site
from apps.importers.tests.trackers.server import Reply
from apps.ml.models import AnomalyDetection
from apps.ml.services.anomaly_service import AnomalyDetectionService
from apps.ml.services.upkeep.diagnosis import diagnose
from apps.notifications.models import Delivery, Notification
from apps.projects.models import Sprint
from apps.projects.tests.factories import TeamMemberFactory
from apps.projects.unknown_past import Standstill, standstills_of, unknown_to

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
REFUSED = Reply({"message": "The token of Ada has expired"}, 401)


def import_at(connection, at):
    return runs.execute(runs.ask_sync(connection, by=None, now=at).pk, now=at)


@pytest.fixture
def standing(connection, jira, project, now):
    """In step at `now`, and from then on refused, each hour of a day and a bit; when the last hour was."""
    import_at(connection, now)
    jira.answer = lambda request: REFUSED
    for hour in (6, 12, 18, 24):
        import_at(connection, now + hour * HOUR)
    assert not Notification.objects.exists()
    last = now + OUT_OF_STEP_AFTER + HOUR
    import_at(connection, last)
    project.refresh_from_db()
    return last


def test_leads_are_told_once_with_the_kind_of_the_fault_and_no_word_of_the_tracker(
    connection, standing, project, lead, now
):
    TeamMemberFactory(project=project)
    for days in range(1, 21):
        import_at(connection, standing + days * DAY)

    told = Notification.objects.get()
    assert (told.event, told.severity, told.data["id"]) == ("stopped", "high", str(connection.pk))
    assert f"Jira Cloud SHOP is out of step since {now:%Y-%m-%d}: its imports fail (tracker_refused)" in told.subject
    assert "Ada" not in told.body + told.payload
    assert {each.user for each in Delivery.objects.all()} == {lead}


def test_what_is_told_says_since_when(project, standing, now):
    (found,) = standstills_of(project)

    assert found == Standstill("Jira Cloud SHOP", now)
    for figure in ("forecast", "sprint", "flow"):
        assert found.sentence() in unknown_to(project, figure)


def test_neither_risks_nor_anomalies_are_raised_of_a_standstill(project, standing):
    call_command("detect_anomalies", project="SHOP", stdout=(out := StringIO()))

    assert "SHOP  nothing is looked for: the connection to Jira Cloud SHOP is out of step since" in out.getvalue()
    assert not AnomalyDetection.objects.exists()
    assert Notification.objects.count() == 1


def test_risks_that_are_asked_for_say_that_they_may_come_of_the_standstill(project, standing):
    sprint = Sprint.objects.filter(project=project, status="active").first()

    judged = AnomalyDetectionService().judge_sprint(sprint.pk, now=standing)

    assert "Cannot tell what was done lately: the connection to Jira" in judged["cannot_tell"][-1]["because"]
    assert judged["cannot_tell"][-1]["risk_types"] == [each["risk_type"] for each in judged["risks"]]


def test_once_it_is_in_step_again_no_figure_says_so_and_the_next_standstill_is_news(
    connection, standing, jira, project, now
):
    jira.answer = jira_site.cloud
    import_at(connection, standing + HOUR)
    project.refresh_from_db()
    assert standstills_of(project) == []

    jira.answer = lambda request: REFUSED
    import_at(connection, standing + 2 * DAY)

    assert Notification.objects.count() == 2


@pytest.mark.parametrize("asked_from", [None, -3 * DAY])
def test_what_a_good_import_left_out_makes_it_no_older(connection, jira, client, now, asked_from):
    """The next one asks from before it: that is no standstill."""
    good = now + 10 * DAY
    for at in (now, good):
        import_at(connection, at)
    type(connection).objects.update(synced_until=asked_from and good + asked_from)
    jira.answer = lambda request: REFUSED

    import_at(connection, good + HOUR)
    assert not Notification.objects.exists()
    client.force_login(connection.created_by)
    page = client.get(f"/projects/{connection.project.key}/import/").content.decode()
    assert "in step until 12 Mar" in page.replace("\N{NO-BREAK SPACE}", " ")

    import_at(connection, good + DAY + HOUR)
    assert f"out of step since {good:%Y-%m-%d}" in Notification.objects.get().subject


def test_an_import_that_was_taken_back_is_no_last_good_one(connection, jira, now):
    jira.answer = jira_site.cloud
    import_at(connection, now)
    good = import_at(connection, now + 10 * DAY)
    TakingBack.objects.create(run=good, asked_at=now, was="completed", rows=2, rows_left=0)
    type(good).objects.filter(pk=good.pk).update(status="undone")
    jira.answer = lambda request: REFUSED

    import_at(connection, now + 10 * DAY + HOUR)

    assert f"out of step since {now:%Y-%m-%d}" in Notification.objects.get().subject


@pytest.mark.parametrize("way", ["switched off", "deleted"])
def test_of_a_connection_that_is_off_or_gone_no_figure_says_anything(connection, standing, project, way, monkeypatch):
    if way == "deleted":
        connection.delete()
    else:
        change(connection, is_active=False)

    tasks.sync_connections()

    project.refresh_from_db()
    assert standstills_of(project) == []


def test_an_import_that_went_well_and_was_taken_back_does_not_fail(connection, standing, jira, project):
    jira.answer = jira_site.cloud
    good = import_at(connection, standing + HOUR)
    assert good.status == "completed"

    done = runs.undo_here(good, now=standing + 2 * HOUR)

    assert done.status == "undone"
    assert not out_of_step(now=standing + 2 * DAY).exists()


def test_an_import_that_went_well_and_is_taken_back_in_part_does_not_fail_either(connection, jira, now):
    good = import_at(connection, now)
    TakingBack.objects.create(run=good, asked_at=now, was="completed", rows=2, rows_left=1)
    type(good).objects.filter(pk=good.pk).update(status="failed")
    assert not out_of_step(now=now + 2 * DAY).exists()

    jira.answer = lambda request: REFUSED
    import_at(connection, now + DAY + HOUR)

    assert out_of_step(now=now + 3 * DAY).exists()


def test_a_connection_that_waits_for_a_worker_is_no_news(connection, now):
    """Workers that stood for a week are told of elsewhere; the next import brings it in step."""
    import_at(connection, now)
    runs.ask_sync(connection, by=None, now=now + 7 * DAY)

    assert tell_out_of_step(now=now + 7 * DAY) == 0


def test_a_connection_that_never_was_in_step_is_told_too(connection, jira, now):
    jira.answer = lambda request: REFUSED
    import_at(connection, now + DAY + HOUR)

    assert f"out of step since {now:%Y-%m-%d}" in Notification.objects.get().subject


def test_imports_are_counted_and_connections_that_are_out_of_step_told_at_a_scrape(connection, standing, now):
    failed = IMPORTS.labels(kind="jira", result="failed")
    before = failed._value.get()

    import_at(connection, standing + HOUR)

    assert failed._value.get() == before + 1
    assert [sample.value for sample in gauges(standing)[0].samples] == [1.0]
    assert [sample.value for sample in gauges(now + HOUR)[0].samples] == [0.0]
    assert "imports" in scrape.LIVE_METRICS._readers


def test_the_checklist_has_a_line_for_it(project, standing):
    (line,) = [each for each in diagnose(project.pk) if each.check == "connections"]

    assert line.level == "warning"
    assert line.message.startswith("SHOP: the connection to Jira Cloud SHOP is out of step since")
