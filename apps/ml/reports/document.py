"""What the pages of replays share: one HTML document that needs nothing else, and tables in it."""

from collections.abc import Iterable, Sequence
from html import escape

from apps.common.charts.picture import sheet

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
body{color:#222222;background:#ffffff}
table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .75rem;border-bottom:1px solid #cccccc;text-align:right}
td{white-space:nowrap}
th:first-child{text-align:left;font-weight:normal}
thead th{font-weight:bold}
tbody th{min-width:8rem}
.verdict{font-size:1.1rem}
.scroll{overflow-x:auto}
.pair{display:flex;flex-wrap:wrap;gap:1rem}
.pair section{flex:1 1 20rem;min-width:0}
@media (prefers-color-scheme:dark){body{color:#e8e8e8;background:#16181b}th,td{border-color:#44484d}}
"""


def document(title: str, body: Iterable[str]) -> str:
    """A page with its heading; `title` is escaped, the parts of the body are HTML."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        # Nothing runs and nothing is fetched, whatever a text may hold.
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
        f"<style>{_STYLE}{sheet()}</style></head><body><h1>{escape(title)}</h1>{''.join(body)}</body></html>\n"
    )


def html_table(rows: Iterable[Sequence[str]]) -> str:
    """A table whose first row is the header and whose first column names the rows; everything is escaped."""
    head, *others = rows
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in others
    )
    return f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>{lines}</tbody></table></div>'
