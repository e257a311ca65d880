"""One reading of JSON; a module of its own, because Django REST framework loads it while its views load."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions, parsers

#: Far more than any request here needs; what lies deeper is no question but an attack on whoever walks through it.
MOST_LEVELS = 32
#: Of one list; the whole body is bounded by `DATA_UPLOAD_MAX_MEMORY_SIZE`.
MOST_ELEMENTS = 10_000


class JSONParser(parsers.JSONParser):
    """JSON as the standard has it: no NaN, no Infinity; with bounded depth and lists."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error
        except exceptions.ParseError as error:
            raise exceptions.ParseError(_json_fault(error)) from error
        return _text_only(_bounded(data))


def _bounded(data: Any) -> Any:
    """The data, if it is neither too deep nor too wide; level by level, since recursion is what it guards."""
    level, depth = [data], 0
    while level := [each for each in level if isinstance(each, (list, dict))]:
        depth += 1
        if depth > MOST_LEVELS:
            raise exceptions.ParseError(f"The JSON is nested too deeply: at most {MOST_LEVELS} levels.")
        if any(len(each) > MOST_ELEMENTS for each in level):
            raise exceptions.ParseError(f"A list or object is too long: at most {MOST_ELEMENTS} elements.")
        level = [each for inner in level for each in (inner.values() if isinstance(inner, dict) else inner)]
        if any(isinstance(each, float) and not math.isfinite(each) for each in level):
            raise exceptions.ParseError("A number is too large.")
    return data


def _text_only(data: Any) -> Any:
    """The data, if all its strings are text: half a surrogate pair can be escaped in JSON and written nowhere."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise exceptions.ParseError("A string holds half a character (a lone surrogate).") from error
    return data


def _json_fault(error: Exception) -> str:
    cause = error.__context__
    if isinstance(cause, json.JSONDecodeError):
        return f"This is not valid JSON: see line {cause.lineno}, column {cause.colno}."
    return "This is not valid JSON in the encoding that was declared."
