"""`./bench`: list the benchmarks, or run one, or all."""

import ast
import runpy
import sys
from pathlib import Path

from performance.report import machine

NOT_BENCHMARKS = {"__init__", "__main__", "report", "installation"}


def benchmarks() -> dict[str, str]:
    """Name → first sentence of each benchmark in this folder."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    sentences = {file.stem: ast.get_docstring(ast.parse(file.read_text())) or "" for file in files}
    return {name: text.partition("\n")[0] for name, text in sentences.items() if name not in NOT_BENCHMARKS}


def run(name: str, arguments: list[str]) -> None:
    """Run one as its own program."""
    print(f"== {name} on {machine()}", flush=True)
    sys.argv = [name, *arguments]
    # As `__main__`, so that what a benchmark makes in a child process can be sent to it.
    runpy.run_module(f"performance.{name}", run_name="__main__", alter_sys=True)


def main(arguments: list[str]) -> None:
    """Do what the command line says."""
    known = benchmarks()
    if not arguments:
        print("\n".join(f"{name:24} {sentence}" for name, sentence in known.items()))
        print("Accuracy: ./run manage benchmark --help")
    elif arguments == ["all"]:
        for name in known:
            run(name, [])
    elif arguments[0] in known:
        run(arguments[0], arguments[1:])
    else:
        sys.exit(f"bench: there is no {arguments[0]}; there are {', '.join(known)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
