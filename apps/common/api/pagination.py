"""One pagination for all lists."""

from typing import Any

from rest_framework import exceptions
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


class Pagination(PageNumberPagination):
    """Pages of 50, at most 100."""

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

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The parameters in the OpenAPI document, with their limits."""
        page, page_size = super().get_schema_operation_parameters(view)
        page["schema"]["minimum"] = page_size["schema"]["minimum"] = 1
        page_size["schema"]["default"] = self.page_size
        page_size["description"] += f" At most {self.max_page_size}, even if more are asked for."
        return [page, page_size]
