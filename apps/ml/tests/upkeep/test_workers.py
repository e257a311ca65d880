"""A missing worker is said, in health and in every job that waits for it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.ml import health, tasks
from apps.ml.models import TrainingRun
from apps.ml.selectors.workers import IMPORTS, LONG, MISSING_AFTER, SHORT, missing_workers
from apps.ml.services.training.claims import claim
from apps.ml.services.upkeep.installation import note_started_workers, note_worker
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db


#: Workers are seen because the schedule asks for it.
OR_THE_SCHEDULE = "Start one: ./run worker. If workers run, their schedule does not: start ./run beat"


def test_without_any_worker_all_queues_wait(now):
    waits = "No worker has been seen: outcomes, e-mails, recoveries, trainings and imports wait."
    told = f"{waits} {OR_THE_SCHEDULE}"
    assert missing_workers(now) == told
    assert missing_workers(now, [LONG]) == f"No worker has been seen: trainings wait. {OR_THE_SCHEDULE}"
    assert (health.workers().status, health.workers().message) == ("degraded", told)


def test_what_a_worker_said_by_a_clock_that_was_ahead_hides_no_missing_one(now):
    for queue in (SHORT, LONG, IMPORTS):
        note_worker(queue, now + timedelta(days=1))

    assert missing_workers(now).startswith("No worker has been seen: outcomes")


def test_workers_that_were_just_started_are_awaited(now):
    note_started_workers()

    assert missing_workers(timezone.now()) == ""
    assert missing_workers(timezone.now() + 2 * MISSING_AFTER).startswith("No worker has been seen for 6 minutes")


def test_workers_that_were_seen_a_moment_ago_are_there(now):
    tasks.requeue_lost_trainings()
    tasks.note_long_worker()
    note_worker(IMPORTS, timezone.now())

    assert missing_workers(timezone.now()) == ""
    assert health.workers().status == "ok"


def test_the_sentence_says_for_how_long(now):
    note_worker(SHORT, now)
    note_worker(IMPORTS, now)
    note_worker(LONG, now - timedelta(minutes=12, seconds=30))

    assert missing_workers(now + MISSING_AFTER).startswith("No worker has been seen for 15 minutes: trainings wait.")


def test_of_several_the_time_is_said_that_is_true_of_all(now):
    note_worker(SHORT, now)
    note_worker(IMPORTS, now - timedelta(minutes=9))

    told = missing_workers(now + 2 * MISSING_AFTER, [SHORT, IMPORTS])
    assert told.startswith("No worker has been seen for 6 minutes: outcomes, e-mails, recoveries and imports wait.")


def test_the_schedule_is_named_where_no_queue_has_been_seen_alone(now):
    for queue in (SHORT, LONG, IMPORTS):
        note_worker(queue, now)
    later = now + 2 * MISSING_AFTER

    assert missing_workers(later, [SHORT]).endswith(f"recoveries wait. {OR_THE_SCHEDULE}")
    note_worker(IMPORTS, later)
    assert missing_workers(later, [SHORT]).endswith("recoveries wait. Start one: ./run worker")


def test_a_training_that_goes_on_shows_that_its_worker_is_there(run, now):
    note_worker(SHORT, now)
    note_worker(IMPORTS, now)
    claim(run.id, now=now)

    assert missing_workers(now + MISSING_AFTER) == ""


def test_a_job_says_what_it_waits_for(run, api_client, now):
    api_client.force_authenticate(TeamMemberFactory(project=run.project).user)

    def job():
        return api_client.get(f"/api/v1/ml/jobs/{run.id}/").json()

    assert job()["waits_for"].endswith(f"trainings wait. {OR_THE_SCHEDULE}")
    note_worker(LONG, timezone.now())
    assert job()["waits_for"] == ""
    TrainingRun.objects.update(state="running")
    assert job()["waits_for"] == ""
