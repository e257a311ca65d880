"""What the tools take, and the same as JSON Schema."""

from typing import Any

from rest_framework import serializers

from apps.common.api.serializers import StrictSerializer
from apps.common.hours import MOST_HOURS
from apps.ml.serializers.forecasts import (
    WhatIfRequest,
)
from apps.ml.serializers.together import MOST_TEAMS

MAX_NAME = 200


class NoArguments(StrictSerializer):
    """Nothing to say."""


class OfProject(StrictSerializer):
    """A project."""

    project = serializers.CharField(max_length=64, help_text="Key (such as SHOP) or id of the project.")


class OfSprint(OfProject):
    """A sprint of a project."""

    sprint = serializers.CharField(
        max_length=MAX_NAME,
        required=False,
        default="",
        allow_blank=True,
        help_text="Number, name or id of the sprint; the running one without it.",
    )


class WhichWork(OfProject):
    """Open work of a project."""

    component = serializers.CharField(max_length=MAX_NAME, required=False, default="", help_text="Only of this.")
    with_label = serializers.CharField(max_length=MAX_NAME, required=False, default="", help_text="Only with this.")
    by = serializers.DateField(required=False, default=None, help_text="The chance to be done by this day.")


class Together(StrictSerializer):
    """Several projects, and a day."""

    projects = serializers.ListField(child=serializers.CharField(max_length=64), min_length=1, max_length=MOST_TEAMS)
    by = serializers.DateField(help_text="The day by which all are to be done.")
    with_label = serializers.CharField(max_length=MAX_NAME, required=False, default="", help_text="Only with this.")


class Since(OfProject):
    """Two days to compare."""

    since = serializers.DateField(required=False, default=None, help_text="A day within a year; a week ago without it.")


class WrittenIssue(OfProject):
    """An issue as far as it is written."""

    title = serializers.CharField(max_length=500)
    description = serializers.CharField(max_length=100_000, required=False, default="", allow_blank=True)


class NewIssue(WrittenIssue):
    """An issue that is to be sized."""

    issue_type = serializers.CharField(
        max_length=64, required=False, default="", allow_blank=True, help_text="As the team names it, such as bug."
    )


class WhatIf(OfSprint, WhatIfRequest):
    """A scenario of a sprint, as the API takes it."""


class HoursTaken(OfProject):
    """What a finished issue took."""

    issue = serializers.CharField(max_length=MAX_NAME, help_text="Key or id of a finished issue.")
    actual_hours = serializers.FloatField(min_value=0.01, max_value=MOST_HOURS, help_text="Hours that it took in all.")


_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], dict[str, str]], ...] = (
    (serializers.DateField, {"type": "string", "format": "date"}),
    (serializers.BooleanField, {"type": "boolean"}),
    (serializers.IntegerField, {"type": "integer"}),
    (serializers.FloatField, {"type": "number"}),
    (serializers.CharField, {"type": "string"}),
)


def schema_of(arguments: type[StrictSerializer]) -> dict[str, Any]:
    """The JSON Schema of a serializer of these."""
    fields = arguments().fields
    return {
        "type": "object",
        "properties": {name: _of(field) for name, field in fields.items()},
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
    }


def _of(field: Any) -> dict[str, Any]:
    if isinstance(field, serializers.ListField):
        schema: dict[str, Any] = {"type": "array", "items": _of(field.child)}
    else:
        schema = dict(next(shape for kind, shape in _TYPES if isinstance(field, kind)))
    bounds = {"maximum": "max_value", "minimum": "min_value", "maxLength": "max_length", "description": "help_text"}
    if isinstance(field, serializers.ListField):
        bounds["maxItems"] = bounds.pop("maxLength")
    return schema | {key: said for key, name in bounds.items() if (said := getattr(field, name, None)) is not None}
