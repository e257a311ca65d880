"""A whole installation as processes: web server, worker and beat on real engines, asked and watched from outside."""

import json
import secrets
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests import engines
from tests.engine_process import free_ports
from tests.processes import ONE_THREAD, Processes, kept_environment

#: Makes somebody who may import, train and ask.
SET_UP = """
from django.utils import timezone
from apps.accounts.log_ins import access_token
from apps.accounts.tests.factories import UserFactory
print(access_token(UserFactory(email="lead@example.com"), now=timezone.now()))
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web server said."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Installation(Processes):
    """A database, a queue and a prefix of their own on shared engines."""

    database_url: str
    port: int
    token: str = ""

    def start_web(self) -> subprocess.Popen[bytes]:
        """With one process."""
        return self.serve(self.port, "--workers", "1")

    def start_beat(self) -> subprocess.Popen[bytes]:
        schedule, pid = self.environment["BEAT_SCHEDULE"], str(self.directory / "beat.pid")
        return self.start("celery", "-A", "base", "beat", "--schedule", schedule, "--pidfile", pid)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        return self._ask("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> Answer:
        return self._ask("PATCH", path, body)

    def query(self, sql: str) -> Any:
        """The first row, asked beside the service."""
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchone() if cursor.description else None

    def wait_until_live(self) -> None:
        self.wait_for(self._is_live)

    def _is_live(self) -> bool:
        try:
            return self.get("/health/live").status == 200
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return _answer(answer.status, answer)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error)


def _answer(status: int, raw: Any) -> Answer:
    text = raw.read().decode()
    is_json = "json" in raw.headers.get_content_type()
    return Answer(status, dict(raw.headers), json.loads(text) if is_json and text else text)


@contextmanager
def installation(
    directory: Path, postgres: engines.PostgresServer, valkey: engines.ValkeyServer, s3: engines.S3Server
) -> Iterator[Installation]:
    """An empty one, with its tables and a person who holds `token`; its processes end with the block."""
    name = f"installation_{secrets.token_hex(4)}"
    database_url = engines.new_database(postgres.url, name, like=engines.MIGRATED)
    [port] = free_ports(1)
    environment = {
        **kept_environment(),
        "SCRUM_ML_VAR_DIR": str(directory / "var"),
        "BEAT_SCHEDULE": str(directory / "beat"),
        "DATABASE_URL": database_url,
        # A queue of its own.
        "CELERY_BROKER_URL": valkey.url.removesuffix("/0") + f"/{1 + secrets.randbelow(15)}",
        "AWS_STORAGE_BUCKET_NAME": s3.bucket,
        "AWS_STORAGE_PREFIX": name,
        "AWS_S3_ENDPOINT_URL": s3.endpoint_url,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        **ONE_THREAD,
    }
    made = Installation(directory, environment, database_url, port)
    made.token = made.script(SET_UP)
    try:
        yield made
    finally:
        made.end()
