"""RabbitMQ for tests, where the machine has it: no wheel brings it, as `tests/engines.py` brings the others."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kombu import Connection

from tests.engine_process import Engine, free_ports, plain_environment, running

#: Debian's package has the programs themselves here; those on the path ask to be started as root and change the user.
PROGRAMS = Path("/usr/lib/rabbitmq/bin")
IS_THERE = (PROGRAMS / "rabbitmq-server").exists() and shutil.which("epmd") is not None
_NODE = "tests@localhost"
#: An alarm begins at once, and ends at once.
_NO_MEMORY, _USUAL_MEMORY = "0.00001", "0.4"


@dataclass(frozen=True, slots=True)
class RabbitServer:
    """A running RabbitMQ; whoever is on this machine is let in as its guest."""

    url: str
    engine: Engine

    def close_all_connections(self) -> None:
        """As a restart does, for clients that lie idle."""
        self._control("close_all_connections", "started anew")

    def run_out_of_memory(self) -> None:
        """From now on it reads nothing from connections that send."""
        self._control("set_vm_memory_high_watermark", _NO_MEMORY)

    def have_memory_again(self) -> None:
        self._control("set_vm_memory_high_watermark", _USUAL_MEMORY)

    def _control(self, *words: str) -> None:
        environment = {**plain_environment(self.engine.directory), **self.engine.environment}
        command = [str(PROGRAMS / "rabbitmqctl"), "-q", "-n", _NODE, *words]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)


@contextmanager
def rabbitmq_server() -> Iterator[RabbitServer]:
    """RabbitMQ with the daemon that tells its nodes' ports, both on ports of their own."""
    directory = Path(tempfile.mkdtemp(prefix="rabbitmq-"))
    port, between_nodes, names = free_ports(3)
    url = f"amqp://guest:guest@127.0.0.1:{port}//"
    environment = {
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": _NODE,
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(between_nodes),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "logs"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
    }
    daemon = Engine(
        name="epmd",
        command=[str(shutil.which("epmd")), "-port", str(names), "-address", "127.0.0.1"],
        is_ready=lambda: True,
        directory=directory,
    )
    server = Engine(
        name="RabbitMQ",
        command=[str(PROGRAMS / "rabbitmq-server")],
        is_ready=lambda: _answers(url),
        directory=directory,
        environment=environment,
    )
    try:
        with running(daemon), running(server):
            yield RabbitServer(url=url, engine=server)
    finally:
        # Erlang's helpers of the killed node may still write.
        shutil.rmtree(directory, ignore_errors=True)


def _answers(url: str) -> bool:
    try:
        with Connection(url, connect_timeout=2) as link:
            link.connect()
    except OSError:
        return False
    return True
