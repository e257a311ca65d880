"""Whatever a header holds, no answer is a fault, and what it costs grows with its length.

Headers are read first of all, before anybody is known.
"""

import io
import json
import sys
import time
from contextlib import suppress
from email.utils import parsedate
from http.cookies import SimpleCookie

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import parse_cookie
from django.test import RequestFactory
from django.utils import http as django_http
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.test import APIClient
from rest_framework.utils.mediatypes import media_type_matches
from whitenoise.responders import StaticFile

from apps.accounts.log_ins import access_token
from apps.accounts.tests.factories import UserFactory
from apps.common.addresses import asking_address
from apps.common.api.askers import shown_by
from apps.common.api.headers import LONGEST_HEADER, LONGEST_WITH_PARAMETERS, parameters, too_long_of
from apps.common.operations.logging import request_id_from
from base.arriving import Arriving
from base.asking import asking
from base.wsgi import application
from conftest import NOW
from tests.test_text_growth import LIMIT, growth

#: Parameters that the standard library cannot read (RFC 2231), each another error of it.
UNREADABLE = [
    "a/b; x*=1; x*0=2",
    "a/b; x*0=1; x*=2; x*1=3",
    "application/json; charset*=idna''%ff",
    "application/json; charset*=utf-8''rot13",
    "application/json; charset*=utf-8''a%00b",
    "application/json; charset =rot13",
    "application/json; charset*0=rot; charset*1=13",
    "a/b; x*=undefined''a",
    "a/b; x*=no-such''a",
    "a/b; x*=a%00b''a",
    f"a/b; x*{'9' * 5_000}=a",
    "multipart/form-data; boundary*=utf-8''%e2%82%ac",
    "multipart/form-data; boundary*0=a; boundary*=b",
    'multipart/form-data; boundary="',
    ";",
    ";;=;",
]
#: ... and what else no header should hold.
ODD = [
    '"', '"\\', "\\", "%", "[", "]", "http://[", "http://a]/", "://", "\xff\xfe", "\xb2", "-", "*", "{", '{"a":',
    "1" * 5_000, "bytes=0-99999999999999999999", "bytes=--1", "bytes=1-0", "en;q=9999", "en;q=nan",
    "Mon, 99 Xyz 99999 99:99:99 GMT", 'a="\\000"', 'sessionid="abcdefgh\\000"', 'csrftoken="\\000\\377"',
    'messages="\\000"', "Bearer \xff", "Bearer a.b.c",
]  # fmt: skip
HEADERS = [
    "ACCEPT", "ACCEPT_ENCODING", "ACCEPT_LANGUAGE", "AUTHORIZATION", "CONTENT_DISPOSITION", "CONTENT_ENCODING",
    "COOKIE", "FORWARDED", "HOST", "HX_CURRENT_URL", "HX_REQUEST", "IDEMPOTENCY_KEY", "IF_MATCH", "IF_MODIFIED_SINCE",
    "IF_NONE_MATCH", "IF_RANGE", "MCP_PROTOCOL_VERSION", "ORIGIN", "RANGE", "REFERER", "TRIGGERING_EVENT", "USER_AGENT",
    "X_CSRFTOKEN", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_REQUEST_ID",
]  # fmt: skip
#: Of those, what has parameters.
WITH_PARAMETERS = ("CONTENT_TYPE", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_CONTENT_DISPOSITION", "HTTP_COOKIE")
ASKED = [
    ("GET", "/health/live"), ("GET", "/login/"), ("POST", "/login/"), ("GET", "/nowhere"), ("GET", "/api/schema/"),
    ("GET", "/api/v1/projects/"), ("POST", "/api/v1/auth/token/"),
]  # fmt: skip
#: What the dearest header may cost, in requests: sixty for cookies of earlier releases, eight for the most media types.
MOST_REQUESTS = 12
#: (name, beginning, repeated part, end)
LONG = [
    ("CONTENT_TYPE", 'a/b;x="', ";", ""), ("CONTENT_TYPE", "", ";", ""), ("CONTENT_TYPE", 'a/b;x="', "a=b;", '"'),
    ("CONTENT_TYPE", "a/b", ";x*1=a", ""), ("CONTENT_TYPE", 'multipart/form-data; boundary="', ";", '"'),
    ("COOKIE", 'a="', '\\"', '"'), ("COOKIE", 'sessionid="', "\\1", '"'), ("COOKIE", 'a="', "\\101", '"'),
    ("COOKIE", "", "a=b;", ""), ("COOKIE", "", ";", ""), ("ACCEPT", "a/b;", ';"', ""), ("ACCEPT", "", "a/b;x=1,", ""),
    ("ACCEPT_LANGUAGE", "", "en-", ""), ("ACCEPT_LANGUAGE", "", "en;q=0.1,", ""), ("ACCEPT_ENCODING", "", "gzip,", ""),
    ("AUTHORIZATION", "Bearer ", "a.", ""), ("AUTHORIZATION", "Basic ", "YTph", ""), ("AUTHORIZATION", "", " ", "a"),
    ("IF_NONE_MATCH", "", 'W/"a",', ""), ("IF_MODIFIED_SINCE", "", "1 ", ""), ("IF_MODIFIED_SINCE", "", ":", ""),
    ("RANGE", "bytes=", "0-1,", ""), ("RANGE", "bytes=", "1", "-"), ("REFERER", "http://", "a.", "/"),
    ("REFERER", "http://[", ":", "]"), ("ORIGIN", "http://", "a:", ""), ("HOST", "", "a.", ""), ("HOST", "[", ":", "]"),
    ("X_FORWARDED_FOR", "", "1.1.1.1,", ""), ("X_FORWARDED_FOR", "", ":", ""), ("X_REQUEST_ID", "", "a", "!"),
    ("HX_CURRENT_URL", "http://", "%CC%81", "/"), ("IDEMPOTENCY_KEY", "", "a", ""), ("X_CSRFTOKEN", "", "a", ""),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_the_transaction_of_the_test():
    """As Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def ask(method, path, **environ):
    """Status, headers and body, through all that the web server calls."""
    said = {}
    asked = RequestFactory()._base_environ(REQUEST_METHOD=method, PATH_INFO=path, HTTP_HOST="localhost")
    asked |= {"wsgi.input": io.BytesIO(b""), "CONTENT_LENGTH": "0", **environ}
    answer = application(asked, lambda status, headers: said.update(status=int(status[:3]), headers=dict(headers)))
    body = b"".join(answer)
    answer.close()
    return said["status"], said["headers"], body


def faults(asked, header, values, **environ):
    """What was not answered below 500, with a request id and, where programs are refused, as a problem document."""
    for method, path in asked:
        for value in values:
            status, headers, body = ask(method, path, **{**environ, header: value})
            is_problem = (
                headers.get("Content-Type") == "application/problem+json" and json.loads(body)["status"] == status
            )
            if (
                status >= 500
                or ("X-Request-ID" not in headers and not path.startswith("/health"))
                or (status >= 400 and path.startswith("/api/v1/") and not is_problem)
            ):
                yield method, path, value[:60], status


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["CONTENT_TYPE", *(f"HTTP_{name}" for name in HEADERS)])
def test_no_header_is_answered_by_a_fault(header):
    values = [*ODD, *(UNREADABLE if header in WITH_PARAMETERS else ())]
    key = (
        {}
        if header == "HTTP_AUTHORIZATION"
        else {"HTTP_AUTHORIZATION": f"Bearer {access_token(UserFactory(), now=NOW)}"}
    )

    assert not list(faults(ASKED, header, values))
    assert not list(faults([("GET", "/api/v1/projects/"), ("POST", "/mcp")], header, values, **key))


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/login/", "/api/v1/imports/"])
def test_no_head_of_a_part_of_a_form_is_answered_by_a_fault(path):
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(UserFactory())
    heads = [f"Content-Disposition: form-data; {each.partition(';')[2]}" for each in UNREADABLE]
    heads += [f'Content-Disposition: form-data; name="file"; {each.partition(";")[2]}' for each in UNREADABLE]
    heads += [
        f'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: {each}' for each in UNREADABLE
    ]
    heads += [f"Content-Disposition: {each}" for each in ODD] + [f"Content-Length: {each}" for each in ODD]
    answered = {}
    for head in heads:
        body = f"--B\r\n{head}\r\n\r\nx\r\n--B--\r\n".encode()
        answered[head] = client.generic("POST", path, body, "multipart/form-data; boundary=B").status_code

    assert {head: status for head, status in answered.items() if status not in (200, 400)} == {}


def test_what_can_be_read_is_read():
    read = django_http.parse_header_parameters

    assert read('Multipart/Form-Data; Boundary="a;b"; charset=latin-1') == ("multipart/form-data", {"boundary": "a;b"})
    assert read("form-data; name=\"file\"; filename*=UTF-8''%c3%a4.csv") == (
        "form-data",
        {"name": "file", "filename": "ä.csv"},
    )
    assert read("application/json; indent=4; x") == ("application/json", {"indent": "4", "x": ""})
    assert read("") == ("", {})
    assert read(f"a/b; x={'a' * LONGEST_WITH_PARAMETERS}") == ("a/b", {})


def test_whoever_reads_parameters_reads_them_so():
    """Django, its parts of forms and Django REST framework, each by a name of its own."""
    readers = {
        name: reader
        for name, module in list(sys.modules.items())
        if (reader := getattr(module, "__dict__", {}).get("parse_header_parameters"))
    }

    assert {name for name, reader in readers.items() if reader is not parameters} == set()
    assert {"django.http.request", "django.http.multipartparser", "rest_framework.utils.mediatypes"} <= set(readers)


@pytest.mark.parametrize("value", ["plain", 'a "b" \\ c', "ä, ö; ü", "{'a': [1, 2]}", '"', "\\101", "\\\\"])
def test_a_cookie_is_read_as_it_was_written(value):
    jar = SimpleCookie({"a": value})

    assert parse_cookie(jar.output(header="", attrs=[]).strip()) == {"a": value}


def test_a_cookie_holds_no_control_characters():
    assert parse_cookie('a="x\\000y"; b="\\012"; c="\\101"') == {"a": "", "b": "", "c": "A"}


def _head(header, text):
    return f"GET /x HTTP/1.1\r\n{header.replace('_', '-')}: {text}\r\n\r\n".encode("latin-1")


def read_range(text):
    with suppress(ValueError):
        StaticFile.parse_byte_range(text)


#: What reads a header, or all of them, before anybody is known.
READERS = {
    "cookies": parse_cookie,
    "parameters": django_http.parse_header_parameters,
    "media types": lambda text: media_type_matches("application/json", text),
    "languages": parse_accept_lang_header,
    "etags": django_http.parse_etags,
    "dates": django_http.parse_http_date_safe,
    # Of static files, which tests have none of.
    "dates of files": parsedate,
    "ranges": read_range,
    "address": asking_address,
    "what is shown": lambda text: shown_by(text, text),
    "id": request_id_from,
    "length": lambda text: too_long_of({"HTTP_A": text}),
    "whose request": lambda text: asking(_head("Cookie", text), "127.0.0.1", is_behind_proxy=True),
    "repeated": lambda text: asking(_head("Cookie", text[:200]) * (len(text) // 200), "", is_behind_proxy=True),
    "arriving": lambda text: Arriving(None, 0.0, bytearray(_head("Content-Length", text))).read_head(0.0),
}


@pytest.mark.parametrize("name", READERS)
def test_a_header_sixteen_times_as_long_takes_no_256_times_as_long(name):
    too_slow = {
        (beginning, part): ratio
        for _, beginning, part, end in LONG
        if (ratio := growth(READERS[name], beginning, part, end)) > LIMIT
    }

    assert not too_slow


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nowhere", "/login/", "/api/v1/projects/"])
def test_no_header_makes_a_request_dear(path):
    """As long as it may be, it takes no longer than a few requests with letters in its place."""

    def seconds(header, text):
        key = header if header == "CONTENT_TYPE" else f"HTTP_{header}"
        tries = []
        for _ in range(3):
            started = time.thread_time()
            ask("GET", path, **{key: text})
            tries.append(time.thread_time() - started)
        return min(tries)

    too_dear = {}
    for header, beginning, part, end in LONG:
        text = beginning + part * ((LONGEST_HEADER - len(beginning + end)) // len(part)) + end
        ratio = seconds(header, text) / seconds(header, "a" * len(text))
        if ratio > MOST_REQUESTS:
            too_dear[header, beginning, part] = ratio

    assert not too_dear


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1/projects/", "/mcp"])
@pytest.mark.parametrize("name", ["Cookie", "Accept", "X-Anything"])
def test_lines_of_one_name_are_no_longer_than_one_line_may_be(path, name):
    key = f"HTTP_{name.upper().replace('-', '_')}"

    status, headers, body = ask("GET", path, **{key: ",".join(["a=b" * 1_000] * 3)})

    assert (status, headers["Content-Type"]) == (431, "application/problem+json")
    assert json.loads(body)["code"] == "headers_too_large"
    assert f"The header {name} " in json.loads(body)["detail"]
    assert headers["X-Request-ID"]
    assert ask("GET", path, **{key: "a" * LONGEST_HEADER})[0] != 431


def test_a_client_that_drips_is_looked_through_once():
    """Where the headers end was looked for from the beginning, at each byte."""
    looked = []

    class Watched(bytearray):
        def find(self, what, start=0):
            looked.append(len(self) - start)
            return super().find(what, start)

    head = _head("Cookie", "a" * 2_000)
    request = Arriving(None, 0.0, Watched())
    for byte in head:
        request.data.append(byte)
        request.read_head(0.0)

    assert request.body_at == len(head)
    assert sum(looked) < 5 * len(head)
