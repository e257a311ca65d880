"""The servers that other tests rely on are real, survive what a test does to them, and leave nothing behind."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import environ
import psycopg
import pytest
import redis

from tests import engine_process, engines

pytestmark = pytest.mark.engine


def test_an_object_survives_the_death_of_the_s3_server():
    with engines.s3_server() as server:
        server.client().put_object(Bucket=server.bucket, Key="kept", Body=b"bytes")

        server.engine.kill()
        server.engine.start()

        assert server.client().get_object(Bucket=server.bucket, Key="kept")["Body"].read() == b"bytes"


def test_an_s3_server_leaves_nothing_behind():
    with engines.s3_server() as server:
        directory, port = server.engine.directory, server.endpoint_url.rpartition(":")[2]

    assert not directory.exists()
    assert not list(Path("/tmp").glob(f"seaweedfs-*{port}.sock"))


def test_a_row_survives_a_restart_of_postgresql(postgres_server):
    with psycopg.connect(postgres_server.url) as connection:
        connection.execute("create table if not exists kept (n int)")
        connection.execute("insert into kept values (42)")

    postgres_server.engine.restart()

    with psycopg.connect(postgres_server.url) as connection:
        assert connection.execute("select n from kept").fetchone() == (42,)


def test_django_understands_the_url_of_postgresql(postgres_server):
    database = environ.Env.db_url_config(postgres_server.url)

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert Path(database["HOST"] or database["OPTIONS"]["host"]) == postgres_server.socket_directory


def test_what_valkey_accepted_survives_its_death():
    with engines.valkey_server() as server:
        with redis.Redis.from_url(server.url) as client:
            client.rpush("queue", "task")

        server.engine.kill()
        server.engine.start()

        with redis.Redis.from_url(server.url) as client:
            assert client.lrange("queue", 0, -1) == [b"task"]


def test_valkey_refuses_a_client_without_the_password():
    with engines.valkey_server() as server:
        stranger = redis.Redis.from_url(server.url.replace(server.url.split("@")[0], "redis://:wrong"))

        with stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()


def test_a_server_that_cannot_start_fails_with_its_log(tmp_path):
    command = [sys.executable, "-c", "print('no such volume'); raise SystemExit(3)"]
    engine = engine_process.Engine(name="Broken", command=command, is_ready=lambda: False, directory=tmp_path)

    with pytest.raises(engine_process.EngineFailed, match=r"Broken did not start\.\nno such volume"):
        engine.start()


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_dies_with_the_process_that_started_it(name):
    script = (
        "import time\n"
        "from tests import engines\n"
        f"with engines.{name}_server() as server:\n"
        "    print(server.engine.pid, server.engine.directory, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        pid, directory = parent.stdout.readline().split()

        parent.kill()

    assert _ends(int(pid), within_seconds=5)
    shutil.rmtree(directory)


def test_the_ports_of_two_servers_are_free_and_differ():
    ports = engine_process.free_ports(20)

    assert len(set(ports)) == 20
    assert all(11_000 <= port < 21_000 for port in ports)


def test_a_command_runs_with_the_database_it_asked_for():
    command = [sys.executable, "-c", "import os, psycopg; psycopg.connect(os.environ['DATABASE_URL']).close()"]

    done = subprocess.run([sys.executable, "-m", "tests.engines", "postgres", "--", *command], check=False)

    assert done.returncode == 0


def _ends(pid: int, *, within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
