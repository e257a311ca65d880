"""The administration: what is history stays as it was, decisions ask for permission and leave who and when."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.tests.factories import PASSWORD, UserFactory
from apps.ml.admin import table_of
from apps.ml.models import AnomalyDetection, MLModel, TrainingRun
from apps.ml.services import ModelTrainer
from apps.ml.services.models.registry import activate
from apps.ml.services.upkeep.installation import note_started_workers
from apps.ml.storage import get_object_store
from apps.ml.tests.factories import AnomalyDetectionFactory, MLModelFactory, PredictionHistoryFactory
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

MODELS, ANOMALIES = reverse("admin:ml_mlmodel_changelist"), reverse("admin:ml_anomalydetection_changelist")
NAMES = ["mlmodel", "trainingrun", "predictionhistory", "anomalydetection"]


def staff_with(client, *permissions):
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.fixture
def registrar(client):
    """May decide about models."""
    return staff_with(client, "view_mlmodel", "change_mlmodel")


@pytest.fixture
def reviewer(client):
    """May decide about anomalies."""
    return staff_with(client, "view_anomalydetection", "change_anomalydetection")


@pytest.fixture
def superuser(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    assert client.login(username=user.email, password=PASSWORD)
    return user


@pytest.fixture(autouse=True)
def _workers_are_there(db):
    note_started_workers()


def do(client, address, action, *rows):
    """Send an action's form and return the messages shown after it."""
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    response = client.post(address, form, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


def row_of(name):
    if name == "mlmodel":
        return MLModelFactory(project=ProjectFactory(), metrics={"mae": 2.0, "baseline_mae": 3.0})
    if name == "trainingrun":
        return TrainingRun.objects.create(model_type="effort_prediction", project=ProjectFactory())
    return (PredictionHistoryFactory if name == "predictionhistory" else AnomalyDetectionFactory)()


@pytest.mark.parametrize("name", NAMES)
def test_every_list_with_its_search_and_every_row_opens(client, superuser, name):
    row = row_of(name)

    assert client.get(reverse(f"admin:ml_{name}_changelist"), {"q": "a"}).status_code == 200
    assert client.get(reverse(f"admin:ml_{name}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_nobody_adds_changes_or_deletes_a_row_not_even_a_superuser(client, superuser, name):
    row = row_of(name)
    pages = {each: reverse(f"admin:ml_{name}_{each}", args=[row.pk]) for each in ("change", "delete")}

    assert client.get(reverse(f"admin:ml_{name}_add")).status_code == 403
    assert client.post(pages["change"], {"method": "invented", "notes": "x"}).status_code == 403
    assert client.post(pages["delete"], {"post": "yes"}).status_code == 403
    assert type(row).objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("name", NAMES)
def test_lists_cost_the_same_for_one_row_and_for_many(client, superuser, name):
    row_of(name)
    address = reverse(f"admin:ml_{name}_changelist")
    client.get(address)

    with CaptureQueriesContext(connection) as one:
        client.get(address)
    for _ in range(5):
        row_of(name)
    with CaptureQueriesContext(connection) as many:
        client.get(address)

    assert len(many) == len(one)


@pytest.mark.parametrize(
    ("name", "query", "shown"),
    [
        ("mlmodel", {"scope": "global"}, 0),
        ("mlmodel", {"scope": "project", "status__exact": "trained"}, 1),
        ("predictionhistory", {"outcome": "known", "method": "ml_model"}, 0),
        ("predictionhistory", {"outcome": "open", "method": "ml_model"}, 1),
        ("anomalydetection", {"status__exact": "resolved", "severity__exact": "high"}, 0),
    ],
)
def test_filters_narrow_the_list(client, superuser, name, query, shown):
    row_of(name)

    response = client.get(reverse(f"admin:ml_{name}_changelist"), query)

    assert response.status_code == 200
    assert response.context["cl"].result_count == shown


def test_metrics_stand_beside_the_naive_baselines(client, superuser):
    page = client.get(reverse("admin:ml_mlmodel_change", args=[row_of("mlmodel").pk])).content.decode()

    assert "<tr><th>mae</th><td>2</td><td>3</td><td></td></tr>" in page


def test_what_a_metric_is_called_cannot_inject_markup():
    assert "<script>" not in table_of({"<script>": "<script>"})


def test_a_model_is_activated_by_whom_and_when(client, registrar, team, now):
    old, new = (ModelTrainer().train_effort_prediction_model(team.id, now=now) for _ in range(2))
    activate(old, now=now)
    before = timezone.now()

    shown = do(client, MODELS, "let_serve", new)

    new.refresh_from_db()
    assert new.is_active
    assert before <= new.activated_at <= timezone.now()
    assert "serves now" in shown[0]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (registrar, str(new.pk), "Activated.")


def test_a_model_whose_artefact_is_gone_is_not_activated(client, registrar, trained, team):
    broken = MLModelFactory(project=team, version="1.9.0")

    shown = do(client, MODELS, "let_serve", broken)

    assert "cannot serve" in shown[0]
    assert MLModel.objects.get(is_active=True) == trained
    assert not LogEntry.objects.exists()


def test_only_one_model_is_activated_at_a_time(client, registrar, trained):
    other = MLModelFactory(project=trained.project, version="1.9.0")

    assert do(client, MODELS, "let_serve", trained, other) == ["Select exactly one model."]


def test_a_model_is_rolled_back_from_by_whom_and_when(client, registrar):
    project = ProjectFactory()
    previous = MLModelFactory(project=project, status="deprecated", activated_at="2026-01-05T02:00Z")
    serving = MLModelFactory(project=project, is_active=True)

    shown = do(client, MODELS, "let_previous_serve", serving)

    assert previous.version in shown[0]
    assert MLModel.objects.get(is_active=True) == previous
    assert LogEntry.objects.get(user=registrar).object_id == str(previous.pk)


def test_rolling_back_says_what_to_select_and_when_there_is_nothing_before(client, registrar):
    serving, idle = MLModelFactory(is_active=True), MLModelFactory(project=ProjectFactory())

    assert "Select the model that serves" in do(client, MODELS, "let_previous_serve", idle)[0]
    assert "no earlier model" in do(client, MODELS, "let_previous_serve", serving)[0]


@pytest.mark.parametrize("action", ["let_serve", "let_previous_serve"])
def test_who_may_only_look_decides_nothing_about_models(client, action):
    staff_with(client, "view_mlmodel")
    MLModelFactory(status="deprecated", activated_at="2026-01-05T02:00Z")
    serving = MLModelFactory(is_active=True)

    do(client, MODELS, action, serving)

    assert MLModel.objects.get(is_active=True) == serving
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(("action", "status"), [("resolve", "resolved"), ("dismiss", "false_positive")])
def test_anomalies_are_closed_by_whom_and_when(client, reviewer, action, status):
    found = AnomalyDetectionFactory.create_batch(2)

    shown = do(client, ANOMALIES, action, *found)

    rows = AnomalyDetection.objects.all()
    assert {(row.status, row.resolved_by) for row in rows} == {(status, reviewer)}
    assert all(row.resolved_at > row.detected_at for row in rows)
    assert LogEntry.objects.filter(user=reviewer).count() == 2
    assert shown == [f"{'Resolved' if action == 'resolve' else 'Marked as false positive'}: 2."]


def test_an_anomaly_closed_before_keeps_who_closed_it(client, reviewer, now):
    first = UserFactory()
    closed = AnomalyDetectionFactory(status="resolved", resolved_by=first, resolved_at=now)

    shown = do(client, ANOMALIES, "dismiss", closed)

    closed.refresh_from_db()
    assert (closed.status, closed.resolved_by, closed.resolved_at) == ("resolved", first, now)
    assert "already closed" in shown[0]


@pytest.mark.parametrize("action", ["resolve", "dismiss"])
def test_who_may_only_look_closes_no_anomaly(client, action):
    staff_with(client, "view_anomalydetection")
    found = AnomalyDetectionFactory()

    do(client, ANOMALIES, action, found)

    found.refresh_from_db()
    assert (found.status, found.resolved_by, found.resolved_at) == ("detected", None, None)
    assert not LogEntry.objects.exists()


def test_a_damaged_store_leaves_the_serving_model_in_place(client, registrar, trained):
    get_object_store().delete(trained.serving_key)

    assert "cannot serve" in do(client, MODELS, "let_serve", trained)[0]
