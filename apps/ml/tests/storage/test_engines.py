"""Which engine the settings open, and what survives a fork."""

import os
import subprocess
import sys

import pytest
from django.conf import settings as project_settings

from apps.ml.storage import StorageError, get_object_store

FORKING = """
import django, os
django.setup()
from apps.ml.storage import get_object_store
store = get_object_store()
child = os.fork()
if child == 0:
    store.put("written/by/the/child", b"1")
    os._exit(0)
status = os.waitpid(child, 0)[1]
print(os.waitstatus_to_exitcode(status), store.get("written/by/the/child"))
"""


@pytest.fixture
def on_amazon(settings):
    """As in production on Amazon's own S3: a bucket and keys, no endpoint. Nothing is sent by opening it."""
    settings.AWS_STORAGE_BUCKET_NAME = "a-bucket"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "AKIDEXAMPLE", "secret"
    settings.AWS_S3_ENDPOINT_URL = None
    return settings


def test_a_bucket_is_asked_at_its_own_host(on_amazon):
    config = get_object_store().client.config

    assert config["virtual_hosted_style_request"] == "true"
    assert "endpoint" not in config


def test_a_dotted_bucket_is_asked_by_path_because_no_certificate_fits_it(on_amazon):
    on_amazon.AWS_STORAGE_BUCKET_NAME = "models.example.com"

    assert get_object_store().client.config["virtual_hosted_style_request"] == "false"


def test_acceleration_goes_to_amazons_accelerating_host(on_amazon):
    on_amazon.AWS_S3_USE_ACCELERATE_ENDPOINT = True

    assert get_object_store().client.config["endpoint"] == "https://a-bucket.s3-accelerate.amazonaws.com"


def test_acceleration_of_another_server_is_a_mistake_in_the_settings(on_amazon):
    on_amazon.AWS_S3_USE_ACCELERATE_ENDPOINT = True
    on_amazon.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"

    with pytest.raises(StorageError, match="exclude each other"):
        get_object_store()


def test_the_open_client_shows_no_credentials(on_amazon):
    store = get_object_store()

    assert "AKIDEXAMPLE" not in repr(store) + repr(store.client) + repr(store.client.config)


def test_a_role_whose_credentials_cannot_be_renewed_is_a_storage_error(on_amazon, monkeypatch):
    def expired():
        raise RuntimeError("the token has expired")

    on_amazon.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"
    monkeypatch.setattr("apps.ml.storage.engines._fixed_credentials", lambda: expired)

    with pytest.raises(StorageError, match=r"S3 download failed in bucket 'a-bucket'.*the token has expired"):
        get_object_store().get("a")


def test_a_directory_may_be_opened_before_a_fork_and_used_after_it(model_store_dir):
    assert _output_of_forking({}) == "0 b'1'"


@pytest.mark.engine
def test_a_bucket_may_be_opened_before_a_fork_and_used_after_it(s3_bucket, s3_server):
    variables = {
        "AWS_STORAGE_BUCKET_NAME": s3_bucket,
        "AWS_STORAGE_PREFIX": project_settings.AWS_STORAGE_PREFIX,
        "AWS_S3_ENDPOINT_URL": s3_server.endpoint_url,
        "AWS_ACCESS_KEY_ID": s3_server.access_key,
        "AWS_SECRET_ACCESS_KEY": s3_server.secret_key,
    }

    assert _output_of_forking(variables) == "0 b'1'"


def _output_of_forking(variables):
    done = subprocess.run(
        [sys.executable, "-c", FORKING],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "base.settings_test", **variables},
        cwd=project_settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
