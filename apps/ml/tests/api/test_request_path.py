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
    "cryptography", "requests", "pygments", "argon2", "boto3", "numpy.random", "idna",
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
