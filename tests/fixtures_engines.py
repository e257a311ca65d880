"""Fixtures on real servers. A server starts when the first test of a process asks for it, and ends with the process."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests import engines
from tests.made_once import made_once, migrate
from tests.proxy import Proxy, proxy_to


@pytest.fixture(scope="session")
def s3_server() -> Iterator[engines.S3Server]:
    with engines.s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(shared_folder: Path) -> Iterator[engines.PostgresServer]:
    """With a database `engines.MIGRATED`, of which others take a copy."""
    folder = engines.made_postgres() or shared_folder / "postgres-server"
    made_once(folder / "made", lambda: _make_postgres(folder / "data"))
    with engines.postgres_server(like=folder / "data") as server:
        yield server


def _make_postgres(data: Path) -> str:
    """To begin with for each server of a run: its files, and the tables."""
    with engines.postgres_server() as server:
        url = engines.new_database(server.url, engines.MIGRATED)
        migrate(DATABASE_URL=url, SCRUM_ML_VAR_DIR=str(data.parent / "var"))
        server.engine.stop()
        shutil.copytree(server.socket_directory, data)
    return url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[engines.ValkeyServer]:
    with engines.valkey_server() as server:
        yield server


@pytest.fixture
def engines_started_again(
    postgres_server: engines.PostgresServer, valkey_server: engines.ValkeyServer, s3_server: engines.S3Server
) -> Iterator[None]:
    """Whatever became of a test that stops them: others use these servers too."""
    yield
    for server in (postgres_server, valkey_server, s3_server):
        if not server.engine.is_running:
            server.engine.start()


@pytest.fixture
def s3_bucket(settings: Settings, s3_server: engines.S3Server) -> str:
    """The settings point to the real bucket, below a prefix that no other test sees."""
    settings.AWS_STORAGE_BUCKET_NAME = s3_server.bucket
    settings.AWS_STORAGE_PREFIX = f"test-{secrets.token_hex(8)}"
    settings.AWS_S3_ENDPOINT_URL = s3_server.endpoint_url
    settings.AWS_S3_REGION_NAME = s3_server.region
    settings.AWS_ACCESS_KEY_ID = s3_server.access_key
    settings.AWS_SECRET_ACCESS_KEY = s3_server.secret_key
    settings.AWS_SESSION_TOKEN = None
    # This server lets each loser of a race for one key wait a second more than the one before (7 s for 16, measured).
    settings.AWS_S3_TIMEOUT_SECONDS = 60.0
    return s3_server.bucket


@pytest.fixture
def s3_mock(s3_bucket: str) -> str:
    """The seed's name for it; nothing is mocked any more."""
    return s3_bucket


@pytest.fixture
def s3_proxy(s3_bucket: str, s3_server: engines.S3Server, settings: Settings) -> Iterator[Proxy]:
    """What the settings point to, behind a proxy, and asked once only."""
    with proxy_to(int(s3_server.endpoint_url.rpartition(":")[2])) as proxy:
        settings.AWS_S3_ENDPOINT_URL, settings.AWS_S3_MAX_RETRIES = f"http://127.0.0.1:{proxy.port}", 0
        yield proxy


@pytest.fixture
def model_store_dir(settings: Settings, tmp_path: Path) -> Path:
    """The settings point to an empty directory."""
    settings.AWS_STORAGE_BUCKET_NAME = None
    settings.MODEL_STORE_DIR = tmp_path / "models"
    return tmp_path / "models"
