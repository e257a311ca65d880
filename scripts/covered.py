"""The share of the lines of apps/ml that the first run of `./test` executes: it never falls.

    covered.py REPORT           say it, with the files that lack most; 1 if it is below `least_percent`
    covered.py REPORT --raise   write it into pyproject.toml, rounded down to a tenth of a per cent

REPORT is slipcover's JSON; which files count stands in pyproject.toml, too.
"""

import json
import math
import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SETTINGS = Path(__file__).resolve().parent.parent / "pyproject.toml"
#: The way to 100 % begins with these.
SHOWN_FILES = 5


def main(arguments: Sequence[str]) -> int:
    """0 where the share is at least what it was."""
    report = json.loads(Path(arguments[0]).read_text())
    percent = math.floor(report["summary"]["percent_covered"] * 10) / 10
    least = tomllib.loads(SETTINGS.read_text())["tool"]["covered"]["least_percent"]
    print(f"apps/ml: {percent:.1f} % of its lines are run, at least {least:.1f} have to be. To 100 % lack most:")
    print("\n".join(_lacking(report["files"])))
    if "--raise" in arguments[1:] and percent > least:
        text = re.sub(r"(?m)^least_percent = .*$", f"least_percent = {percent:.1f}", SETTINGS.read_text())
        SETTINGS.write_text(text)
        return 0
    return int(percent < least)


def _lacking(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = {name: len(file["missing_lines"]) for name, file in files.items()}
    most = sorted(lines, key=lambda name: (-lines[name], name))[:SHOWN_FILES]
    return [f"{lines[name]:6,} lines  {name}" for name in most]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
