"""Pictures of results: records in, SVG text and the same figures as a table out.

One place draws for pages, offline reports, replays and e-mails alike. A drawing has classes and no style of its own, no
script and no identifier; `apps/common/static/common/charts.css` says how classes look, in light and in dark. Words are
translated and numbers formatted for the reader; nothing here reads a database or a clock.
"""
