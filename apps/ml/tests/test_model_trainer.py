"""The nine steps: from finished issues to an active, stored, recorded model."""

import gzip
import io
import json
import math
import tomllib
from dataclasses import replace
from datetime import datetime, timedelta

import joblib
import pytest
from django.conf import settings

from apps.accounts.tests.factories import UserFactory
from apps.common.exceptions import NotEnoughData
from apps.ml.core.effort import EffortModel
from apps.ml.core.records import CompletedIssue, IssueFacts
from apps.ml.models import MLModel, TrainingRun
from apps.ml.selectors.issues import completed_with_hours
from apps.ml.selectors.projects import people_of_projects
from apps.ml.services import ModelLoader, ModelTrainer, S3ModelStorageService
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import StorageError
from apps.ml.storage.objects import ObjectStore
from apps.ml.storage.signing import Identity, digest, verify
from apps.ml.tests.core.effort.unfolded import predict_unfolded
from apps.ml.tests.teams import finished_issues, learnable_team
from apps.projects.models import Issue, Project
from apps.projects.services import remove_member
from apps.projects.tests.factories import TeamMemberFactory

pytestmark = pytest.mark.django_db
EFFORT = "effort_prediction"
ROOT = settings.BASE_DIR


def test_training_reports_nine_steps_in_order(team, now):
    steps = []

    ModelTrainer().train(EFFORT, team.id, now=now, progress=lambda step, text: steps.append(step))

    assert steps == sorted(steps)
    assert set(steps) == set(range(1, TrainingRun.STEPS + 1))


def test_the_first_model_is_active_and_its_row_says_what_it_was_trained_on(trained, team):
    row = MLModel.objects.get(id=trained.id)

    assert (row.is_active, row.status, row.version) == (True, "active", "1.0.0")
    assert row.training_samples == 120
    assert row.mae > 0
    assert row.metrics["malr"] < row.metrics["baseline_malr"]
    assert row.metrics["beats_baseline"]
    assert row.provenance["rows"] == 120
    assert set(row.provenance["libraries"]) == {"scikit-learn", "numpy", "scipy", "joblib"}
    assert row.provenance["code"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_both_artefacts_lie_where_the_seed_says_with_digest_and_signature(trained):
    storage = S3ModelStorageService()

    assert trained.s3_key == "ml_models/effort_prediction/1.0.0/20260302_090000/model.joblib"
    assert trained.serving_key == "ml_models/effort_prediction/1.0.0/20260302_090000/serving.npz"
    of = Identity("effort_prediction", trained.project_id, "1.0.0")
    verify(storage.download_model(trained.s3_key), of=of, digest=trained.digest, signature=trained.signature)
    verify(
        storage.download_model(trained.serving_key),
        of=of,
        digest=trained.serving_digest,
        signature=trained.serving_signature,
    )
    assert [model.key for model in storage.list_models()] == [trained.s3_key]


def test_the_training_set_is_stored_and_gives_the_same_issues_back(trained, team):
    assert trained.dataset_key == f"ml_datasets/{team.id}/training_set_20260302.jsonl.gz"
    stored = get_object_store().get(trained.dataset_key)

    assert digest(stored) == trained.dataset_digest
    assert [issue_of(json.loads(line)) for line in gzip.decompress(stored).splitlines()] == completed_with_hours(
        team.id
    )


def issue_of(row):
    """An issue of a stored training set, to train on it again."""
    facts = IssueFacts(**row.pop("facts"))
    times = {name: datetime.fromisoformat(row[name]) for name in ("known_at", "completed_at")}
    return CompletedIssue(**row | times | {"facts": replace(facts, labels=tuple(facts.labels))})


def test_training_twice_on_the_same_issues_gives_the_same_serving_artefact(trained, team, now):
    again = ModelTrainer().train_effort_prediction_model(team.id, now=now)

    assert again.dataset_digest == trained.dataset_digest
    assert again.metrics | {"verdict": ""} == trained.metrics | {"verdict": ""}
    facts = IssueFacts(title="Change the export of part 2", issue_type="story", component="part-2")
    answers = [
        EffortModel.from_bytes(S3ModelStorageService().download_model(model.serving_key)).estimate(facts)
        for model in (trained, again)
    ]
    assert answers[0].predicted_hours == answers[1].predicted_hours


def test_the_scikit_learn_pipeline_and_the_serving_artefact_give_the_same_predictions(trained, team):
    storage = S3ModelStorageService()
    estimators = joblib.load(io.BytesIO(storage.download_model(trained.s3_key)))
    serving = storage.download_model(trained.serving_key)
    served = EffortModel.from_bytes(serving)
    issues = [issue.facts for issue in completed_with_hours(team.id)[:20]]

    unfolded = predict_unfolded(estimators, serving, issues)

    hours = [served.estimate(facts).predicted_hours for facts in issues]
    assert hours == pytest.approx([math.exp(centre) for centre, _ in unfolded], rel=1e-9)


def test_below_fifty_issues_with_hours_there_is_no_model(now):
    team = learnable_team(49, until=now)

    with pytest.raises(NotEnoughData) as refused:
        ModelTrainer().train_effort_prediction_model(team.id, now=now)

    assert (refused.value.have, refused.value.needed) == (49, 50)
    assert not MLModel.objects.exists()


def test_a_second_training_without_newer_issues_is_kept_but_does_not_replace_the_active_model(trained, team, now):
    training = ModelTrainer().train(EFFORT, team.id, now=now + timedelta(days=1))

    assert not training.verdict.activate
    assert training.verdict.reason.startswith("0 issues were finished since")
    assert MLModel.objects.get(is_active=True) == trained
    assert training.model.version == "1.1.0"


def test_with_newer_issues_the_one_with_the_smaller_error_on_them_serves(trained, team, now):
    later = now + timedelta(days=20)
    # The work has changed: everything takes four times as long as the first model learned.
    newer = finished_issues(team, 60, until=later, seed=5)
    for issue in newer:
        issue.actual_hours *= 4
    type(newer[0]).objects.bulk_update(newer, ["actual_hours"])

    training = ModelTrainer().train(EFFORT, team.id, now=later)

    assert training.verdict.activate
    assert "better on" in training.verdict.reason
    trained.refresh_from_db()
    assert trained.status == "deprecated"


def test_a_global_model_learns_from_all_projects_and_holds_no_issue_of_any(team, now):
    other = learnable_team(60, until=now, seed=3)

    model = ModelTrainer().train_effort_prediction_model(None, now=now)

    assert model.training_samples == 180
    assert model.dataset_key.startswith("ml_datasets/global/")
    serving = S3ModelStorageService().download_model(model.serving_key)
    for issue in [*team.issues.all()[:5], *other.issues.all()[:5]]:
        assert str(issue.id).encode() not in serving
    estimate = EffortModel.from_bytes(serving).estimate(IssueFacts(title="Change the label of part 1"))
    assert estimate.similar_issues == ()
    # Two projects are too few to learn a word from: to a stranger, one is as good as another.
    words = [IssueFacts(title=f"{word} it", component=word) for word in ("Migration", "Nonsense", "part-1")]
    assert len({EffortModel.from_bytes(serving).estimate(facts).predicted_hours for facts in words}) == 1
    training_set = gzip.decompress(get_object_store().get(model.dataset_key)).decode().lower()
    assert "export" not in training_set
    assert "migration" not in training_set


@pytest.mark.parametrize("guesses", [True, False])
@pytest.mark.parametrize("left", [0, 3], ids=["in all of them", "three were left to colleagues"])
def test_many_projects_of_ones_own_do_not_tell_what_another_works_on(team, now, guesses, left):
    TeamMemberFactory(project=team, role="lead")
    stranger = UserFactory()
    for seed in range(4 + left):
        own = learnable_team(60, until=now, seed=seed)
        Project.objects.filter(pk=own.pk).update(made_by=stranger)
        TeamMemberFactory(project=own, **({"user": stranger} if seed < 4 else {}), role="lead")
        TeamMemberFactory(project=own, user=UserFactory(is_placeholder=True, is_active=False), role="lead")
        if not guesses:
            own.issues.update(title="Something else")

    model = ModelTrainer().train_effort_prediction_model(None, now=now)

    training_set = gzip.decompress(get_object_store().get(model.dataset_key)).decode().lower()
    assert "migration" not in training_set


def test_who_was_in_four_other_teams_and_left_is_not_told_what_a_fifth_works_on(team, now):
    TeamMemberFactory(project=team, role="lead")
    guest = UserFactory()
    for seed in range(4):
        lead = TeamMemberFactory(project=learnable_team(60, until=now, seed=seed), role="lead")
        remove_member(TeamMemberFactory(project=lead.project, user=guest), by=guest, now=now)

    model = ModelTrainer().train_effort_prediction_model(None, now=now)

    assert "migration" not in gzip.decompress(get_object_store().get(model.dataset_key)).decode().lower()


def test_only_who_can_ask_counts(db):
    member = TeamMemberFactory()
    project, left = member.project, [UserFactory(), UserFactory(is_active=False)]
    for user in left:
        TeamMemberFactory(project=project, user=user).delete()

    people = people_of_projects()[str(project.pk)]

    assert (people.members, people.former) == ({str(member.user_id)}, {str(left[0].pk)})


def test_what_five_teams_of_their_own_use_is_learned(team, now):
    for project in [team, *(learnable_team(60, until=now, seed=seed) for seed in range(4))]:
        TeamMemberFactory(project=project, role="lead")

    model = ModelTrainer().train_effort_prediction_model(None, now=now)

    assert "migration" in gzip.decompress(get_object_store().get(model.dataset_key)).decode().lower()


def test_a_failed_upload_is_recorded_with_its_reason_and_changes_no_active_model(trained, team, now, monkeypatch):
    def refuse(self, key, data):
        raise StorageError(f"S3 upload failed in bucket 'models' for {key!r}: 403 Forbidden.")

    monkeypatch.setattr(ObjectStore, "put", refuse)

    with pytest.raises(RuntimeError, match="S3 upload failed in bucket 'models'"):
        ModelTrainer().train_effort_prediction_model(team.id, now=now + timedelta(days=1))

    failed = MLModel.objects.get(status="failed")
    assert "403 Forbidden" in failed.failure_reason
    assert MLModel.objects.get(is_active=True) == trained


def test_outliers_stay_in_the_test_part(team, now):
    newest = team.issues.order_by("-resolved_at").first()
    newest.actual_hours = 5000
    newest.save()

    model = ModelTrainer().train_effort_prediction_model(team.id, now=now)

    assert model.metrics["n_test"] == 24
    assert model.rmse > 5000 / 24**0.5 * 0.9


def test_hours_without_any_pattern_are_answered_by_the_baseline_and_say_so(now):
    teams = [learnable_team(100, until=now, learnable=False, spread=1.0, seed=seed) for seed in range(5)]
    # The teams' story points are made from their hours: a pattern.
    Issue.objects.update(story_points=None)

    models = [ModelTrainer().train_effort_prediction_model(team.id, now=now) for team in teams]

    # One team in twenty passes the verdict by luck; see `core.effort.metrics`.
    abstaining = [model.project_id for model in models if not model.metrics["beats_baseline"]]
    assert len(abstaining) >= 4
    loaded = ModelLoader().load_active_model(EFFORT, abstaining[0])
    assert loaded.predictor.estimate(IssueFacts(title="Anything at all")).method == "baseline"


def test_story_points_are_trained_stored_and_activated_alike(team, now):
    model = ModelTrainer().train_story_points_model(team.id, now=now)

    assert (model.model_type, model.is_active, model.training_samples) == ("story_points", True, 120)
    assert model.s3_key.startswith("ml_models/story_points/1.0.0/")
    assert json.dumps(model.metrics)
