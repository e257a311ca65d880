"""What serializers of requests have in common."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache, cached_property
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.fields import SkipField, empty

from apps.common.api.problems import MOST_FAULTS
from apps.common.plausible import date_fault, number_fault, text_fault

#: Texts that may be longer have several lines.
LONGEST_LINE = 1_000
#: Of its length, of NUL, of half characters.
_VALIDATORS_OF_A_LINE = 3
_NUMBERS = (serializers.FloatField, serializers.IntegerField, serializers.DecimalField)


class RefusesUnknownFields:
    """Misspelt fields are refused: `issue_tpye` would change the answer, or be lost, without a word.

    So is what cannot be written, and what is no text, number or date that anybody means: see `apps.common.plausible`.
    """

    fields: Any

    def to_internal_value(self, data: Any) -> Any:
        """Name each field that does not exist or is shown only, with those that can be written."""
        if isinstance(data, Mapping):
            faults = dict(self._unwritable(data)) or dict(self._implausible(data))
            if faults:
                raise serializers.ValidationError(faults)
        values = self._read(data)
        # After reading, since there are many ways to write a date.
        faults = {
            name: fault for name, value in values.items() for day in _days_in(value) if (fault := date_fault(day))
        }
        if faults:
            raise serializers.ValidationError(faults)
        return values

    def _read(self, data: Any) -> dict[str, Any]:
        """The values of the fields, read by Django REST framework."""
        values: dict[str, Any] = super().to_internal_value(data)  # type: ignore[misc]
        return values

    @cached_property
    def _writable(self) -> dict[str, Any]:
        return {name: field for name, field in self.fields.items() if not field.read_only}

    def _unwritable(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        writable = self._writable
        if data.keys() <= writable.keys():
            return
        known = ", ".join(writable)
        for name in [name for name in data if name not in writable][:MOST_FAULTS]:
            if name in self.fields:
                yield name, f"This is shown and cannot be written. Fields: {known}."
            else:
                yield name[:100], f"There is no such field. Fields: {known}."

    def _implausible(self, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for name, value in data.items():
            if fault := _fault_of(self.fields[name], value):
                yield name, fault


def _plain_line(value: Any, longest: int) -> str:
    """The text, if it is what most are, short enough and ASCII; else nothing, and the field itself looks at it."""
    is_plain = type(value) is str and len(value) <= longest and value.isascii() and "\0" not in value
    return value.strip() if is_plain else ""


def _days_in(value: Any) -> list[date]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, date)]


def _fault_of(field: serializers.Field[Any, Any, Any, Any], value: Any) -> str | None:
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        # Before an element is looked at: Django REST framework reads all, and only then counts them.
        if field.max_length is not None and len(value) > field.max_length:
            return ErrorDetail(field.error_messages["max_length"].format(max_length=field.max_length), "max_length")
        return next((fault for each in value if (fault := _fault_of(field.child, each))), None)
    if isinstance(field, _NUMBERS):
        return number_fault(value)
    if isinstance(field, serializers.CharField) and isinstance(value, str) and not getattr(field, "is_secret", False):
        longest = field.max_length
        is_line = longest is not None and longest <= LONGEST_LINE
        return text_fault(value, is_line=is_line, is_needed=not field.allow_blank)
    return None


class StrictSerializer(RefusesUnknownFields, serializers.Serializer[Any]):
    """A request of which every field is known."""

    def _read(self, data: Any) -> dict[str, Any]:
        """What was sent, and what is missed: a field that may be left out, and was, is not asked for a value.

        That is most of them, in a list of five hundred issues, too.
        """
        if not isinstance(data, dict):
            return super()._read(data)
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        lines = self._lines
        for name, field in self._writable.items():
            if name not in data and not field.required and field.default is empty:
                continue
            if name in lines and (text := _plain_line(data.get(name), lines[name])):
                values[name] = text
                continue
            try:
                value = field.run_validation(data.get(name, empty))
                further = getattr(self, f"validate_{name}", None)
                self.set_value(values, field.source_attrs, value if further is None else further(value))
            except serializers.ValidationError as error:
                errors[name] = error.detail
            except SkipField:
                continue
        if errors:
            raise serializers.ValidationError(errors)
        return values

    @cached_property
    def _lines(self) -> dict[str, int]:
        """Texts of which nothing is asked but how long they may be, each with that."""
        return {
            name: field.max_length
            for name, field in self._writable.items()
            # Besides its length Django REST framework looks for NUL and half characters.
            if type(field) is serializers.CharField
            and field.trim_whitespace
            and field.source == name
            and field.max_length is not None
            and len(field.validators) == _VALIDATORS_OF_A_LINE
            and not hasattr(self, f"validate_{name}")
        }

    @classmethod
    def read(cls, data: Any) -> dict[str, Any]:
        """The valid fields of a request; Django REST framework copies all fields for every one.

        Raises
        ------
        rest_framework.exceptions.ValidationError
            As `is_valid` does.
        """
        if not isinstance(data, Mapping):
            # Only for the words of the refusal.
            cls(data=data).is_valid(raise_exception=True)
        serializer = _instance(cls)
        if type(data) is dict and not serializer.validators:
            # Nothing is left to be looked at before and after.
            return dict(serializer.validate(serializer.to_internal_value(data)))
        return dict(serializer.run_validation(data))


@cache
def _instance(request: type[StrictSerializer]) -> StrictSerializer:
    """One for the process: reading changes nothing in it."""
    return request()
