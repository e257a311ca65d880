"""Tables and pictures of a page as files: CSV and SVG."""

import csv
import io
import re

from django.http import HttpResponse

from apps.common.charts.picture import Picture, Table

#: What spreadsheets take for a formula, unless it is a number.
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_NUMBER = re.compile(r"^[+-]?\d[\d.,\u00a0\u202f ]*%?$")


def file_of(shown: Picture | Table, kind: str, *, name: str) -> HttpResponse:
    """A picture as 'svg', or a table (a picture's figures, too) as 'csv'; `name` without the ending."""
    if kind == "svg" and isinstance(shown, Picture):
        return _attached(shown.file, "image/svg+xml", f"{name}.svg")
    table = shown.table if isinstance(shown, Picture) else shown
    return _attached(as_csv(table), "text/csv; charset=utf-8", f"{name}.csv")


def as_csv(table: Table) -> str:
    """With a byte-order mark, so that spreadsheets read UTF-8; no cell is taken for a formula."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(map(_harmless, table.columns))
    writer.writerows([map(_harmless, row) for row in table.rows])
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + file.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.match(cell) else cell


def _attached(content: str, content_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
