"""The policy that the documentation asks administrators for: enough, and no more than needed."""

import copy
import json
import re
from datetime import UTC, datetime

import pytest
from django.conf import settings as project_settings

from apps.ml.storage import StorageError, get_object_store
from apps.ml.storage.s3 import S3ModelStorageService

pytestmark = pytest.mark.engine

NOW = datetime(2024, 1, 1, 12, 0, tzinfo=UTC)
DENIED_WITHOUT = {
    "s3:PutObject": lambda store: store.put("a", b"1"),
    "s3:GetObject": lambda store: store.get("there"),
    "s3:DeleteObject": lambda store: store.delete("there"),
    "s3:ListBucket": lambda store: store.list("a"),
}


@pytest.fixture
def policy(s3_bucket) -> dict:
    page = (project_settings.BASE_DIR / "docs/reference/storage.md").read_text()
    [text] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    return json.loads(text.replace("your-bucket-name", s3_bucket))


@pytest.fixture
def become(s3_server, settings):
    """Go on as a user who may do what a policy says."""

    def change(policy: dict) -> None:
        settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = s3_server.key_pair_allowed(policy)

    return change


def test_the_documented_policy_is_enough_for_everything_the_service_does(policy, become):
    become(policy)
    service = S3ModelStorageService()

    stored = service.upload_model(
        model_type="effort_prediction", version="1.0.0", model=b"pipeline", serving=b"arrays", now=NOW
    )
    service.upload_dataset(None, b"rows", extension="npz", now=NOW)
    assert service.download_model(stored.serving.key) == b"arrays"
    assert service.model_exists(stored.model.key)
    assert service.get_model_metadata(stored.model.key).size_bytes == 8
    assert len(service.list_models()) == 1
    service.delete_model(stored.model.key)
    assert service.list_models() == []


@pytest.mark.parametrize("action", DENIED_WITHOUT)
def test_each_of_its_actions_is_needed(policy, become, action):
    get_object_store().put("there", b"1")
    reduced = copy.deepcopy(policy)
    reduced["Statement"][0]["Action"].remove(action)
    become(reduced)

    with pytest.raises(StorageError, match="AccessDenied"):
        DENIED_WITHOUT[action](get_object_store())


def test_it_gives_no_access_to_another_bucket(policy, become, s3_server, settings):
    s3_server.client().create_bucket(Bucket="somebody-elses-bucket")
    become(policy)
    settings.AWS_STORAGE_BUCKET_NAME = "somebody-elses-bucket"

    with pytest.raises(StorageError, match="AccessDenied"):
        get_object_store().put("a", b"1")
