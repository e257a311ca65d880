"""Which query parameters a view has."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from rest_framework.views import APIView


def unknown_parameters(view: Callable[..., Any], request: HttpRequest) -> tuple[list[str], list[str]]:
    """Those of the request that an API view does not have, shortened; and those that it has."""
    shown = getattr(view, "cls", None)
    if not request.GET or not (isinstance(shown, type) and issubclass(shown, APIView)):
        return [], []
    action = getattr(view, "actions", {}).get(str(request.method).lower(), "")
    known = parameters_of(shown, action)
    return [name[:100] for name in request.GET if name not in known], known


def parameters_of(view: type[Any], action: str) -> list[str]:
    """What a view says of itself in `query_parameters`; of a list also its filters and pages."""
    declared = list(getattr(view, "query_parameters", ()))
    if action != "list":
        return declared
    filters = getattr(view, "filterset_class", None)
    pages = getattr(view, "pagination_class", None)
    paging = [pages.page_query_param, pages.page_size_query_param] if pages else []
    return [*declared, *(filters.base_filters if filters else ()), *paging]
