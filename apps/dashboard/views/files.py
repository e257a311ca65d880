"""Tables and pictures of a page as files: CSV and SVG."""

from django.http import HttpResponse

from apps.common.charts.picture import Picture, Table
from apps.common.tables import as_csv


def file_of(shown: Picture | Table, kind: str, *, name: str) -> HttpResponse:
    """A picture as 'svg', or a table (a picture's figures, too) as 'csv'; `name` without the ending."""
    if kind == "svg" and isinstance(shown, Picture):
        return _attached(shown.file, "image/svg+xml", f"{name}.svg")
    table = shown.table if isinstance(shown, Picture) else shown
    return _attached(as_csv(table.columns, table.rows), "text/csv; charset=utf-8", f"{name}.csv")


def _attached(content: str, content_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
