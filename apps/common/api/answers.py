"""Answers: a result is shown by the serializer that describes it, so that the OpenAPI document cannot lie."""

from collections.abc import Callable, Mapping
from functools import cache, cached_property, partial
from operator import attrgetter
from typing import Any

from rest_framework import serializers

#: What these fields do, without asking them.
_SHOWN_BY: Mapping[type, Callable[[Any], Any]] = {serializers.CharField: str, serializers.IntegerField: int}


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
        if _is_mapping(result.__class__):
            result = Joined(**result)
        if not isinstance(result, Joined):
            return {
                name: value if (value := read(result)) is None or show is None else show(value)
                for name, _, read, show in self._fields
            }
        # What is joined is read here: asking `Joined` for a field of its result takes ten times as long.
        beside = vars(result)
        own = beside["_result"]
        shown: dict[str, Any] = {}
        for name, plain, read, show in self._fields:
            value = beside[plain] if plain in beside else read(own if plain else result)
            shown[name] = value if value is None or show is None else show(value)
        return shown

    @cached_property
    def _fields(self) -> list[tuple[str, str, Callable[[Any], Any], Callable[[Any], Any] | None]]:
        """Of each field its name, its source where that is a plain name, what reads it and what shows it."""
        return [
            (name, _plain(field.source), _reader(field.source), _shower(field)) for name, field in self.fields.items()
        ]


class Number(serializers.FloatField):
    """A number as it is, or rounded; whole ones stay whole."""

    def __init__(self, *, digits: int | None = None, **options: Any) -> None:
        self.digits = digits
        super().__init__(**options)

    def to_representation(self, value: float) -> float:  # type: ignore[override]
        return value if self.digits is None else round(value, self.digits)


def _plain(source: str | None) -> str:
    """The source, if it is one name; empty where it is several, or the whole result."""
    return source if source and source.isidentifier() else ""


def _reader(source: str | None) -> Callable[[Any], Any]:
    if source is None:
        raise TypeError("Only fields of a serializer can be read.")
    return attrgetter(source) if source != "*" else lambda result: result


def _shower(field: serializers.Field[Any, Any, Any, Any]) -> Callable[[Any], Any] | None:
    """What shows a value other than None; None where it is shown as it is."""
    if type(field) is Number:
        return None if field.digits is None else partial(round, ndigits=field.digits)
    shower: Callable[[Any], Any] = _SHOWN_BY.get(type(field), field.to_representation)
    return shower


@cache
def _is_mapping(kind: type) -> bool:
    return issubclass(kind, Mapping)


@cache
def _instance(answer: type[Answer]) -> Answer:
    """One for the process: showing changes nothing in it."""
    return answer()
