"""What a view takes: the query parameters that the OpenAPI document tells of it, and no body where it tells of none."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.settings import api_settings
from rest_framework.views import APIView

#: What programs send where they have nothing to say: no byte, an empty object or form, null.
_NOTHING = re.compile(rb"\s*+(?:\{\s*+\}|null|--[^\r\n]{1,70}--)?\s*+")


def unknown_parameters(view: Callable[..., Any], request: HttpRequest) -> tuple[list[str], tuple[str, ...]]:
    """Those of the request that an API view does not have, shortened; and those that it has."""
    asked = _asked(view, request) if request.GET else None
    if asked is None:
        return [], ()
    known = parameters_of(*asked)  # type: ignore[arg-type] # a class can be hashed
    return [name[:100] for name in request.GET if name not in known], known


def without_body(**documented: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An action that takes none, for the OpenAPI document and for whoever sends one."""

    def mark(action: Callable[..., Any]) -> Callable[..., Any]:
        action.takes_no_body = True  # type: ignore[attr-defined]
        return extend_schema(request=None, **documented)(action)

    return mark


def has_body_in_vain(view: Callable[..., Any], request: HttpRequest) -> bool:
    """Whether something was sent that nobody would read."""
    asked = _asked(view, request)
    if asked is None or not (request.method == "DELETE" or getattr(getattr(*asked, None), "takes_no_body", False)):
        return False
    return not _NOTHING.fullmatch(request.body)


def _asked(view: Callable[..., Any], request: HttpRequest) -> tuple[type[APIView], str] | None:
    """The class and the method of it that will answer; None where it is no endpoint."""
    shown = getattr(view, "cls", None)
    if not (isinstance(shown, type) and issubclass(shown, APIView)):
        return None
    method = str(request.method).lower()
    return shown, getattr(view, "actions", {}).get(method, method)


@cache
def parameters_of(view: type[Any], action: str) -> tuple[str, ...]:
    """What a view says of itself in `query_parameters`, an action in `extend_schema`; a list's filters and pages."""
    declared = [*getattr(view, "query_parameters", ()), *_documented(getattr(view, action, None))]
    if action != "list":
        return tuple(declared)
    filters = getattr(view, "filterset_class", None)
    pages = getattr(view, "pagination_class", None)
    paging = [pages.cursor_query_param, pages.page_query_param, pages.page_size_query_param] if pages else []
    return (*declared, *(filters.base_filters if filters else ()), *paging, str(api_settings.URL_FORMAT_OVERRIDE))


def _documented(method: Any) -> Iterator[str]:
    """The parameters that `extend_schema` gives to a method: single ones, and all fields of a serializer."""
    schema = getattr(method, "kwargs", {}).get("schema")
    if schema is None:
        return
    inspector = schema()
    # It asks its view for a version of the API, of which there is one.
    inspector.view = SimpleNamespace(determine_version=lambda *_, **__: (None, None), request=None, kwargs={})
    inspector.method = "GET"
    for each in inspector.get_override_parameters():
        if isinstance(each, OpenApiParameter):
            if each.location == OpenApiParameter.QUERY:
                yield each.name
        else:
            yield from (each() if isinstance(each, type) else each).fields
