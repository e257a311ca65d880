"""The errors of every endpoint in the OpenAPI document, derived instead of repeated."""

from typing import Any, Literal

from drf_spectacular import openapi
from drf_spectacular.extensions import OpenApiSerializerExtension
from rest_framework import serializers

from apps.common.api.problems import PROBLEM_JSON

WRITING = ("POST", "PUT", "PATCH", "DELETE")


class FieldProblem(serializers.Serializer[Any]):
    """What is wrong with one field."""

    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901) to the field; empty for the whole input.")
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Stable name of the problem, for programs.")
    instance = serializers.CharField(required=False, allow_null=True)
    # The metaclass moves fields out of the class, so the serializer's own `errors` stays what it is.
    errors = FieldProblem(  # type: ignore[assignment]
        many=True, required=False, help_text="For invalid input: each field that is wrong."
    )
    have = serializers.IntegerField(required=False, help_text="For not_enough_data: how many there are.")
    needed = serializers.IntegerField(required=False, help_text="For not_enough_data: how many it takes.")


class AutoSchema(openapi.AutoSchema):
    """The usual schema, and for each operation the problems it can answer with."""

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            for code, meaning in self._problems().items():
                bodies.setdefault(code, self._problem(code, meaning))
        return bodies

    def _problem(self, code: str, meaning: str) -> dict[str, Any]:
        body: dict[str, Any] = self._get_response_for_code(Problem, code, [PROBLEM_JSON])  # type: ignore[no-untyped-call]
        return {**body, "description": meaning}

    def _problems(self) -> dict[str, str]:
        problems = {"400": "Something in the request is not as it must be."}
        if self.get_auth():
            problems["401"] = "Log in first."
        if self.method in WRITING:
            problems |= {"403": "Your role does not allow this.", "409": "The present state does not allow this."}
        if "{" in self.path:
            problems["404"] = "There is no such thing, or you may not see it."
        return problems | {"default": "Any other problem, in the same form."}


class StrictRequests(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Fields that do not exist are refused, and the document says so."""

    target_class = "apps.common.api.serializers.RefusesUnknownFields"
    match_subclasses = True

    def map_serializer(self, auto_schema: openapi.AutoSchema, direction: Literal["request", "response"]) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        return {**schema, "additionalProperties": False} if direction == "request" else schema
