"""How the web server runs. Figures: docs/benchmarks.md; settings: docs/reference/settings.md."""

import contextlib
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from apps.common.operations.logging import JSONFormatter, PlainFormatter
from apps.common.operations.metric_files import leave, share
from base import settings
from base.open_files import MOST_CONNECTIONS, connections_with
from base.room import refuse_what_is_spoiled

chdir = str(Path(__file__).resolve().parent.parent)
wsgi_app = "base.wsgi:application"

# A process a core. Threads only wait for the database, so a few are enough, and more would fight for the interpreter.
# Beyond the cores of a large machine, processes only take each other's time and the database's connections.
workers = settings.WEB_WORKERS
threads = settings.WEB_THREADS
worker_connections = connections_with(threads)
# Threads that never wait for a client: 24 silent connections stopped the service before.
worker_class = "base.patient.PatientWorker"
# A file is sent by the loop, like any other answer: in a thread it waits for the client.
sendfile = False
# Loaded once and shared, so that "ready" means ready; nothing connects to a database or a store while loading.
preload_app = True
# Clients that keep their connection open save a handshake per prediction.
keepalive = 30
timeout = 60
graceful_timeout = 20
# Of headers that gunicorn believes of this machine's own addresses, which is every request behind a proxy, a client can
# send some itself: SCRIPT_NAME moved all addresses or gave 500. Django looks at the proxy's (SECURE_PROXY_SSL_HEADER).
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
# Django leaves it to the server to send no body for HEAD; gunicorn does, and says at each probe that it had to.
logging.getLogger("gunicorn.http.wsgi").setLevel(logging.ERROR)
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
# Before the application is loaded: from then on metrics are counted in memory or in shared files, as this finds it.
share(settings.METRICS_DIR)


class OurFormat(Logger):  # type: ignore[misc] # it has no types
    """Its own lines in the format of all others. `logconfig_dict` would do it too, and format every request in vain."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JSONFormatter() if settings.LOG_FORMAT == "json" else PlainFormatter())


logger_class = OurFormat
# Nothing here uses the control interface, and its socket would lie in the user's home.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """One line in place of a server that can answer nothing."""
    refuse_what_is_spoiled()


def when_ready(server: Any) -> None:
    """Say where to go, once going there works."""
    if worker_connections < MOST_CONNECTIONS:
        server.log.warning(
            "Each web process takes %s connections at once, not %s, since the system allows it so few open files: "
            "raise the hard limit (`ulimit -Hn`, LimitNOFILE of systemd, --ulimit of a container)",
            worker_connections,
            MOST_CONNECTIONS,
        )
    print(os.environ.pop("SCRUM_ML_GREETING", f"Serving on {server.address}"), flush=True)


def post_fork(server: Any, worker: Any) -> None:
    """What waits for a database from now on is somebody's request."""
    worker.is_behind_proxy = bool(settings.REST_FRAMEWORK["NUM_PROXIES"])
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        from apps.common.operations.patience import serve_requests  # noqa: PLC0415 - loads psycopg

        serve_requests()


def post_worker_init(worker: Any) -> None:
    """Load models, and say once if others use the same store; beside the requests, which need not wait for it."""
    from apps.ml.services.models.warming import warm_beside  # noqa: PLC0415 - the apps are ready only now

    warm_beside()
    if worker.age == 1:
        from apps.ml.services.upkeep.installation import warn_of_neighbours  # noqa: PLC0415 - the apps are ready only now

        threading.Thread(target=warn_of_neighbours, name="neighbours", daemon=True).start()


def on_exit(server: Any) -> None:
    """Leave nothing in memory, and no worker that `./run` has started."""
    leave(settings.METRICS_DIR)
    if worker := os.environ.get("SCRUM_ML_WORKER"):
        # One that is gone is what was wanted. At once, and not after what it does: tasks outlive the death of a worker.
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(int(worker), signal.SIGQUIT)
            os.waitpid(int(worker), 0)
