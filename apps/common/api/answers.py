"""Answers: a result is shown by the serializer that describes it, so that the OpenAPI document cannot lie."""

from collections.abc import Callable, Mapping
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

from rest_framework import serializers


class Joined:
    """A result with further fields, read as one."""

    def __init__(self, result: object = None, /, **fields: Any) -> None:
        self._result = result
        vars(self).update(fields)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)


class Answer(serializers.Serializer[Any]):
    """Shows a result: each field is read by its name or `source`, and one that the result lacks is a fault of ours.

    Django REST framework would show null, or nothing, in its place; and it copies all fields for every answer.
    """

    @classmethod
    def of(cls, result: object = None, /, **beside: Any) -> dict[str, Any]:
        """A result as clients see it, with the fields that it does not have itself."""
        return _instance(cls).to_representation(Joined(result, **beside) if beside else result)

    def to_representation(self, result: Any) -> dict[str, Any]:
        if isinstance(result, Mapping):
            result = Joined(**result)
        shown: dict[str, Any] = {}
        for name, read, show in self._fields:
            value = read(result)
            shown[name] = None if value is None else show(value)
        return shown

    @cached_property
    def _fields(self) -> list[tuple[str, Callable[[Any], Any], Callable[[Any], Any]]]:
        return [(name, _reader(field.source), field.to_representation) for name, field in self.fields.items()]


class Number(serializers.FloatField):
    """A number as it is, or rounded; whole ones stay whole."""

    def __init__(self, *, digits: int | None = None, **options: Any) -> None:
        self.digits = digits
        super().__init__(**options)

    def to_representation(self, value: float) -> float:  # type: ignore[override]
        return value if self.digits is None else round(value, self.digits)


def _reader(source: str | None) -> Callable[[Any], Any]:
    if source is None:
        raise TypeError("Only fields of a serializer can be read.")
    return attrgetter(source) if source != "*" else lambda result: result


@cache
def _instance(answer: type[Answer]) -> Answer:
    """One for the process: showing changes nothing in it."""
    return answer()
