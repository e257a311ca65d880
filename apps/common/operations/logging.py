"""Log lines for people (`plain`) and for machines (`json`), each with the request or task that it belongs to.

A log leaves the house more easily than a database, so no line may quote what a team wrote. The application logs ids and
numbers only; what is left are the texts of exceptions, which like to repeat the value they choked on. So a traceback
keeps its frames and loses its text, unless the exception is one whose text we know.
"""

import json
import logging
import re
import traceback
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from celery import current_task

from apps.common.exceptions import ApplicationError
from apps.common.operations.database_faults import DATABASE_FAULTS

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
#: What is accepted of another's request id; all else could forge log lines or fill the disk.
ACCEPTED_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
#: Their texts name places and causes, never a value that somebody typed.
SAFE_TEXTS = (ApplicationError, *DATABASE_FAULTS)
#: Likewise what the system says: the classes of `OSError` of these modules. Those that libraries made of it quote what
#: they were given: of mail servers (`smtplib`) the address that is refused, of clients (`urllib`, `requests`) a whole
#: URL.
OF_THE_SYSTEM = frozenset({"builtins", "socket", "ssl"})
MOST_TEXT = 300
#: Django's own, which quote addresses, hosts and the words of what was refused.
_OF_REQUESTS = ("django.request", "django.security")

_STEERING = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def request_id_from(given: str | None) -> str:
    """The id that a proxy or a client gave, if it is harmless; else a new one."""
    return given if given and ACCEPTED_ID.fullmatch(given) else uuid.uuid4().hex


class ContextFilter(logging.Filter):
    """Adds `request_id` and `task_id`, and takes the failed task's words out of Celery's own report."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = REQUEST_ID.get()
        record.task_id = (current_task.request.id or "") if current_task else ""
        if record.name == "celery.app.trace" and isinstance(record.args, dict):
            record.args = _without_texts(record.args, record.exc_info)
        if record.name.startswith(_OF_REQUESTS):
            record.msg, record.args = "Request ended %s", (_place_of(record),)
        return True


def _place_of(record: logging.LogRecord) -> str:
    """Status, method and route: the address itself holds what a client typed, the token of a shared page among it."""
    request = getattr(record, "request", None)
    found = {
        "status": getattr(record, "status_code", ""),
        "method": getattr(request, "method", ""),
        "route": getattr(getattr(request, "resolver_match", None), "route", ""),
    }
    return " ".join(f"{name}={value}" for name, value in found.items() if value)


def _without_texts(facts: dict[str, Any], exc_info: Any) -> dict[str, Any]:
    """Celery repeats the error in words; the error's type and the record's own traceback are enough."""
    error = exc_info[0].__name__ if exc_info and exc_info[0] else "error"
    return {**facts, "exc": error, "traceback": "", "args": "", "kwargs": ""}


class PlainFormatter(logging.Formatter):
    """One line for a person; the ids stand at its end when there are any."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class names it
        return in_one_line(super().formatMessage(record)) + "".join(
            f" {name}={value}" for name, value in _ids(record).items() if f"{name}=" not in record.message
        )

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(map(in_one_line, exception_lines(ei)))


def in_one_line(text: str) -> str:
    """Without what would begin another line, or steer a terminal; names of files may hold it, and texts of drivers."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class JSONFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, ids, and the exception's type and frames."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, str | list[str]] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(record),
        }
        if record.exc_info and record.exc_info[0]:
            entry["exception"] = record.exc_info[0].__name__
            entry["traceback"] = exception_lines(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def _ids(record: logging.LogRecord) -> dict[str, str]:
    found = {name: getattr(record, name, "") for name in ("request_id", "task_id")}
    return {name: value for name, value in found.items() if value}


def exception_lines(exc_info: ExceptionInfo) -> list[str]:
    """The frames of an exception and of what caused it, oldest first, and their texts where those are ours."""
    error = exc_info[1]
    lines: list[str] = []
    for each in _chain(error):
        frames = traceback.extract_tb(each.__traceback__)
        lines += [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        lines.append(f"{type(each).__qualname__}{_safe_text(each)}")
    return lines


def _chain(error: BaseException | None) -> list[BaseException]:
    """The exception last, before it what caused it; a ring, which Python allows, ends."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found[::-1]


def _safe_text(error: BaseException) -> str:
    is_of_the_system = isinstance(error, OSError) and type(error).__module__ in OF_THE_SYSTEM
    if not (isinstance(error, SAFE_TEXTS) or is_of_the_system) or getattr(error, "quotes_others", False):
        return ""
    # PostgreSQL's further lines quote the row.
    return f": {str(error).partition(chr(10))[0][:MOST_TEXT]}"


def logging_to_console(level: str, *, as_json: bool) -> dict[str, Any]:
    """What Django's setting `LOGGING` takes: one handler, in lines for people or for machines."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": "apps.common.operations.logging.ContextFilter"}},
        "formatters": {
            "plain": {"()": "apps.common.operations.logging.PlainFormatter"},
            "json": {"()": "apps.common.operations.logging.JSONFormatter"},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json" if as_json else "plain",
                "filters": ["context"],
            }
        },
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "apps": {"level": level},
            # A line a request is for machines; somebody at a terminal would only see it scroll by.
            "apps.access": {"level": "INFO" if as_json else "WARNING"},
            # Without Django's own handlers: one writes every line twice, the other mails what the log leaves out.
            "django": {"handlers": [], "level": "WARNING"},
            "django.server": {"level": "INFO"},
            "celery": {"level": level},
            # It warns at every connection that a folder has no host name.
            "kombu.connection": {"level": "ERROR"},
        },
    }
