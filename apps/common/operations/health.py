"""Is the process there, and can it do its work?

Ready means: this process can answer a prediction, by a simple method if need be. For that it needs the database with
all its migrations. Without the model store, the broker or a model it still answers, less well: that is degraded, not
down, and taking it out of service would make things worse.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from kombu import Queue

from apps.common.broker import confirming
from apps.common.operations.inquiries import Inquiries, Inquiry
from apps.common.operations.room import unwritable

logger = logging.getLogger(__name__)

Status = Literal["ok", "degraded", "down"]
#: A check that has not answered by then counts as failed; all run at the same time, so this bounds the probe too.
CHECK_SECONDS = 2.0
#: Anybody may ask, so an answer is used again for this long: asking often costs the store and the broker nothing.
REUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found. The text is read by anybody who can reach the service: no addresses, names or causes."""

    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class Check:
    """One line of readiness; without a `required` one this process cannot answer at all."""

    run: Callable[[], Health]
    required: bool = False

    @property
    def failed(self) -> Status:
        """What it means where the check gives no answer."""
        return "down" if self.required else "degraded"


@dataclass(frozen=True, slots=True)
class HealthLine:
    """A check's answer and how long it took."""

    status: Status
    message: str
    seconds: float


_INQUIRIES: Inquiries[Health] = Inquiries()


def readiness() -> dict[str, HealthLine]:
    """Every check's answer, within CHECK_SECONDS."""
    until = time.monotonic() + CHECK_SECONDS
    asked = {
        name: _INQUIRIES.ask(name, partial(_found, name, check), fresh_seconds=REUSE_SECONDS)
        for name, check in CHECKS.items()
    }
    return {name: _line(CHECKS[name], inquiry, until) for name, inquiry in asked.items()}


def _found(name: str, check: Check) -> Health:
    try:
        return check.run()
    except BaseException as error:  # noqa: BLE001 - whatever a driver raises, a panic too, means that it does not work
        # The type only, since a driver's text names hosts and users.
        logger.warning("Health check failed check=%s error=%s", name, type(error).__name__)
        return Health(check.failed, "It cannot be used.")


def _line(check: Check, inquiry: Inquiry[Health], until: float) -> HealthLine:
    found = inquiry.answer(until - time.monotonic()) or Health(check.failed, "No answer in time.")
    seconds = time.monotonic() - inquiry.began if inquiry.seconds is None else inquiry.seconds
    return HealthLine(found.status, found.message, seconds)


def database() -> Health:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
        if connection.vendor == "postgresql":
            # One that has failed over and is a copy of another now, or that somebody has stopped all writing in.
            cursor.execute("SHOW transaction_read_only")
            if cursor.fetchone() != ("off",):
                return Health("down", "It answers, and nothing can be written: it is for reading only.")
    if connection.vendor == "sqlite" and (reason := unwritable(str(connection.settings_dict["NAME"]))):
        return Health("down", f"It answers, and nothing can be written: {reason}.")
    return Health("ok", "It answers.")


def migrations() -> Health:
    missing = _known_migrations() - set(MigrationRecorder(connection).applied_migrations())
    if missing:
        return Health("down", f"{len(missing)} migrations are not applied: ./run manage migrate.")
    return Health("ok", "All are applied.")


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations of the code; they do not change while it runs, and reading them takes 50 ms."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def broker() -> Health:
    """Whether a task could be sent: a message comes back. One that is full answers and takes none.

    Predictions do not need it.
    """
    with confirming() as link:
        link.transport_options = {**(link.transport_options or {}), **_BROKER_TIMEOUTS}
        link.ensure_connection(max_retries=1, timeout=int(CHECK_SECONDS))
        probe = Queue(_PROBE, routing_key=_PROBE)(link.default_channel)
        probe.declare()
        try:
            link.Producer().publish(
                "", routing_key=_PROBE, delivery_mode=_KEPT_NOWHERE, confirm_timeout=_CONFIRM_SECONDS
            )
            # Perhaps another process's, which gets this one.
            came_back = probe.get(no_ack=True) is not None
        except TimeoutError:
            came_back = False
    if not came_back:
        return Health("down", "It answers, and takes no tasks: look at its memory and its disk.")
    return Health("ok", "It takes tasks.")


#: A queue that nobody else serves, and all processes share.
_PROBE = "probes"
#: RabbitMQ that takes nothing answers nothing any more, the end of channel and connection neither: three waits.
_CONFIRM_SECONDS = CHECK_SECONDS / 5
#: AMQP's number for what a broker may forget when it ends.
_KEPT_NOWHERE = 1
#: For Redis the first two, for RabbitMQ the third.
_BROKER_TIMEOUTS = {
    "socket_connect_timeout": CHECK_SECONDS,
    "socket_timeout": CHECK_SECONDS,
    "read_timeout": _CONFIRM_SECONDS,
}

#: The apps above add theirs when they are ready; this one knows nobody above it.
CHECKS: dict[str, Check] = {
    "database": Check(database, required=True),
    "migrations": Check(migrations, required=True),
    "broker": Check(broker),
}


def live(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 if this process can answer predictions, if need be by simple methods; 503 if not."""
    lines = readiness()
    required_down = any(lines[name].status == "down" for name, check in CHECKS.items() if check.required)
    status = "unavailable" if required_down else "ready"
    if status == "ready" and any(line.status != "ok" for line in lines.values()):
        status = "degraded"
    body = {"status": status, "checks": {name: _document(line) for name, line in lines.items()}}
    return JsonResponse(body, status=503 if required_down else 200, headers={"Cache-Control": "no-store"})


def _document(line: HealthLine) -> dict[str, object]:
    return {"status": line.status, "message": line.message, "milliseconds": round(line.seconds * 1000, 1)}
