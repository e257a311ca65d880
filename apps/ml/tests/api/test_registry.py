"""The registry over HTTP: who may see, train, activate and roll back what."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection
from kombu.exceptions import OperationalError
from rest_framework.test import APIClient

from apps.access.keys import create_key
from apps.accounts.tests.factories import UserFactory
from apps.common.api.idempotency import HEADER, REPLAYED
from apps.ml import tasks
from apps.ml.models import MLModel, TrainingRun
from apps.ml.services import ModelTrainer
from apps.ml.services.models.registry import activate
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import ObjectStore
from apps.ml.tests.factories import MLModelFactory, TrainingRunFactory
from apps.ml.tests.teams import learnable_team
from apps.ml.viewsets import registry
from apps.projects.tests.factories import ProjectFactory, TeamMemberFactory
from conftest import NOW

pytestmark = pytest.mark.django_db
EFFORT = "effort_prediction"
MODELS = "/api/v1/ml/models/"
TRAIN, ROLL_BACK = f"{MODELS}train/", f"{MODELS}rollback/"


def client_of(api_client, user):
    api_client.force_authenticate(user)
    return api_client


@pytest.fixture
def as_role(api_client):
    """A client of a member of a project with the given role."""
    return lambda project, role: client_of(api_client, TeamMemberFactory(project=project, role=role).user)


@pytest.fixture
def as_lead(as_role, team):
    return as_role(team, "lead")


@pytest.fixture
def as_stranger(api_client):
    return client_of(api_client, UserFactory())


@pytest.fixture
def as_staff(api_client):
    return client_of(api_client, UserFactory(is_superuser=True))


@pytest.fixture
def sent(django_capture_on_commit_callbacks):
    """`with sent:` what a request hands to the workers reaches them at the end."""
    return django_capture_on_commit_callbacks(execute=True)


def asked(project=None, **fields):
    scope = {"global": True} if project is None else {"project_id": str(project.id)}
    return {"model_type": EFFORT, **scope, **fields}


def test_a_lead_trains_and_follows_the_job_to_its_model(as_lead, team, sent):
    with sent:
        accepted = as_lead.post(TRAIN, asked(team))

    assert accepted.status_code == 202
    job = as_lead.get(accepted["Location"]).json()
    assert (job["state"], job["progress_step"], job["progress_steps"]) == ("succeeded", 9, 9)
    model = as_lead.get(f"{MODELS}{job['model_id']}/").json()
    assert (model["is_active"], model["project_id"], model["training_samples"]) == (True, str(team.id), 120)
    assert model["metrics"]["baseline_mae"] > 0
    assert model["provenance"]["code"]


def test_who_asked_is_recorded(as_role, team, sent):
    client = as_role(team, "lead")
    lead = team.team.get().user

    with sent:
        client.post(TRAIN, asked(team))

    assert TrainingRun.objects.get().requested_by == lead
    assert MLModel.objects.get().trained_by == lead


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_second_request_is_told_the_job_that_goes_on(as_lead, team, state):
    run = TrainingRunFactory(project=team, state=state)

    answer = as_lead.post(TRAIN, asked(team))

    assert answer.status_code == 409
    assert (answer.json()["code"], answer.json()["job_id"]) == ("already_training", str(run.id))
    assert answer["Location"] == f"/api/v1/ml/jobs/{run.id}/"


def test_too_little_history_is_refused_with_the_numbers_and_nothing_is_queued(as_role, now):
    small = learnable_team(12, until=now)

    answer = as_role(small, "lead").post(TRAIN, asked(small))

    assert (answer.status_code, answer.json()["have"], answer.json()["needed"]) == (422, 12, 50)
    assert not TrainingRun.objects.exists()


def refusing(fault):
    def refuse(*args, **options):
        raise fault("Connection refused")

    return refuse


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [{}, {HEADER: "this-training"}])
@pytest.mark.parametrize("fault", [OperationalError, ValueError, TypeError])
def test_a_broker_that_is_away_answers_503_and_loses_nothing(as_lead, team, monkeypatch, fault, key):
    with monkeypatch.context() as outage:
        outage.setattr(tasks.train_model, "apply_async", refusing(fault))
        answer = as_lead.post(TRAIN, asked(team), headers=key)

    assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
    assert int(answer["Retry-After"]) > 0
    job = TrainingRun.objects.get(id=answer.json()["job_id"])
    assert job.state == "queued"
    TrainingRun.objects.update(queued_at=job.queued_at - timedelta(days=1))
    tasks.requeue_lost_trainings.delay()
    job.refresh_from_db()
    assert job.state == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_a_training_that_the_broker_did_not_take_is_asked_for_once_by_a_key(as_lead, team, monkeypatch):
    monkeypatch.setattr(tasks.train_model, "apply_async", refusing(OperationalError))
    refused, again, other = (as_lead.post(TRAIN, asked(team), headers={HEADER: key}) for key in ("a", "a", "b"))

    assert [each.status_code for each in (refused, again, other)] == [503, 202, 409]
    assert (again[REPLAYED], again["Location"]) == ("true", refused["Location"])
    assert TrainingRun.objects.get().id == UUID(refused.json()["job_id"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [{}, {HEADER: "this-training"}])
def test_the_workers_are_told_of_a_training_that_is_there(as_lead, team, monkeypatch, key):
    def take(run_id):
        there.append((connection.in_atomic_block, TrainingRun.objects.filter(id=run_id).exists()))

    there = []
    monkeypatch.setattr(registry, "send_training", take)

    assert as_lead.post(TRAIN, asked(team), headers=key).status_code == 202
    assert there == [(False, True)]


@pytest.mark.parametrize("role", ["viewer", "member"])
@pytest.mark.parametrize("address", [TRAIN, ROLL_BACK])
def test_viewers_and_members_decide_nothing(as_role, team, role, address):
    assert as_role(team, role).post(address, asked(team)).status_code == 403


@pytest.mark.parametrize("address", [TRAIN, ROLL_BACK])
def test_a_stranger_cannot_see_that_the_project_exists(as_stranger, team, address):
    known, unknown = as_stranger.post(address, asked(team)), as_stranger.post(address, asked(ProjectFactory.build()))

    assert known.status_code == unknown.status_code == 404
    assert known.json() == unknown.json()


@pytest.mark.parametrize("address", [TRAIN, ROLL_BACK])
def test_only_administrators_decide_about_the_global_model(as_lead, team, address):
    assert as_lead.post(address, asked()).status_code == 403


def test_administrators_train_the_global_model(as_staff, team, sent):
    with sent:
        answer = as_staff.post(TRAIN, asked())

    assert answer.status_code == 202
    assert MLModel.objects.get(is_active=True).project is None


@pytest.mark.parametrize(
    "body", [{"model_type": EFFORT}, asked(model_type="sprint_risk"), asked(project_id=str(uuid4())), {}]
)
def test_a_request_without_one_scope_and_one_type_is_invalid(as_staff, body):
    assert as_staff.post(TRAIN, body).status_code == 400


def test_nobody_sees_anything_without_logging_in(api_client):
    for address in (MODELS, f"{MODELS}{uuid4()}/", f"/api/v1/ml/jobs/{uuid4()}/"):
        assert api_client.get(address).status_code == 401
    assert api_client.post(TRAIN, {}).status_code == 401


def test_a_person_sees_the_models_of_their_projects_and_the_global_ones(as_role):
    mine = MLModelFactory(project=ProjectFactory())
    common = MLModelFactory(project=None)
    foreign = MLModelFactory(project=ProjectFactory())

    client = as_role(mine.project, "viewer")

    assert {row["id"] for row in client.get(MODELS).json()["results"]} == {str(mine.id), str(common.id)}
    assert client.get(f"{MODELS}{foreign.id}/").status_code == 404


def test_the_list_is_narrowed_by_project_type_and_activity(as_staff):
    wanted = MLModelFactory(project=ProjectFactory(), is_active=True)
    MLModelFactory(project=wanted.project)
    MLModelFactory(project=wanted.project, model_type="story_points", is_active=True)
    MLModelFactory(project=ProjectFactory(), is_active=True)

    query = f"?project_id={wanted.project_id}&model_type={EFFORT}&is_active=true"

    assert [row["id"] for row in as_staff.get(MODELS + query).json()["results"]] == [str(wanted.id)]
    assert as_staff.get(f"{MODELS}?model_type=nonsense").status_code == 400
    assert as_staff.get(f"{MODELS}?is_active=nonsense").status_code == 400


def test_the_list_takes_the_same_queries_however_many_models(as_staff, django_assert_max_num_queries):
    for _ in range(20):
        MLModelFactory(project=ProjectFactory())

    with django_assert_max_num_queries(3):
        assert as_staff.get(MODELS).json()["count"] == 20


def test_nobody_reads_keys_of_the_store_and_strangers_to_it_nothing_of_the_global_models_making(as_lead, now):
    model = MLModelFactory(project=None, trained_by=UserFactory(), dataset_key="ml_datasets/global/training_set_1.gz")
    MLModel.objects.filter(id=model.id).update(failure_reason="S3 upload failed in bucket 'models'")

    shown = as_lead.get(f"{MODELS}{model.id}/").json()

    assert (shown["trained_by"], shown["failure_reason"]) == (None, "")


@pytest.mark.parametrize(("is_of_all", "told"), [(True, "2026-02-28"), (False, "2026-02-28T23:57:29.734147+00:00")])
def test_of_a_global_model_nobody_reads_the_moment_at_which_one_project_finished(as_lead, team, is_of_all, told):
    made_of = {"trained_until": "2026-02-28T23:57:29.734147+00:00", "python": "3.11"}
    model = MLModelFactory(project=None if is_of_all else team, provenance=made_of)

    shown = as_lead.get(f"{MODELS}{model.id}/").json()

    assert shown["provenance"] == {**made_of, "trained_until": told}


@pytest.mark.parametrize(("is_of_one", "reason"), [(False, "S3 upload failed"), (True, "")])
def test_a_key_of_one_project_knows_of_the_global_model_what_its_team_knows(team, is_of_one, reason):
    administrator = TeamMemberFactory(project=team, user=UserFactory(is_superuser=True)).user
    of_project = team if is_of_one else None
    key = create_key(administrator, name="CI", scopes=["read"], project=of_project, days=1, now=NOW)[1]
    model = MLModelFactory(project=None, trained_by=UserFactory(), failure_reason="S3 upload failed")
    client = APIClient(headers={"Authorization": f"Bearer {key}"})

    with time_machine.travel(NOW):
        shown = client.get(f"{MODELS}{model.id}/").json()

    assert (bool(shown["trained_by"]), shown["failure_reason"]) == (not is_of_one, reason)
    assert not {"s3_key", "serving_key", "dataset_key", "signature"} & set(shown)


def test_the_job_of_another_project_is_not_there(as_stranger):
    job = TrainingRunFactory()

    assert as_stranger.get(f"/api/v1/ml/jobs/{job.id}/").status_code == 404


def test_why_a_global_training_failed_is_told_to_administrators_only(as_role, api_client, team, now):
    job = TrainingRunFactory(
        project=None, state="failed", failure_reason="S3 upload failed in bucket 'm'", finished_at=now
    )
    address = f"/api/v1/ml/jobs/{job.id}/"

    assert as_role(team, "lead").get(address).json()["failure_reason"] == ""
    assert "bucket" in client_of(api_client, UserFactory(is_superuser=True)).get(address).json()["failure_reason"]


def two_models(team, now):
    old = ModelTrainer().train_effort_prediction_model(team.id, now=now)
    new = ModelTrainer().train_effort_prediction_model(team.id, now=now + timedelta(days=1))
    return old, new


def test_a_lead_activates_another_model_and_rolls_back(as_lead, team, now):
    old, new = two_models(team, now)

    activated = as_lead.post(f"{MODELS}{new.id}/activate/")
    assert (activated.status_code, activated.json()["is_active"]) == (200, True)

    rolled_back = as_lead.post(ROLL_BACK, asked(team))
    assert (rolled_back.status_code, rolled_back.json()["id"]) == (200, str(old.id))
    assert MLModel.objects.get(is_active=True) == old


def test_members_activate_nothing_and_strangers_find_nothing(as_role, api_client, team):
    model = MLModelFactory(project=team)

    assert as_role(team, "member").post(f"{MODELS}{model.id}/activate/").status_code == 403
    assert client_of(api_client, UserFactory()).post(f"{MODELS}{model.id}/activate/").status_code == 404


def test_a_model_whose_artefact_is_gone_is_not_activated(as_lead, team, now):
    old, new = two_models(team, now)
    get_object_store().delete(new.serving_key)

    answer = as_lead.post(f"{MODELS}{new.id}/activate/")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_activatable")
    assert MLModel.objects.get(is_active=True) == old


def test_a_store_that_is_down_delays_an_activation_but_not_a_rollback(as_lead, team, now, monkeypatch):
    old, new = two_models(team, now)
    activate(new, now=now)

    def refuse(self, key):
        raise StorageError("S3 download failed in bucket 'models'.")

    monkeypatch.setattr(ObjectStore, "get", refuse)

    assert as_lead.post(f"{MODELS}{old.id}/activate/").status_code == 503
    assert as_lead.post(ROLL_BACK, asked(team)).status_code == 200


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to(as_lead, team):
    answer = as_lead.post(ROLL_BACK, asked(team))

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_roll_back_to")
