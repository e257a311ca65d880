"""Progress of long commands: a bar on a terminal, lines elsewhere, nothing where a script reads JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def step_display(steps: int, *, quiet: bool = False) -> Iterator[Callable[[int, str], None]]:
    """A function to report (step, what is being done) to, for work of a known number of steps."""
    console = Console(stderr=True, quiet=quiet)
    if not console.is_terminal:
        yield _lines(console, steps)
        return
    columns = (
        TextColumn("{task.completed}/{task.total}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=False) as display:
        task = display.add_task("", total=steps)
        yield lambda step, text: display.update(task, completed=step, description=text)


def _lines(console: Console, steps: int) -> Callable[[int, str], None]:
    last: tuple[int, str] = (0, "")

    def report(step: int, text: str) -> None:
        nonlocal last
        if (step, text) != last:
            console.print(f"[{step}/{steps}] {text}", markup=False, highlight=False)
            last = (step, text)

    return report
