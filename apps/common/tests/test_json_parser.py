"""Reading JSON from strangers."""

import io
from typing import Any

import pytest
from rest_framework.exceptions import ParseError

from apps.common.api.parsers import JSONParser


def read(body: bytes) -> Any:
    return JSONParser().parse(io.BytesIO(body))


@pytest.mark.parametrize(
    ("body", "value"), [(b'{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}), ('"ü"'.encode(), "ü"), (b"0", 0)]
)
def test_json_is_read(body: bytes, value: object) -> None:
    assert read(body) == value


@pytest.mark.parametrize("body", [b"", b"{", b"{'a': 1}", b"NaN", b"[Infinity]", b"\xff", b"1" * 5000])
def test_what_is_not_json_is_the_clients_mistake(body: bytes) -> None:
    with pytest.raises(ParseError):
        read(body)


def test_the_place_of_the_mistake_is_named() -> None:
    with pytest.raises(ParseError, match="line 2, column 7"):
        read(b'{"a": 1,\n "b": x}')


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_tower_of_brackets_does_not_topple_the_server(opening: bytes) -> None:
    with pytest.raises(ParseError, match="deep"):
        read(opening * 100_000)


def test_half_a_character_is_the_clients_mistake() -> None:
    with pytest.raises(ParseError, match="half a character"):
        read(b'{"role": "\\ud800"}')
