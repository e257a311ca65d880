"""What every benchmark prints: the machine, and times as median and tail."""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from apps.ml.benchmarks.runs import data_folder

ROOT = Path(__file__).resolve().parent.parent


def public_data(name: str) -> Path:
    """A file of the public data; the program ends where nobody says in which folder they lie."""
    folder = data_folder()
    if folder is None:
        sys.exit("Set SCRUM_ML_DATA to the folder of the public data: see docs/reference/data.md.")
    return folder / name


def machine() -> str:
    """The conditions of a measurement, in a line."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return f"{_processor()}, {cores} cores, load {load:.1f}, Python {platform.python_version()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def milliseconds(seconds: Sequence[float]) -> str:
    """Median and tail of some durations."""
    p50, p95, p99 = np.percentile(np.asarray(seconds) * 1000, [50, 95, 99])
    return f"p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms (n={len(seconds)})"
