"""Import of 10,000 issues into an empty SQLite database, then the same file again; target: 10 s."""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from performance.report import ROOT

TARGET_SECONDS = 10.0
HEADER = (
    "Issue key", "Summary", "Description", "Issue Type", "Status", "Priority", "Assignee", "Reporter", "Story Points",
    "Actual Hours", "Created", "Resolved", "Labels", "Labels",
)  # fmt: skip


def rows(count: int) -> Iterator[tuple[object, ...]]:
    """Issues of middling length, of forty people."""
    first = datetime(2020, 1, 1, 9, tzinfo=UTC)
    for number in range(count):
        created = first + timedelta(hours=3 * number)
        yield (
            f"BENCH-{number}", f"Change number {number} of the order form", "A sentence of no consequence. " * 15,
            ("Bug", "Story", "Task")[number % 3], "Done", ("High", "Medium", "Low")[number % 3],
            f"Person {number % 40}", f"Person {number % 37}", number % 8 + 1, 0.5 + number % 30, created.isoformat(),
            (created + timedelta(hours=30)).isoformat(), "shop", f"part-{number % 9}",
        )  # fmt: skip


def manage(var_dir: Path, *arguments: str) -> tuple[float, float, str]:
    """Times and last lines of one command, start-up included, as a user waits for it."""
    environment = {**os.environ, "SCRUM_ML_VAR_DIR": str(var_dir), "DATABASE_URL": f"sqlite:///{var_dir}/db.sqlite3"}
    start, cpu_before = time.perf_counter(), cpu_seconds()
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments], env=environment, check=True, capture_output=True, text=True
    )
    return time.perf_counter() - start, cpu_seconds() - cpu_before, done.stdout


def cpu_seconds() -> float:
    """What the ended child processes used: the same on a busy machine as on an idle one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and compare with the target."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--issues", type=int, default=10_000)
    count = parser.parse_args().issues
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "issues.csv"
        with file.open("w", newline="") as out:
            csv.writer(out).writerows([HEADER, *rows(count)])
        manage(Path(folder), "migrate", "--verbosity", "0")
        command = ("import_issues", str(file), "--project", "BENCH", "--create-project", "Benchmark")
        first, first_cpu, said = manage(Path(folder), *command)
        again, again_cpu, said_again = manage(Path(folder), *command)
    print(f"{count:,} issues, process start included; target for 10,000: {TARGET_SECONDS:.0f} s")
    print(f"  first import   {first:.1f} s, CPU {first_cpu:.1f} s   {said.splitlines()[-2]}")
    print(f"  same file      {again:.1f} s, CPU {again_cpu:.1f} s   {said_again.splitlines()[-2]}")
    if count <= 10_000 and first > TARGET_SECONDS:
        sys.exit("import_issues: slower than the target")


if __name__ == "__main__":
    main()
