"""What a web process loads: never scikit-learn, pandas or a pickle, and nothing that it never uses."""

import os
import subprocess
import sys

SCRIPT = """
import sys
import base.wsgi
from django.urls import get_resolver
get_resolver().url_patterns
import apps.ml.viewsets.predictions
import apps.ml.viewsets.sprints
unwanted = {
    "sklearn", "pandas", "joblib", "scipy", "holidays", "psycopg", "django.contrib.postgres",
    "cryptography", "requests", "pygments", "argon2", "boto3", "botocore", "numpy.random", "idna",
}
print(sorted(unwanted & sys.modules.keys()))
"""


def test_a_web_process_loads_nothing_that_it_never_uses(tmp_path):
    # Its own folder: a process on SQLite has no use for PostgreSQL.
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, check=True, env=environment
    )

    assert done.stdout.strip() == "[]"


BUCKET_SCRIPT = """
import base.wsgi, sys, threading
loaded = set(sys.modules)
from apps.ml.storage import StorageError, get_object_store
try:
    get_object_store().get("a")
except StorageError:
    print(sorted(name for name in set(sys.modules) - loaded if name.startswith("boto")), threading.active_count())
"""


def test_with_a_bucket_boto3_is_loaded_before_a_request_needs_it(tmp_path):
    environment = {
        **os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "AWS_STORAGE_BUCKET_NAME": "bucket",
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_S3_MAX_RETRIES": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BUCKET_SCRIPT], capture_output=True, text=True, check=True,
        env=environment,
    )  # fmt: skip

    assert done.stdout.strip() == "[] 1"
