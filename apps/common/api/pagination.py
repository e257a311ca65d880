"""One pagination for all lists: whoever walks from page to page sees no row twice, and none is left out.

`next` and `previous` carry a place in the order (`keyset`), signed, and how many rows there were on the first page. A
page that is asked for by its number begins where the page before it ended for the same caller (`page_marks`), or else
is counted from the beginning.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.db.models import Model, QuerySet
from rest_framework import exceptions
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from apps.common import page_marks
from apps.common.api.counting import count_of
from apps.common.api.keyset import Order, Place
from apps.common.api.renderers import LIST_FORMATS
from apps.common.api.throttling import caller_of

#: From this row on two queries cost less than one.
DEEP = 500
#: Whoever asks for a number of more digits has no such page; Python refuses to read numbers of thousands.
_MOST_DIGITS = 10
# A separator that addresses need not escape.
_SIGNER = signing.Signer(salt="apps.common.api.pagination", sep="~")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after a place, or (`back`) before it."""

    place: Place
    back: bool
    #: Rows of the list when its first page was shown.
    count: int

    def text(self, walk: str) -> str:
        """The cursor as it travels, for this walk alone."""
        said = [walk, self.place, self.back, self.count]
        return str(_SIGNER.sign_object(said, compress=True))

    @classmethod
    def read(cls, text: str, walk: str, order: Order) -> "Cursor":
        """Check what came back.

        Raises
        ------
        rest_framework.exceptions.ValidationError
            If it is none of ours, or of another list, filter or order.
        """
        try:
            its_walk, place, back, count = _SIGNER.unsign_object(text)
            if its_walk != walk:
                raise ValueError("Of another walk.")
            return cls(order.read(place), back, count)
        except (signing.BadSignature, ValueError) as error:
            detail = "Not from `next` or `previous` of this list with these filters and this order, or torn."
            raise exceptions.ValidationError({Pagination.cursor_query_param: detail}) from error


class Pagination(BasePagination):
    """Pages of 50, at most 100."""

    page_size = 50
    max_page_size = 100
    page_query_param = "page"
    page_size_query_param = "page_size"
    cursor_query_param = "cursor"

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """The rows of the page that is asked for."""
        self._request, self._view, self._order = request, view, Order.of(queryset)
        self._walk = _digest([request.path, _asked(request, *self._turning, str(api_settings.URL_FORMAT_OVERRIDE))])
        size = self.get_page_size(request)
        text = request.query_params.get(self.cursor_query_param)
        if text is None:
            return self._numbered(queryset, self._number(), size)
        if self.page_query_param in request.query_params:
            raise exceptions.ValidationError({self.cursor_query_param: "A page or a cursor, not both."})
        return self._from(queryset, Cursor.read(text, self._walk, self._order), size)

    def get_page_size(self, request: Request) -> int:
        """The size asked for; what is not a number from 1 is an error, not silently the default."""
        asked = request.query_params.get(self.page_size_query_param)
        if asked is None:
            return self.page_size
        if not (number := _number_in(asked)):
            raise exceptions.ValidationError({self.page_size_query_param: f"A number from 1 to {self.max_page_size}."})
        return min(number, self.max_page_size)

    def get_paginated_response(self, data: Any) -> Response:
        """The page; its neighbours stand in `Link` as well, since CSV has no other place for them (RFC 8288)."""
        links = {"next": self._address(self._next), "previous": self._address(self._previous)}
        response = Response({"count": self._count, **links, "results": data})
        names = {"next": "next", "previous": "prev"}
        if told := [f'<{address}>; rel="{names[name]}"' for name, address in links.items() if address]:
            response["Link"] = ", ".join(told)
        return response

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A page in the OpenAPI document."""
        link = {"type": "string", "nullable": True, "format": "uri"}
        example = f"https://scrum-ml.example.com/api/v1/projects/?{self.cursor_query_param}="
        count = "Rows of the list; while cursors are followed, those that there were on the first page."
        return {
            "type": "object",
            "required": ["count", "next", "previous", "results"],
            "properties": {
                "count": {"type": "integer", "example": 123, "description": count},
                "next": {**link, "example": f"{example}eyJhIjoxfQ~c2lnbmVk"},
                "previous": {**link, "example": None},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The parameters in the OpenAPI document, with their limits."""
        number = {"type": "integer", "minimum": 1}
        of_page = "A page by its number: it begins where this caller's page before it ended, if that is no"
        of_page += f" {page_marks.KEPT_FOR_SECONDS // 60} minutes ago, and else is counted from the beginning."
        of_size = f"Rows a page. At most {self.max_page_size}, even if more are asked for."
        of_cursor = "From `next` or `previous` of this list, with the same filters and order."
        told = {
            self.cursor_query_param: (of_cursor, {"type": "string"}),
            self.page_query_param: (of_page, number),
            self.page_size_query_param: (of_size, {**number, "default": self.page_size}),
            str(api_settings.URL_FORMAT_OVERRIDE): (
                "How the page is shown.",
                {"type": "string", "enum": list(LIST_FORMATS)},
            ),
        }
        return [
            {"name": name, "in": "query", "required": False, "description": description, "schema": schema}
            for name, (description, schema) in told.items()
        ]

    @property
    def _turning(self) -> tuple[str, ...]:
        """Parameters that choose a page of a list, not its rows or their order."""
        return self.cursor_query_param, self.page_query_param, self.page_size_query_param

    def _number(self) -> int:
        number = _number_in(self._request.query_params.get(self.page_query_param, "1"))
        if not number:
            raise _no_such_page()
        return number

    def _numbered(self, rows: "QuerySet[Any]", number: int, size: int) -> list[Any]:
        """A page by its number."""
        marked = [caller_of(self._request), self._walk, size]
        now = time.time()
        begins = page_marks.mark_of(_digest([*marked, number - 1]), now=now) if number > 1 else None
        if begins:
            more, cursor = json.loads(begins)
            begin = replace(Cursor.read(cursor, self._walk, self._order), count=self._counted(rows))
            page = self._from(rows, begin, size)
            if not page and not more:
                raise _no_such_page()
        else:
            first = (number - 1) * size
            page = self._shown(_slice(self._order.sorted(rows), first, size + 1), size)
            if not page and number > 1:
                raise _no_such_page()
            # The last page tells how many there are.
            self._count = self._counted(rows) if self._overflows else first + len(page)
            self._point(page, has_next=self._overflows, has_previous=number > 1)
        if page and (number > 1 or self._overflows):
            ends = Cursor(self._order.place_of(page[-1]), back=False, count=self._count).text(self._walk)
            page_marks.keep(_digest([*marked, number]), json.dumps([self._overflows, ends]), now=now)
        return page

    def _from(self, rows: "QuerySet[Any]", cursor: Cursor, size: int) -> list[Any]:
        """A page by where it begins."""
        self._count = cursor.count
        page = self._shown(self._order.beyond(rows, cursor.place, back=cursor.back)[: size + 1], size)
        if cursor.back:
            page.reverse()
        # On the side that one came from, there was a row.
        self._point(page, has_next=cursor.back or self._overflows, has_previous=not cursor.back or self._overflows)
        return page

    def _counted(self, rows: "QuerySet[Any]") -> int:
        return count_of(rows, self._walk, getattr(self._view, "rows_stamp", None))

    def _shown(self, rows: "QuerySet[Any]", size: int) -> list[Any]:
        """The rows without the one that tells that there are more."""
        found = list(rows)
        self._overflows = len(found) > size
        return found[:size]

    def _point(self, page: Sequence[Model], *, has_next: bool, has_previous: bool) -> None:
        self._next = self._cursor(page[-1], back=False) if page and has_next else None
        self._previous = self._cursor(page[0], back=True) if page and has_previous else None

    def _cursor(self, row: Model, *, back: bool) -> Cursor:
        return Cursor(self._order.place_of(row), back, self._count)

    def _address(self, cursor: Cursor | None) -> str | None:
        if cursor is None:
            return None
        kept = _asked(self._request, self.cursor_query_param, self.page_query_param)
        asked = urlencode([*kept, (self.cursor_query_param, cursor.text(self._walk))], safe="~")
        return self._request.build_absolute_uri(f"{self._request.path}?{asked}")


def _slice(rows: "QuerySet[Any]", first: int, size: int) -> "QuerySet[Any]":
    """Of rows far behind it is asked first which they are, which an index tells, and then for these alone."""
    if first < DEEP:
        return rows[first : first + size]
    found = rows.select_related(None).values_list("pk", flat=True)[first : first + size]
    return rows.filter(pk__in=list(found))


def _asked(request: Request, *without: str) -> list[tuple[str, str]]:
    """The query without some parameters, always in the same order."""
    return sorted((name, str(value)) for name, value in request.query_params.items() if name not in without)


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def _number_in(text: str) -> int:
    """A number from 1; 0 for everything else."""
    return int(text[:_MOST_DIGITS]) if text.isascii() and text.isdigit() else 0


def _no_such_page() -> exceptions.NotFound:
    return exceptions.NotFound("There is no such page.")
