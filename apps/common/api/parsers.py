"""One reading of JSON; a module of its own, because Django REST framework loads it while its views load."""

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions, parsers


class JSONParser(parsers.JSONParser):
    """JSON as the standard has it: no NaN, no Infinity, and nesting that is too deep is the client's mistake."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            data = super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise exceptions.ParseError("The JSON is nested too deeply.") from error
        except exceptions.ParseError as error:
            raise exceptions.ParseError(_json_fault(error)) from error
        return _text_only(data)


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
