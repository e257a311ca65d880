"""Log lines: one JSON object each, with the ids of what they belong to, and without secrets or a team's words."""

import gzip
import json
import logging
import shutil
import smtplib
import socket
import ssl
import sys
import urllib.error
from collections.abc import Iterator
from email.message import Message
from io import StringIO
from typing import Any

import pytest
import requests
from celery import shared_task
from django.db import DataError, OperationalError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from apps.common.exceptions import ApplicationError
from apps.common.operations.logging import ContextFilter, JSONFormatter, PlainFormatter, request_id_from
from apps.common.operations.middleware import request_log

TITLE = "Pay Mr Smith's overdue invoice"


class QuotingError(ApplicationError):
    """Of a tracker, say."""

    quotes_others = True


@pytest.fixture
def stream() -> StringIO:
    return StringIO()


@pytest.fixture(params=[JSONFormatter, PlainFormatter])
def log(request: Any, stream: StringIO) -> Iterator[logging.Logger]:
    """A logger that writes as the service does, in both formats by turns."""
    yield from logger_with(request.param(), stream)


@pytest.fixture
def json_log(stream: StringIO) -> Iterator[logging.Logger]:
    yield from logger_with(JSONFormatter(), stream)


def logger_with(formatter: logging.Formatter, stream: StringIO) -> Iterator[logging.Logger]:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(ContextFilter())
    logger = logging.getLogger("apps.test")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger
    logger.removeHandler(handler)


def answer(log: logging.Logger, **headers: str) -> HttpResponseBase:
    """A request during which one line is logged."""

    def view(_: Any) -> HttpResponse:
        log.info("Model loaded version=%s", "1.0.0")
        return HttpResponse()

    request = RequestFactory().get("/", headers=headers)
    request.resolver_match = None
    return request_log(view)(request)


def test_a_line_is_one_json_object_even_around_line_breaks(json_log: logging.Logger, stream: StringIO) -> None:
    json_log.info("Model loaded\nversion=%s", "1.0.0")

    entry = json.loads(stream.getvalue())

    assert stream.getvalue().count("\n") == 1
    assert (entry["level"], entry["logger"]) == ("INFO", "apps.test")
    assert entry["message"] == "Model loaded\nversion=1.0.0"
    assert entry["time"].endswith("+00:00")


def test_lines_carry_the_request_id_that_the_answer_names(json_log: logging.Logger, stream: StringIO) -> None:
    response = answer(json_log, X_Request_ID="proxy-7")

    assert response["X-Request-ID"] == json.loads(stream.getvalue())["request_id"] == "proxy-7"


def test_a_plain_line_carries_it_too(stream: StringIO) -> None:
    for log in logger_with(PlainFormatter(), stream):
        answer(log, X_Request_ID="proxy-7")

    assert stream.getvalue().endswith("Model loaded version=1.0.0 request_id=proxy-7\n")


@pytest.mark.parametrize("given", [None, "", "a b", 'x"}', "x\ny", "x" * 65, "é"])
def test_an_id_that_could_forge_a_line_is_replaced(given: str | None) -> None:
    made = request_id_from(given)

    assert made != given
    assert made.isalnum()


def test_two_requests_get_two_ids(json_log: logging.Logger, stream: StringIO) -> None:
    first, second = answer(json_log), answer(json_log)

    assert first["X-Request-ID"] != second["X-Request-ID"]


@shared_task
def speak() -> None:
    """For the next test only."""
    logging.getLogger("apps.test").info("Working")


def test_lines_of_a_task_carry_its_id(json_log: logging.Logger, stream: StringIO) -> None:
    result = speak.apply()

    assert json.loads(stream.getvalue())["task_id"] == result.id


def test_no_words_of_a_team_get_into_a_traceback(log: logging.Logger, stream: StringIO) -> None:
    try:
        try:
            float(TITLE)
        except ValueError as error:
            raise KeyError(TITLE) from error
    except KeyError:
        log.exception("Prediction failed")

    assert "Smith" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert "KeyError" in stream.getvalue()
    assert "test_logging.py" in stream.getvalue()


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (ApplicationError("S3 upload failed in bucket 'models'."), True),
        (QuotingError(f"tracker.example answered 400: {TITLE}"), False),
        (ConnectionRefusedError("connection refused"), True),
        (socket.gaierror(-2, "Name or service not known"), True),
        (ssl.SSLCertVerificationError("certificate verify failed"), True),
        # Libraries count these among what the system says.
        (smtplib.SMTPRecipientsRefused({"ann@example.org": (550, TITLE.encode())}), False),
        (smtplib.SMTPSenderRefused(550, TITLE.encode(), "ann@example.org"), False),
        (smtplib.SMTPDataError(554, TITLE.encode()), False),
        (urllib.error.HTTPError("https://example.org/?q=Smith", 400, TITLE, Message(), None), False),
        (requests.ConnectionError(f"https://example.org/?q={TITLE}"), False),
        (shutil.Error([("Smith.csv", "elsewhere", "it is there")]), False),
        (gzip.BadGzipFile(f"Not a gzipped file: {TITLE}"), False),
        (OperationalError("server closed the connection"), True),
        (DataError(f'invalid input syntax for type uuid: "{TITLE}"'), False),
        (ValueError(TITLE), False),
    ],
)
def test_only_texts_that_quote_nobody_are_shown(
    log: logging.Logger, stream: StringIO, error: Exception, shown: bool
) -> None:
    try:
        raise error
    except Exception:
        log.exception("Failed")

    assert (str(error) in stream.getvalue()) == shown


def test_the_rows_that_a_database_quotes_are_cut_off(log: logging.Logger, stream: StringIO) -> None:
    try:
        raise OperationalError(f"disk full\nCONTEXT: COPY issue, column title: {TITLE}")
    except OperationalError:
        log.exception("Failed")

    assert "disk full" in stream.getvalue()
    assert "Smith" not in stream.getvalue()


def test_celerys_report_of_a_failed_task_keeps_the_type_and_loses_the_words() -> None:
    record = logging.LogRecord(
        "celery.app.trace",
        logging.ERROR,
        __file__,
        1,
        "Task %(name)s[%(id)s] %(description)s: %(exc)s\n%(traceback)s",
        ({"name": "train", "id": "7", "description": "raised", "exc": f"ValueError('{TITLE}')", "traceback": TITLE},),
        None,
    )
    try:
        raise ValueError(TITLE)
    except ValueError:
        record.exc_info = sys.exc_info()

    ContextFilter().filter(record)
    line = JSONFormatter().format(record)

    assert "Smith" not in line
    assert json.loads(line)["message"] == "Task train[7] raised: ValueError\n"


def test_errors_that_cause_each_other_end(log: logging.Logger, stream: StringIO) -> None:
    first, second = ValueError(), KeyError()
    first.__context__, second.__context__ = second, first
    try:
        raise first
    except ValueError:
        log.exception("Failed")

    assert "ValueError" in stream.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "method", "host"),
    [
        ("/nosuch/Ada%20Lovelace/", "GET", "localhost"),
        ("/shared/SECRET-TOKEN/?x=1", "GET", "localhost"),
        ("/shared/SECRET-TOKEN/", "PUT", "localhost"),
        ("/password/UID/SECRET-TOKEN/", "PUT", "localhost"),
        ("/projects/", "GET", "lovelace.secret.example"),
        ("/projects/new/", "POST", "localhost"),
    ],
)
def test_no_line_holds_what_a_client_typed_into_an_address(stream: StringIO, path: str, method: str, host: str) -> None:
    handler = logging.StreamHandler(stream)
    handler.addFilter(ContextFilter())
    handler.setFormatter(PlainFormatter())
    django = logging.getLogger("django")
    django.addHandler(handler)
    try:
        answer = Client(enforce_csrf_checks=True, HTTP_HOST=host).generic(method, path)
    finally:
        django.removeHandler(handler)

    told = stream.getvalue()
    assert answer.status_code >= 400
    assert f"status={answer.status_code}" in told
    # Words that no number of a request holds by chance.
    for typed in ("Ada%20", "Lovelace", "lovelace", "SECRET", "secret", "UID"):
        assert typed not in told


def test_a_name_with_a_line_break_makes_no_second_line_in_a_plain_log() -> None:
    stream = StringIO()
    name = "a\n2026-11-30 10:00:00,000 CRITICAL forged\r\x1b[2K\u2028\x85b\tc"
    for log in logger_with(PlainFormatter(), stream):
        log.warning("No file: %s", name)
        try:
            raise OSError(f"no place for {name}")
        except OSError:
            log.exception("It failed")

    lines = stream.getvalue().splitlines()
    assert "No file: a\\n2026-11-30 10:00:00,000 CRITICAL forged\\r\\x1b[2K\\u2028\\x85b\tc" in lines[0]
    assert not [line for line in lines if line.startswith("2026-11-30 10:00:00,000")]
    assert "\x1b" not in stream.getvalue()
