"""Results are shown by the serializers that describe them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from rest_framework import serializers

from apps.common.api.answers import Answer, Joined, Number


@dataclass(frozen=True)
class Part:
    name: str
    hours: float


@dataclass(frozen=True)
class Result:
    typical: float
    day: date | None
    parts: tuple[Part, ...]


class PartSerializer(Answer):
    name = serializers.CharField()
    hours = Number(digits=1)


class ResultSerializer(Answer):
    id = serializers.IntegerField()
    hours = Number(source="typical", digits=2)
    finish = serializers.DateField(source="day", allow_null=True)
    parts = PartSerializer(many=True)
    whole = PartSerializer(source="*")


RESULT = Result(typical=1.23456, day=date(2026, 3, 2), parts=(Part("login", 0.25), Part("export", 3)))


def test_a_result_is_shown_in_the_order_of_the_fields_by_name_source_and_digits() -> None:
    shown = ResultSerializer.of(RESULT, id=7, name="all", hours=4.44)

    assert list(shown.items()) == [
        ("id", 7),
        ("hours", 1.23),
        ("finish", "2026-03-02"),
        ("parts", [{"name": "login", "hours": 0.2}, {"name": "export", "hours": 3}]),
        ("whole", {"name": "all", "hours": 4.4}),
    ]


def test_a_whole_number_stays_whole() -> None:
    assert repr(PartSerializer.of(Part("export", 3))["hours"]) == "3"


def test_none_is_null_and_never_reaches_a_field() -> None:
    assert ResultSerializer.of(RESULT, id=7, name="all", hours=1.0, day=None)["finish"] is None


@pytest.mark.parametrize("name", ["id", "typical", "day"])
def test_what_a_result_lacks_is_a_fault_even_where_null_is_allowed(name: str) -> None:
    fields: dict[str, Any] = {"id": 7, "typical": 1.0, "day": None, "parts": (), "name": "", "hours": 0.0}
    del fields[name]

    with pytest.raises(AttributeError, match=name):
        ResultSerializer.of(**fields)


def test_a_mapping_is_read_as_an_object_is() -> None:
    assert PartSerializer.of({"name": "login", "hours": 0.25}) == {"name": "login", "hours": 0.2}


def test_joined_fields_come_before_those_of_the_result() -> None:
    joined = Joined(Part("login", 0.25), hours=8.0)

    assert PartSerializer.of(joined) == {"name": "login", "hours": 8.0}


def test_answers_of_one_kind_do_not_mix() -> None:
    assert [PartSerializer.of(Part(name, 1.0))["name"] for name in ("a", "b")] == ["a", "b"]
