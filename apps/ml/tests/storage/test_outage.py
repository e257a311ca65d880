"""What remains of the store's promises when a server or a writer dies in the middle."""

import hashlib
import os
import subprocess
import sys

import pytest
from django.conf import settings as project_settings

from apps.ml.storage import StorageError, get_object_store
from tests import engines

# Writes objects named by their own digest until it is killed, and says which ones it was told are stored.
WRITER = """
import django, hashlib, os, sys
django.setup()
from pathlib import Path
from apps.ml.storage.engines import open_directory
store = open_directory(Path(sys.argv[1]))
while True:
    data = os.urandom(2**20)
    key = "w/" + hashlib.sha256(data).hexdigest()
    store.put(key, data)
    print(key, flush=True)
"""


@pytest.mark.engine
def test_the_same_client_goes_on_after_the_server_was_away(settings):
    with engines.s3_server() as server:
        settings.AWS_STORAGE_BUCKET_NAME = server.bucket
        settings.AWS_S3_ENDPOINT_URL = server.endpoint_url
        settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = server.access_key, server.secret_key
        store = get_object_store()
        store.put("before", b"1")

        server.engine.kill()
        with pytest.raises(StorageError, match="S3 upload failed in bucket 'test-ml-bucket'"):
            store.put("during", b"2")
        server.engine.start()

        store.put("after", b"3")
        assert [store.get(key) for key in ("before", "after")] == [b"1", b"3"]
        assert not store.exists("during")


def test_a_writer_killed_at_any_moment_leaves_only_whole_objects(model_store_dir):
    told = _killed_after_objects(3, model_store_dir)
    store = get_object_store()

    found = [each.key for each in store.list("w")]

    assert set(told) <= set(found)
    assert all(key == f"w/{hashlib.sha256(store.get(key)).hexdigest()}" for key in found)


def _killed_after_objects(count, directory):
    """Run the writer, kill it in the middle of a later write, and return what it reported."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "base.settings_test"},
        cwd=project_settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        first = [writer.stdout.readline() for _ in range(count)]
        writer.kill()
        return [line.strip() for line in [*first, *writer.stdout] if line.endswith("\n")]
