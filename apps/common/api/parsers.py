"""One reading of JSON; a module of its own, because Django REST framework loads it while its views load."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions, parsers
from rest_framework.utils import json as strict_json

#: Far more than any request here needs; what lies deeper is no question but an attack on whoever walks through it.
MOST_LEVELS = 32
#: Of one list; the whole body is bounded by `DATA_UPLOAD_MAX_MEMORY_SIZE`.
MOST_ELEMENTS = 10_000


class JSONParser(parsers.JSONParser):
    """JSON as the standard has it: no NaN, no Infinity; with bounded depth and lists."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        encoding = parsers.get_encoding(parser_context or {})  # type: ignore[attr-defined]
        try:
            text = stream.read().decode(encoding)
            data = strict_json.loads(text)
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error
        except ValueError as error:
            raise exceptions.ParseError(_json_fault(error)) from error
        _refuse_unbounded(data)
        # What is ASCII and escapes nothing holds no half characters.
        if not text.isascii() or "\\u" in text:
            _refuse_half_characters(data)
        return data


def _refuse_unbounded(data: Any) -> None:
    """What is too deep or too wide; level by level, since recursion is what this guards."""
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


def _refuse_half_characters(data: Any) -> None:
    """Half a surrogate pair can be escaped in JSON and written nowhere."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise exceptions.ParseError("A string holds half a character (a lone surrogate).") from error


def _json_fault(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"This is not valid JSON: see line {error.lineno}, column {error.colno}."
    return "This is not valid JSON in the encoding that was declared."
