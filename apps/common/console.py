"""What commands show: tables, and progress: a bar on a terminal, lines elsewhere, nothing where a script reads JSON."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def step_display(steps: int, *, quiet: bool = False) -> Iterator[Callable[[int, str], None]]:
    """A function to report (step, what is being done) to, for work of a known number of steps."""
    console = Console(stderr=True, quiet=quiet)
    if not console.is_terminal:
        yield _forward_only(_lines(console, steps))
        return
    columns = (
        TextColumn("{task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=False) as display:
        task = display.add_task("", total=steps)
        yield _forward_only(lambda step, text: display.update(task, completed=step, description=text))


def add_json_option(parser: CommandParser, help_text: str = "print JSON and nothing else") -> None:
    """`--json`, of every command whose outcome a script would read."""
    parser.add_argument("--json", action="store_true", help=help_text)


def as_json(value: Any) -> str:
    """What `--json` prints."""
    return json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)


@contextmanager
def only_warnings(verbosity: int) -> Iterator[None]:
    """Keep what the log tells of ordinary work away from what a person reads, unless asked with `--verbosity 2`.

    Lines of JSON are read by machines, which miss nothing.
    """
    logger = logging.getLogger("apps")
    level = logger.level
    if verbosity < _TELLS_ALL and settings.LOG_FORMAT == "plain":
        logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)


#: Django's `--verbosity` from which a command tells what it does inside.
_TELLS_ALL = 2


def _forward_only(report: Callable[[int, str], None]) -> Callable[[int, str], None]:
    """Each step is told once, by its first text, and none after a later one."""
    reached = 0

    def forward(step: int, text: str) -> None:
        nonlocal reached
        if step > reached:
            reached = step
            report(step, text)

    return forward


def _lines(console: Console, steps: int) -> Callable[[int, str], None]:
    """A line for what is done next; the steps of one thing are one line."""
    last = ""

    def line(step: int, text: str) -> None:
        nonlocal last
        if text != last:
            console.print(f"[{step}/{steps}] {text}", markup=False, highlight=False)
        last = text

    return line


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with aligned columns: the first to the left, the others to the right."""
    cells = [list(header), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
