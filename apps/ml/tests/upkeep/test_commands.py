"""What an operator types."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.ml.models import MLModel
from apps.ml.services import ModelTrainer
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import ObjectStore
from apps.ml.tests.factories import MLModelFactory, PredictionHistoryFactory, TrainingRunFactory
from apps.ml.tests.teams import learnable_team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def strong_keys(monkeypatch):
    """The key of the tests can be guessed, which the checklist says as an error."""
    monkeypatch.setattr("apps.common.operations.checks._is_weak", lambda key: False)


def run(*args: str, **options) -> str:
    out = StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def test_training_prints_the_metrics_beside_the_naive_baselines(team, capsys):
    printed = run("train_ml_model", "effort_prediction", "--project", team.key.lower())

    assert "120 completed issues" in printed
    assert "naive baseline" in printed
    assert "mean absolute log ratio" in printed
    assert "It beats the naive baseline" in printed
    assert "Active: It is the first of its kind." in printed
    assert "[1/9] Collecting completed issues" in capsys.readouterr().err


def test_training_story_points_prints_their_own_figures(team):
    printed = run("train_ml_model", "story_points", "--project", team.key)

    assert "ranked probability score" in printed
    assert "each by a model that knew only older ones" in printed


def test_training_as_json_is_one_document_for_a_script(team):
    figures = json.loads(run("train_ml_model", "effort_prediction", "--project", team.key, "--json"))

    assert figures["is_active"]
    assert figures["metrics"]["malr"] < figures["metrics"]["baseline_malr"]


def test_a_model_of_all_projects_is_trained_with_global(team):
    run("train_ml_model", "effort_prediction", "--global")

    assert MLModel.objects.get().project is None


def test_too_few_issues_are_counted_and_nothing_is_stored(now):
    team = learnable_team(12, until=now)

    with pytest.raises(CommandError, match=r"50 completed issues with hours are needed .* 12 are there"):
        run("train_ml_model", "effort_prediction", "--project", team.key)

    assert not MLModel.objects.exists()


def test_a_model_that_a_worker_trains_now_is_not_trained_beside_it(team):
    TrainingRunFactory(project=team, state="running", attempts=1, heartbeat_at=timezone.now())

    with pytest.raises(CommandError, match="A training of this type and scope is queued or running: job "):
        run("train_ml_model", "effort_prediction", "--project", team.key)

    assert not MLModel.objects.exists()


def test_an_unknown_project_is_answered_with_those_that_exist(team):
    with pytest.raises(CommandError, match=f"There is no project 'NONE'. Projects: {team.key}"):
        run("train_ml_model", "effort_prediction", "--project", "NONE")


def test_models_are_listed_with_the_active_one_marked(trained, team):
    MLModelFactory(project=team, version="1.7.0")

    lines = run("list_ml_models").splitlines()

    assert lines[0].split("  ")[0] == "type"
    assert lines[1].startswith("* effort_prediction")
    assert "issues" in lines[1]
    assert "hours, without estimates" in lines[1]
    assert lines[2].startswith("  effort_prediction")
    assert "1.7.0" in lines[2]


def test_without_models_the_list_says_how_to_get_one():
    assert "train_ml_model" in run("list_ml_models")


def test_a_model_is_activated_by_its_id_and_rolled_back_by_type(trained, team, now):
    other = ModelTrainer().train_effort_prediction_model(team.id, now=now + timedelta(days=1))

    assert "is active" in run("activate_ml_model", str(other.id))
    assert MLModel.objects.get(is_active=True) == other

    run("activate_ml_model", "--rollback", "effort_prediction", "--project", team.key)
    assert MLModel.objects.get(is_active=True) == trained


def test_a_model_whose_artefact_is_gone_is_not_activated(trained, team):
    lost = MLModelFactory(project=team, version="1.7.0")

    with pytest.raises(CommandError, match=r"Model 1\.7\.0 cannot serve: There is no such object in the model store"):
        run("activate_ml_model", str(lost.id))

    assert MLModel.objects.get(is_active=True) == trained


@pytest.mark.parametrize("arguments", [["no-such-id"], ["--rollback", "effort_prediction"], []])
def test_what_cannot_be_activated_is_refused_in_a_sentence(arguments):
    with pytest.raises(CommandError):
        run("activate_ml_model", *arguments)


def test_diagnosis_of_a_healthy_installation_has_no_error(trained):
    findings = json.loads(run("diagnose_ml_models", "--json"))

    assert {finding["level"] for finding in findings} <= {"ok", "warning"}
    assert any("Loads; MAE without estimate" in finding["message"] for finding in findings)


def test_diagnosis_finds_a_damaged_artefact_and_exits_with_one(trained):
    get_object_store().delete(trained.serving_key)

    with pytest.raises(SystemExit) as ended:
        run("diagnose_ml_models")

    assert ended.value.code == 1


def test_diagnosis_opens_the_estimators_as_a_training_would(trained):
    MLModel.objects.update(provenance=trained.provenance | {"libraries": {"scikit-learn": "0.24.2"}})

    findings = json.loads(run("diagnose_ml_models", "--json"))

    assert [each["level"] for each in findings if "made with scikit-learn 0.24.2" in each["message"]] == ["warning"]


def test_the_checklist_has_each_line_of_the_contract(trained):
    findings = {each["check"]: each for each in json.loads(run("diagnose_ml_models", "--json"))}

    assert findings.keys() >= {
        "migrations", "settings", "model store", "workers", "monitoring", "cache", str(trained),
    }  # fmt: skip
    assert "written, read, deleted" in findings["model store"]["message"]
    assert findings["cache"]["message"].startswith("1 model is loaded")
    assert findings["workers"]["level"] == "warning"


def test_the_checklist_leaves_nothing_in_the_store(trained):
    before = get_object_store().list("ml_models")

    run("diagnose_ml_models")

    assert get_object_store().list("ml_models") == before


def test_the_checklist_finds_a_store_that_only_reads(trained, monkeypatch):
    def refused(self: object, key: str, data: bytes) -> None:
        raise StorageError("S3 upload failed: access denied.")

    monkeypatch.setattr(ObjectStore, "put", refused)

    with pytest.raises(SystemExit):
        run("diagnose_ml_models")


def test_diagnosis_of_a_new_installation_says_how_to_train():
    assert "train_ml_model effort_prediction --project KEY" in run("diagnose_ml_models")


def test_diagnosis_counts_the_answers_without_a_model_of_hours_and_of_points(team):
    for kind, method in (("effort_prediction", "similarity"), ("story_points", "prior"), ("story_points", "model")):
        PredictionHistoryFactory(project=team, prediction_type=kind, method=method)

    findings = {each["check"]: each["message"] for each in json.loads(run("diagnose_ml_models", "--json"))}

    none_yet = " 1 of them for projects that have none yet."
    assert findings["effort answers"] == "1 of the last 1 were given without a trained model." + none_yet
    assert findings["points answers"] == "1 of the last 2 were given without a trained model." + none_yet


def test_diagnosis_warns_of_fallbacks_only_where_there_is_a_model(trained, team, now):
    other = learnable_team(1, until=now)
    PredictionHistoryFactory.create_batch(3, project=other, prediction_type="effort_prediction", method="similarity")
    PredictionHistoryFactory(project=team, prediction_type="effort_prediction", method="ml_model")

    def level():
        found = json.loads(run("diagnose_ml_models", "--json"))
        return next(each["level"] for each in found if each["check"] == "effort answers")

    assert level() == "ok"
    PredictionHistoryFactory.create_batch(2, project=team, prediction_type="effort_prediction", method="similarity")
    assert level() == "warning"


def test_all_commands_count_the_same_objects(trained):
    assert "deleted; 3 objects." in run("diagnose_ml_models")
    assert "1 model, 3 objects: " in run("verify_ml_models")


def test_diagnosis_of_one_project_leaves_out_what_answers_others(trained, team, now):
    other = learnable_team(1, until=now)
    PredictionHistoryFactory(project=team, prediction_type="effort_prediction", method="similarity")

    printed = run("diagnose_ml_models", "--project", other.key.lower())

    assert "Loads;" not in printed
    assert "effort answers: Nobody has asked for one yet." in printed
    assert "Loads;" in run("diagnose_ml_models", "--project", team.key)


def test_what_the_log_tells_of_ordinary_work_does_not_stand_between_the_lines(team, caplog):
    run("train_ml_model", "effort_prediction", "--project", team.key)
    assert [each for each in caplog.records if each.levelname == "INFO"] == []

    run("train_ml_model", "story_points", "--project", team.key, verbosity=2)
    assert any(each.levelname == "INFO" for each in caplog.records)
