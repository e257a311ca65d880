"""From a request's (type, project) to a model in memory."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from apps.common.operations.metrics import FALLBACKS
from apps.ml.core.records import IssueFacts
from apps.ml.models import MLModel
from apps.ml.services import ModelLoader, ModelTrainer, S3ModelStorageService
from apps.ml.services.model_loader import (
    ACTIVATION_CHECK_SECONDS,
    CACHE_TTL,
    RETRY_SECONDS,
    ModelUnavailable,
    cache_key,
)
from apps.ml.services.models import kinds
from apps.ml.services.models.registry import activate
from apps.ml.services.models.warming import warm_cache
from apps.ml.storage.errors import StorageError
from apps.ml.tests.factories import MLModelFactory
from apps.ml.tests.teams import finished_issues, learnable_team
from apps.projects.tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db
EFFORT = "effort_prediction"


class Clock:
    """A clock that tests wind."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def loader(clock):
    return ModelLoader(clock=clock)


@pytest.fixture
def downloads(monkeypatch):
    """Keys downloaded, in order."""
    keys = []
    original = S3ModelStorageService.download_model

    def counting(self, key):
        keys.append(key)
        return original(self, key)

    monkeypatch.setattr(S3ModelStorageService, "download_model", counting)
    return keys


def test_cache_keys_are_type_and_project_or_global():
    assert cache_key(EFFORT, "7f0c") == "effort_prediction_7f0c"
    assert cache_key(EFFORT, None) == "effort_prediction_global"


def test_a_loaded_model_answers_and_stays_in_memory(trained, team, loader, clock, downloads):
    first = loader.load_active_model(EFFORT, team.id)
    second = ModelLoader(clock=clock).load_active_model(EFFORT, team.id)

    assert first is second
    assert downloads == [trained.serving_key]
    assert first.predictor.estimate(IssueFacts(title="Change the label of part 3")).predicted_hours > 0
    stats = loader.get_cache_stats()
    assert stats["total_cached"] == 1
    assert stats["cached_keys"] == [f"effort_prediction_{team.id}"]


def test_only_the_serving_artefact_is_ever_downloaded(trained, team, loader, downloads):
    loader.load_active_model(EFFORT, team.id)

    assert all(key.endswith("serving.npz") for key in downloads)


def test_without_any_active_model_there_is_none(loader):
    MLModelFactory(is_active=False)

    assert loader.load_active_model(EFFORT, ProjectFactory().id) is None


def test_a_project_is_served_by_its_own_model_else_by_the_global_one_never_by_anothers(trained, team, loader, now):
    stranger = ProjectFactory()
    assert loader.load_active_model(EFFORT, stranger.id) is None

    everyone = ModelTrainer().train_effort_prediction_model(None, now=now)
    loader.clear_cache()

    assert loader.load_active_model(EFFORT, stranger.id).id == everyone.id
    assert loader.load_active_model(EFFORT, team.id).id == trained.id


def test_an_entry_expires_after_the_ttl_and_is_downloaded_again(trained, team, loader, clock, downloads):
    loader.load_active_model(EFFORT, team.id)

    clock.seconds += CACHE_TTL - 1
    loader.load_active_model(EFFORT, team.id)
    assert len(downloads) == 1

    clock.seconds += 1
    assert loader.get_cache_stats()["total_cached"] == 0
    loader.load_active_model(EFFORT, team.id)
    assert len(downloads) == 2


def test_a_hundred_threads_asking_for_a_cold_model_cause_one_download(trained, team, loader, monkeypatch):
    loader._resolve(EFFORT, team.id)  # the database is asked here, in the thread that has it
    started, downloads = threading.Barrier(100), []
    original = S3ModelStorageService.download_model

    def slow(self, key):
        downloads.append(key)
        threading.Event().wait(0.05)
        return original(self, key)

    monkeypatch.setattr(S3ModelStorageService, "download_model", slow)

    def ask(_):
        started.wait()
        return loader.load_active_model(EFFORT, team.id)

    with ThreadPoolExecutor(100) as threads:
        models = set(map(id, threads.map(ask, range(100))))

    assert len(downloads) == 1
    assert len(models) == 1


def test_a_newly_activated_model_is_served_within_five_seconds_ttl_or_not(trained, team, loader, clock, now):
    assert ACTIVATION_CHECK_SECONDS < 5
    loader.load_active_model(EFFORT, team.id)
    finished_issues(team, 40, until=now + timedelta(days=30), seed=1)
    newer = ModelTrainer().train(EFFORT, team.id, now=now + timedelta(days=30)).model
    activate(newer, now=now + timedelta(days=30))  # as another process would: this one's cache is not told

    clock.seconds += ACTIVATION_CHECK_SECONDS

    assert loader.load_active_model(EFFORT, team.id).id == newer.id


def test_while_the_store_is_down_a_cold_model_is_unavailable_and_the_store_is_left_alone_for_a_while(
    trained, team, loader, clock, monkeypatch
):
    calls = []

    def down(self, key):
        calls.append(key)
        raise StorageError("S3 download failed in bucket 'models'")

    monkeypatch.setattr(S3ModelStorageService, "download_model", down)
    counter = FALLBACKS.labels(type=EFFORT, reason="storage_error")
    before = counter._value.get()

    assert loader.load_active_model(EFFORT, team.id) is None
    with pytest.raises(ModelUnavailable):
        loader.load_or_raise(EFFORT, team.id)
    assert len(calls) == 1
    assert counter._value.get() == before + 1

    clock.seconds += RETRY_SECONDS
    loader.load_active_model(EFFORT, team.id)
    assert len(calls) == 2


def test_a_failed_download_is_an_error_in_the_log(trained, team, loader, monkeypatch, caplog):
    def down(self, key):
        raise StorageError("S3 download failed in bucket 'models'")

    monkeypatch.setattr(S3ModelStorageService, "download_model", down)
    loader.load_active_model(EFFORT, team.id)

    [told] = [each for each in caplog.records if each.levelname == "ERROR"]
    assert told.getMessage().startswith("Failed to download model from S3 type=effort_prediction")


def test_a_model_in_memory_goes_on_answering_while_the_store_is_down(trained, team, loader, monkeypatch):
    loader.load_active_model(EFFORT, team.id)

    def down(self, key):
        raise StorageError("S3 download failed")

    monkeypatch.setattr(S3ModelStorageService, "download_model", down)

    assert loader.load_active_model(EFFORT, team.id) is not None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:], "digest_mismatch"),
        (lambda data: data[:-100], "digest_mismatch"),
        (lambda data: b"\x80\x05cposix\nsystem\n.", "digest_mismatch"),
    ],
    ids=["a flipped bit", "a truncated object", "a foreign pickle"],
)
def test_a_damaged_artefact_is_refused_before_it_is_read(  # noqa: PLR0917 - fixtures
    trained, team, loader, monkeypatch, damage, reason
):
    original = S3ModelStorageService.download_model
    monkeypatch.setattr(S3ModelStorageService, "download_model", lambda self, key: damage(original(self, key)))
    monkeypatch.setattr(kinds, "KINDS", {})  # whoever came this far would fail
    counter = FALLBACKS.labels(type=EFFORT, reason=reason)
    before = counter._value.get()

    assert loader.load_active_model(EFFORT, team.id) is None
    assert counter._value.get() == before + 1


def test_an_artefact_whose_row_was_forged_is_refused_by_its_signature(trained, team, loader):
    MLModel.objects.filter(id=trained.id).update(serving_signature="hs256:00000000:" + "0" * 64)

    assert loader.load_active_model(EFFORT, team.id) is None


def test_an_artefact_signed_with_a_key_that_was_rotated_out_of_first_place_still_loads(trained, team, loader, settings):
    settings.ML_SIGNING_KEYS = ["new-key", *settings.ML_SIGNING_KEYS]

    assert loader.load_active_model(EFFORT, team.id) is not None


def test_memory_is_bounded_and_the_least_recently_used_model_leaves(settings, loader, now):
    teams = [learnable_team(60, until=now, seed=seed) for seed in range(3)]
    for each in teams:
        ModelTrainer().train_effort_prediction_model(each.id, now=now)
    sizes = [loader.load_active_model(EFFORT, each.id).nbytes for each in teams]
    loader.clear_cache()

    settings.ML_MODEL_CACHE_BYTES = sizes[1] + sizes[2] + sizes[0] // 2
    for each in (teams[0], teams[1], teams[2]):
        loader.load_active_model(EFFORT, each.id)

    stats = loader.get_cache_stats()
    assert stats["total_bytes"] <= settings.ML_MODEL_CACHE_BYTES
    assert stats["cached_keys"] == [cache_key(EFFORT, teams[1].id), cache_key(EFFORT, teams[2].id)]


def test_preloading_says_of_each_model_whether_it_is_ready(team, loader, now):
    ModelTrainer().train_effort_prediction_model(None, now=now)

    assert loader.preload_models([EFFORT, "story_points"]) == {EFFORT: True, "story_points": False}
    assert loader.get_cache_stats()["total_cached"] == 1


def test_at_start_up_what_serves_is_loaded(trained, team, loader):
    warm_cache()

    assert loader.get_cache_stats()["cached_keys"] == [cache_key(EFFORT, team.id)]


def test_clearing_the_cache_forgets_models_and_counts(trained, team, loader):
    loader.load_active_model(EFFORT, team.id)

    loader.clear_cache()

    stats = loader.get_cache_stats()
    assert (stats["total_cached"], stats["hits"], stats["misses"]) == (0, 0, 0)


def test_a_warm_model_costs_no_query(trained, team, loader, django_assert_num_queries):
    loader.load_active_model(EFFORT, team.id)

    with django_assert_num_queries(0):
        loader.load_active_model(EFFORT, team.id)
