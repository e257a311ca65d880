"""`python -m apps.ml.benchmarks NAME …`: run a benchmark without Django."""

import argparse
import importlib
import sys
from pathlib import Path


def names() -> list[str]:
    """Benchmarks are the modules here that take arguments."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if "\ndef add_arguments(" in file.read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m apps.ml.benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)
    modules = {name: importlib.import_module(f"apps.ml.benchmarks.{name}") for name in names()}
    for name, module in modules.items():
        module.add_arguments(commands.add_parser(name, help=(module.__doc__ or "").splitlines()[0]))
    options = vars(parser.parse_args())
    modules[options.pop("name")].run(options, lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
