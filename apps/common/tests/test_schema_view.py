"""The OpenAPI document as it is served: built once a process, whoever asks, and not sent to who has it."""

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator

from apps.common.api import schema_view

SCHEMA = "/api/schema/"


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The language of each time that it is built, in a process that has not."""
    times, real = list[str](), SchemaGenerator.get_schema

    def noted(*words: Any, **named: Any) -> Any:
        times.append(translation.get_language())
        return real(*words, **named)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(SchemaGenerator, "get_schema", noted)
    schema_view._documents.cache_clear()
    yield times
    schema_view._documents.cache_clear()


def test_it_is_built_once_for_all_formats_and_is_what_the_code_says(client: Client, built: list[str]) -> None:
    told = [client.get(SCHEMA), client.get(f"{SCHEMA}?format=json"), client.get(SCHEMA), client.head(SCHEMA)]
    told += [client.get(SCHEMA, headers={"Accept": kind}) for kind in ("application/yaml", "application/json")]

    assert built == [settings.LANGUAGE_CODE]
    assert [each["Content-Type"] for each in told] == [
        "application/vnd.oai.openapi; charset=utf-8",
        "application/vnd.oai.openapi+json",
        "application/vnd.oai.openapi; charset=utf-8",
        "application/vnd.oai.openapi; charset=utf-8",
        "application/yaml; charset=utf-8",
        "application/json",
    ]
    expected = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert (
        json.loads(told[1].content) == yaml.load(told[0].content, yaml.CSafeLoader) == json.loads(json.dumps(expected))
    )
    assert told[0]["Content-Disposition"] == 'inline; filename="Scrum ML.yaml"'
    assert "Accept" in told[0]["Vary"]


def test_it_speaks_english_whoever_is_the_first_to_ask(client: Client, built: list[str]) -> None:
    with translation.override("de"):
        schema_view._document("json")

    assert built == [settings.LANGUAGE_CODE]


def test_who_comes_while_it_is_built_waits_for_it(built: list[str]) -> None:
    answers = list[int]()
    before = sys.getswitchinterval()
    # All are at the door before the first is through.
    sys.setswitchinterval(1e-5)
    try:
        askers = [threading.Thread(target=lambda: answers.append(Client().get(SCHEMA).status_code)) for _ in range(4)]
        for each in askers:
            each.start()
        for each in askers:
            each.join()
    finally:
        sys.setswitchinterval(before)

    assert answers == [200] * 4
    assert built == [settings.LANGUAGE_CODE]


@pytest.mark.parametrize("known", ["{}", "W/{}", '"another", {}', "*"])
def test_who_has_it_is_told_so(client: Client, known: str) -> None:
    tag = client.get(SCHEMA)["ETag"]

    answer = client.get(SCHEMA, headers={"If-None-Match": known.format(tag)})

    assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", tag)
    assert not answer.has_header("Content-Type")


def test_another_format_is_another_document(client: Client) -> None:
    tag = client.get(SCHEMA)["ETag"]

    answer = client.get(f"{SCHEMA}?format=json", headers={"If-None-Match": tag})

    assert answer.status_code == 200
    assert answer["ETag"] != tag


@pytest.mark.parametrize(
    ("method", "address", "accept", "status"),
    [
        ("GET", SCHEMA, "image/png", 406),
        ("GET", "/api/docs/", "image/png", 406),
        ("GET", f"{SCHEMA}?format=png", "*/*", 400),
        ("POST", SCHEMA, "*/*", 405),
        ("POST", SCHEMA, "application/yaml", 405),
        ("POST", "/api/docs/", "text/html", 405),
    ],
)
def test_a_problem_is_told_in_json(client: Client, method: str, address: str, accept: str, status: int) -> None:
    answer = client.generic(method, address, headers={"Accept": accept})

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(answer.content)["status"] == status


def test_what_is_kept_of_it_is_small() -> None:
    assert sum(len(schema_view._document(kind).packed) for kind in ("yaml", "json")) < 200_000
