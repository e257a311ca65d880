"""The errors of every endpoint in the OpenAPI document, derived instead of repeated."""

from collections.abc import Iterator
from typing import Any, Literal

from drf_spectacular import openapi
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.settings import api_settings

from apps.common.api.idempotency import HEADER, KEY_PATTERN, LONGEST_KEY, REPLAYED
from apps.common.api.problems import PROBLEM_JSON
from apps.common.api.renderers import LIST_FORMATS, LIST_RENDERERS

WRITING = ("POST", "PUT", "PATCH", "DELETE")


def _one_of(word: str) -> str:
    return _ONE_OF.get(word, word.removesuffix("s"))


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


#: Other plurals than by an s.
_ONE_OF = {"anomalies": "anomaly", "deliveries": "delivery", "statuses": "status", "days_off": "day_off"}
#: What is done to one thing, or to all: `close_sprint`, where the path says `sprints/{sprint_id}/close/`.
_ACTS = ("accept", "activate", "close", "decline", "read", "read_all", "start", "test", "train", "undo")
_VERBS = {"GET": "get", "PATCH": "update", "PUT": "replace", "DELETE": "delete"}


_IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description=(
        "Yours for this request, say a UUID: sent again with the same body, it is answered as the first time and "
        "done once. Kept for 24 hours; 409 while the first is being worked on, 422 with another body."
    ),
)
_REPLAYED = OpenApiParameter(
    REPLAYED,
    str,
    OpenApiParameter.HEADER,
    description="`true` where the first answer is given again.",
    response=["200", "201", "202", "204"],
)


class AutoSchema(openapi.AutoSchema):
    """The usual schema; names of operations that read well; for each, the problems it can answer with."""

    def get_operation_id(self) -> str:
        """`list_issues`, `update_sprint`, `get_sprint_burndown`, `predict_effort`: names of a client's methods."""
        action = getattr(self.view, "action", "")
        if own := getattr(self.view, "operation_ids", {}).get(action):
            return str(own)
        parts = self.path.removeprefix("/api/v1/").strip("/").split("/")
        words = [part.replace("-", "_") for part in parts if not part.startswith("{") and part != "ml"]
        # What lies in a project is named by itself.
        words = words[1:] if words[0] in ("projects", "auth") and len(words) > 1 else words
        if self.method == "POST" and words[-1] in _ACTS:
            return f"{words[-1]}_{words[-2] if words[-1] == 'read_all' else _one_of(words[-2])}"
        is_one = action != "list" and (parts[-1].startswith("{") or action == "create")
        named = [_one_of(word) for word in words[:-1]] + [_one_of(words[-1]) if is_one else words[-1]]
        verb = action if action in ("list", "create") else _VERBS.get(self.method, "")
        return "_".join(filter(None, [verb, *named]))

    def get_summary(self) -> str:
        """The name of the operation as words."""
        return self.get_operation_id().replace("_", " ").capitalize()

    def get_operation(self, *args: Any) -> dict[str, Any] | None:
        """As ever; where nobody need be logged in, that is said too."""
        operation: dict[str, Any] | None = super().get_operation(*args)
        return {"security": [], **operation} if operation else None

    def _get_serializer_name(self, serializer: Any, direction: str, bypass_extensions: bool = False) -> str:
        """What is called a request already is not called so twice."""
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return name.replace("RequestRequest", "Request")

    def get_override_parameters(self) -> list[Any]:
        """A POST of somebody who is logged in takes an `Idempotency-Key`."""
        if self.method != "POST" or not self.get_auth():
            return []
        return [_IDEMPOTENCY_KEY, _REPLAYED]

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        if direction == "response":
            for code, meaning in self._problems().items():
                bodies.setdefault(code, self._problem(code, meaning))
            if getattr(self.view, "action", "") == "list":
                bodies["200"]["content"] |= {kind.media_type: {"schema": {"type": "string"}} for kind in LIST_RENDERERS}
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
        problems["429"] = "Too many requests of this person, key or address: `Retry-After` says when to ask again."
        return problems | {"default": "Any other problem, in the same form."}


def tell_types_of_nullables(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """What is something else or null is of the type of the something else: without one, no validator knows of null."""
    components = result["components"]["schemas"]
    for schema in _schemas_in(result):
        if schema.get("nullable") is True and "type" not in schema:
            [other] = [each for each in schema["allOf"] if "$ref" in each]
            schema["type"] = components[other["$ref"].rpartition("/")[2]]["type"]
    return result


def name_the_formats_of_lists(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """One name for what every list is had as, in place of a choice of its own for each."""
    result["components"]["schemas"]["ListFormat"] = {"type": "string", "enum": list(LIST_FORMATS)}
    operations = [operation for methods in result["paths"].values() for operation in methods.values()]
    for parameter in (each for operation in operations for each in operation.get("parameters", ())):
        if parameter["name"] == str(api_settings.URL_FORMAT_OVERRIDE) and parameter["in"] == "query":
            parameter["schema"] = {"$ref": "#/components/schemas/ListFormat"}
    return result


def _schemas_in(part: Any) -> Iterator[dict[str, Any]]:
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _schemas_in(each)
    if isinstance(part, dict):
        yield part


class StrictRequests(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Fields that do not exist are refused, and the document says so."""

    target_class = "apps.common.api.serializers.RefusesUnknownFields"
    match_subclasses = True

    def map_serializer(self, auto_schema: openapi.AutoSchema, direction: Literal["request", "response"]) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # type: ignore[no-untyped-call]
        return {**schema, "additionalProperties": False} if direction == "request" else schema
