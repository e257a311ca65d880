"""`S3ModelStorageService` on a directory and on a real S3 server."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest

from apps.ml.storage import KeyRefused, ObjectMissing, StorageError, get_object_store
from apps.ml.storage.s3 import S3ModelStorageService
from apps.ml.storage.signing import Identity, verify

NOON = datetime(2024, 1, 1, 12, 0, 0, tzinfo=UTC)
DIRECTORY = "ml_models/effort_prediction/1.0.0/20240101_120000"
PROJECT = UUID("6f2d2b0e-0000-4000-8000-000000000001")


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.engine)])
def service(request) -> S3ModelStorageService:
    request.getfixturevalue("s3_mock" if request.param == "s3" else "model_store_dir")
    return S3ModelStorageService()


def upload(service, *, model_type="effort_prediction", version="1.0.0", now=NOON, model=b"pipeline", serving=b"arrays"):
    return service.upload_model(model_type=model_type, version=version, model=model, serving=serving, now=now)


class TestS3ModelStorageService:
    def test_upload_model(self, service):
        stored = upload(service)

        assert stored.model.key == f"{DIRECTORY}/model.joblib"
        assert stored.serving.key == f"{DIRECTORY}/serving.npz"
        assert service.download_model(stored.model.key) == b"pipeline"
        assert service.download_model(stored.serving.key) == b"arrays"

    def test_what_was_stored_can_be_verified_with_what_was_returned(self, service):
        stored = upload(service).serving

        of = Identity("effort_prediction", None, "1.0.0")
        verify(service.download_model(stored.key), of=of, digest=stored.digest, signature=stored.signature)

        assert stored.size_bytes == len(b"arrays")

    def test_trainings_of_the_same_second_do_not_meet(self, service):
        with ThreadPoolExecutor(8) as pool:
            stored = list(pool.map(lambda n: upload(service, model=b"%d" % n, serving=b"%d" % n), range(8)))

        assert len({each.model.key for each in stored}) == 8
        for number, each in enumerate(stored):
            assert service.download_model(each.model.key) == service.download_model(each.serving.key) == b"%d" % number
            assert each.model.key.rpartition("/")[0] == each.serving.key.rpartition("/")[0]

    def test_list_models(self, service):
        upload(service, version="2.0.0")
        upload(service, model=b"12345")
        upload(service, model_type="story_points")

        found = service.list_models("effort_prediction")

        assert [(each.model_type, each.version) for each in found] == [
            ("effort_prediction", "1.0.0"),
            ("effort_prediction", "2.0.0"),
        ]
        assert (found[0].trained_at, found[0].size_bytes) == (NOON, 5)
        assert len(service.list_models()) == 3

    def test_an_empty_store_lists_nothing(self, service):
        assert service.list_models() == []

    def test_foreign_objects_are_left_out_of_the_list_and_logged(self, service, caplog):
        upload(service)
        get_object_store().put("ml_models/notes.txt", b"by hand")

        with caplog.at_level(logging.WARNING):
            assert len(service.list_models()) == 1

        assert "ml_models/notes.txt" in caplog.text

    def test_delete_model_removes_both_artefacts(self, service):
        stored = upload(service)
        kept = upload(service, version="2.0.0")

        service.delete_model(stored.model.key)

        assert not service.model_exists(stored.model.key)
        assert not service.model_exists(stored.serving.key)
        assert [each.key for each in service.list_models()] == [kept.model.key]

    def test_get_model_metadata(self, service):
        stored = upload(service)

        found = service.get_model_metadata(stored.model.key)

        assert (found.key, found.version, found.trained_at, found.size_bytes) == (stored.model.key, "1.0.0", NOON, 8)

    def test_a_model_that_is_not_there(self, service):
        key = f"{DIRECTORY}/model.joblib"

        assert not service.model_exists(key)
        for call in (service.download_model, service.get_model_metadata):
            with pytest.raises(ObjectMissing):
                call(key)

    def test_only_keys_of_models_are_served(self, service):
        dataset = service.upload_dataset(PROJECT, b"issue texts", extension="npz", now=NOON)

        for call in (service.download_model, service.delete_model, service.model_exists, service.get_model_metadata):
            with pytest.raises(KeyRefused):
                call(dataset.key)

    def test_upload_dataset(self, service):
        first = service.upload_dataset(PROJECT, b"one", extension="npz", now=NOON)
        second = service.upload_dataset(PROJECT, b"two", extension="npz", now=NOON)
        everybody = service.upload_dataset(None, b"all", extension="npz", now=NOON)

        assert first.key == f"ml_datasets/{PROJECT}/training_set_20240101.npz"
        assert second.key == f"ml_datasets/{PROJECT}/training_set_20240101-2.npz"
        assert everybody.key == "ml_datasets/global/training_set_20240101.npz"
        assert get_object_store().get(first.key) == b"one"

    def test_two_services_share_one_client(self, service):
        assert S3ModelStorageService()._objects is service._objects

    def test_an_upload_is_logged_without_its_content(self, service, caplog):
        with caplog.at_level(logging.INFO):
            upload(service, model=b"issue texts")

        assert f"{DIRECTORY}/model.joblib" in caplog.text
        assert "issue texts" not in caplog.text


@pytest.mark.engine
def test_an_upload_that_s3_refuses_is_the_seeds_error(s3_mock, settings):
    settings.AWS_SECRET_ACCESS_KEY = "wrong"

    with pytest.raises(RuntimeError, match=r"S3 upload failed in bucket 'test-ml-bucket'"):
        upload(S3ModelStorageService())


@pytest.mark.engine
def test_an_independent_client_sees_the_seeds_layout(s3_mock, s3_server, settings):
    upload(S3ModelStorageService())

    found = s3_server.client().list_objects_v2(Bucket=s3_mock, Prefix=f"{settings.AWS_STORAGE_PREFIX}/")["Contents"]

    keys = [each["Key"].removeprefix(f"{settings.AWS_STORAGE_PREFIX}/") for each in found]
    assert keys == [f"{DIRECTORY}/model.joblib", f"{DIRECTORY}/serving.npz"]


def test_a_serving_artefact_that_cannot_be_written_fails_the_upload(model_store_dir):
    service = S3ModelStorageService()
    (model_store_dir / DIRECTORY / "serving.npz").mkdir(parents=True)

    with pytest.raises(StorageError, match="Directory upload failed"):
        upload(service)
