"""One pagination for all lists."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.renderers import LIST_FORMATS

#: From this row on two queries cost less than one.
DEEP = 500


class LatePaginator(Paginator):  # type: ignore[type-arg]  # generic to the type checker alone
    """Of a deep page it is asked first which rows are on it, which an index tells, and then for these alone."""

    def page(self, number: int | str) -> "Page[Any]":
        """The rows of a page, by number."""
        page = super().page(number)
        rows = self.object_list
        if page.start_index() <= DEEP or not isinstance(rows, QuerySet):
            return page
        first = page.start_index() - 1
        found = rows.select_related(None).values_list("pk", flat=True)[first : first + self.per_page]
        return Page(rows.filter(pk__in=list(found)), page.number, self)


class Pagination(PageNumberPagination):
    """Pages of 50, at most 100."""

    django_paginator_class = LatePaginator
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 100

    def get_page_size(self, request: Request) -> int:
        """The size asked for; what is not a number from 1 is an error, not silently the default."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        # Ten digits, because Python refuses to read numbers of thousands.
        if not (asked.isascii() and asked.isdigit() and int(asked[:10]) > 0):
            raise exceptions.ValidationError({self.page_size_query_param: f"A number from 1 to {self.max_page_size}."})
        return min(int(asked[:10]), self.max_page_size)

    def get_paginated_response(self, data: Any) -> Response:
        """The page; where the next one is stands in `Link` as well, since CSV has no other place for it (RFC 8288)."""
        response = super().get_paginated_response(data)
        if following := self.get_next_link():
            response["Link"] = f'<{following}>; rel="next"'
        return response

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The parameters in the OpenAPI document, with their limits."""
        page, page_size = super().get_schema_operation_parameters(view)
        page["schema"]["minimum"] = page_size["schema"]["minimum"] = 1
        page_size["schema"]["default"] = self.page_size
        page_size["description"] += f" At most {self.max_page_size}, even if more are asked for."
        as_what = {"name": "format", "in": "query", "required": False, "description": "How the page is shown."}
        return [page, page_size, as_what | {"schema": {"type": "string", "enum": list(LIST_FORMATS)}}]
