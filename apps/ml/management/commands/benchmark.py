"""`./run manage benchmark NAME --data PATH …`: the shipped methods on public data, beside baselines."""

import importlib
from types import ModuleType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.common.exceptions import ApplicationError
from apps.common.operations.named_files import require_writable

#: What a user names, and the package that measures it.
BENCHMARKS = {
    "assignment": "assignment",
    "effort": "effort",
    "forecasts": "forecasts",
    "similar": "similar",
    "sprints": "sprints",
    "story_points": "points",
}


class Command(BaseCommand):
    """Measure the very code that serves on a file or directory of real issues, beside naive baselines."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        names = parser.add_subparsers(dest="name", required=True)
        for name in BENCHMARKS:
            module = _module(name)
            inner = names.add_parser(name, help=(module.__doc__ or "").partition("\n")[0])
            module.add_arguments(inner)

    def handle(self, *args: Any, **options: Any) -> None:
        module = _module(options["name"])
        try:
            # It takes hours, some of them: that its figures cannot be kept is told before.
            require_writable(options["json"])
            module.run(options, self.stdout.write)
        except (ApplicationError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"apps.ml.benchmarks.{BENCHMARKS[name]}")
