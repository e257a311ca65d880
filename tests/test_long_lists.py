"""Lists of a request have an end, and what is refused is told in a few faults, however much was sent."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.common.api.problems import MOST_FAULTS, problem_of
from apps.common.api.serializers import RefusesUnknownFields
from apps.ml.serializers.predictions import IssueInputSerializer


def _kinds(of: type) -> set[type]:
    return {of, *chain.from_iterable(map(_kinds, of.__subclasses__()))}


def _lists(field: Any) -> Iterator[Any]:
    """Lists that a request may hold, at any depth."""
    if isinstance(field, serializers.ListField | serializers.ListSerializer | serializers.DictField):
        yield field
        yield from _lists(field.child)
    written: Mapping[str, Any] = getattr(field, "_writable", {})
    for each in written.values():
        yield from _lists(each)


def test_every_list_of_a_request_has_an_end() -> None:
    get_resolver().url_patterns  # noqa: B018 - whatever serves an address is loaded by it
    kinds = [kind for kind in _kinds(RefusesUnknownFields) if issubclass(kind, serializers.Serializer)]
    lists = [(kind, field) for kind in kinds for field in _lists(kind()) if kind.__module__.startswith("apps.")]

    assert len(lists) > 10
    assert not [(kind, field) for kind, field in lists if getattr(field, "max_length", None) is None]


def test_of_a_list_that_is_too_long_no_element_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serializers.CharField, "run_validation", lambda *_: pytest.fail("One was read."))

    with pytest.raises(ValidationError) as error:
        IssueInputSerializer.read({"labels": [""] * 10_000})

    assert error.value.get_codes() == {"labels": "max_length"}


def test_a_refusal_names_the_first_faults_alone() -> None:
    body = problem_of(ValidationError({f"field {number}": "Wrong." for number in range(MOST_FAULTS + 1)}))

    assert body is not None
    assert [each["pointer"] for each in body["errors"]] == [f"/field {number}" for number in range(MOST_FAULTS)]


def test_nor_does_one_of_parameters(client: Client) -> None:
    answer = client.get("/api/schema/?" + "&".join(f"p{number}" for number in range(MOST_FAULTS + 1)))

    assert (answer.status_code, len(answer.json()["errors"])) == (400, MOST_FAULTS)
