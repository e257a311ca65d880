"""Lists as CSV and JSON lines, by `?format=` or `Accept`; everything else is JSON."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from apps.common.tables import as_csv


class ListRenderer(BaseRenderer, ABC):
    """Shows the rows of a list; a problem stays the document that it is."""

    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> Any:
        rows = data.get("results") if isinstance(data, Mapping) else data
        if not isinstance(rows, list):
            return JSONRenderer().render(data)
        return self.shown(rows)

    @abstractmethod
    def shown(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The rows as text."""


class CsvRenderer(ListRenderer):
    """A row a line; what is no single value is JSON inside its cell."""

    media_type, format = "text/csv", "csv"

    def shown(self, rows: Sequence[Mapping[str, Any]]) -> str:
        columns = list(rows[0]) if rows else []
        return as_csv(columns, ([_cell(row[name]) for name in columns] for row in rows))


class JsonLinesRenderer(ListRenderer):
    """A JSON object a line."""

    media_type, format = "application/jsonl", "jsonl"

    def shown(self, rows: Sequence[Mapping[str, Any]]) -> str:
        return "".join(f"{_json(row)}\n" for row in rows)


#: What lists are had as beside JSON.
LIST_RENDERERS = (CsvRenderer, JsonLinesRenderer)
#: By their names in `?format=`.
LIST_FORMATS = ("json", *(kind.format for kind in LIST_RENDERERS))


#: Of `Accept`.
_ANY_JSON = ("*/*", JSONRenderer.media_type)


class Negotiation(DefaultContentNegotiation):
    """Offers lists in three formats."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        is_json = renderers[0].media_type == JSONRenderer.media_type
        if is_json and request.META.get("HTTP_ACCEPT", "*/*") in _ANY_JSON and not request.META.get("QUERY_STRING"):
            # As most programs ask.
            return renderers[0], JSONRenderer.media_type
        view = (request.parser_context or {}).get("view")
        if getattr(view, "action", None) == "list":
            renderers = [*renderers, *(kind() for kind in LIST_RENDERERS)]
        try:
            return super().select_renderer(request, renderers, format_suffix)
        except Http404 as error:
            raise ValidationError({"format": [f"One of {', '.join(LIST_FORMATS)}."]}) from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return JSONRenderer().render(value).decode() if not isinstance(value, (int, float)) else json.dumps(value)
