"""False alarms on shuffled weeks, where nothing is unusual, and power where something is planted."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from apps.ml.benchmarks.forecasts.data import WeeklyProject
from apps.ml.core.anomalies.rules import SPIKE_RARITY, upper_tail
from apps.ml.core.anomalies.throughput_shift import JUDGED_WEEKS, ThroughputShift, throughput_shift
from apps.ml.core.arrays import Integers
from apps.ml.core.forecasts.change import MIN_WEEKLY_MEAN

#: The reference's protocol: half a year before the weeks that are judged, twelve shuffles of them all.
PAST_WEEKS, STEP_WEEKS, N_SHUFFLES = 26, 4, 12
#: What the judged weeks are replaced with, as multiples of the past mean.
PLANTED = {"three times": 3.0, "a quarter": 0.25, "nothing": 0.0}


def windows(series: Integers, *, judged: int) -> Iterator[Integers]:
    """Stretches of the past and the judged weeks of teams with enough items a week."""
    length = PAST_WEEKS + judged
    for start in range(0, len(series) - length + 1, STEP_WEEKS):
        window = series[start : start + length]
        if window[:PAST_WEEKS].mean() >= MIN_WEEKLY_MEAN:
            yield window


def four_week_engine(all_series: Sequence[Integers], *, n_runs: int, step: int = 1) -> dict[str, Any]:
    """Shares of windows with an alarm, in percent: shuffled by side, and planted."""
    rng = np.random.default_rng(0)
    stretches = [window for series in all_series for window in windows(series, judged=JUDGED_WEEKS)][::step]
    shuffled = [_judged(rng.permutation(window), n_runs) for window in stretches for _ in range(N_SHUFFLES)]
    said = [shift for shift in shuffled if shift is not None]
    return {
        "windows": len(stretches),
        "shuffles_judged": len(said),
        "false_up_percent": _percent([shift.is_outside and not shift.is_drop for shift in said]),
        "false_down_percent": _percent([shift.is_outside and shift.is_drop for shift in said]),
        "power_percent": {
            name: _percent([_finds(_with(window, factor), n_runs) for window in stretches])
            for name, factor in PLANTED.items()
        },
    }


def weekly_spike(all_series: Sequence[Integers], *, step: int = 1) -> dict[str, Any]:
    """The same for the one-week rule on created issues."""
    rng = np.random.default_rng(0)
    stretches = [window for series in all_series for window in windows(series, judged=1)][::step]
    shuffled = [rng.permutation(window) for window in stretches for _ in range(N_SHUFFLES)]
    tripled = [round(3.0 * float(window[:PAST_WEEKS].mean())) for window in stretches]
    return {
        "windows": len(stretches),
        "false_percent": _percent([_is_spike(int(window[-1]), window[:-1]) for window in shuffled]),
        "power_three_times_percent": _percent(
            [_is_spike(value, window[:-1]) for value, window in zip(tripled, stretches, strict=True)]
        ),
    }


def alarms(projects: Sequence[WeeklyProject], *, n_runs: int, step: int = 1) -> dict[str, Any]:
    """Everything about alarms."""
    resolved = [project.resolved for project in projects]
    created = [project.created for project in projects]
    return {
        "finished": four_week_engine(resolved, n_runs=n_runs, step=step),
        "created": four_week_engine(created, n_runs=n_runs, step=step),
        "created_weekly": weekly_spike(created, step=step),
    }


def _judged(window: Integers, n_runs: int) -> ThroughputShift | None:
    return throughput_shift([float(count) for count in window], series="items", n_runs=n_runs)


def _finds(window: Integers, n_runs: int) -> bool:
    shift = _judged(window, n_runs)
    return shift is not None and shift.is_outside


def _with(window: Integers, factor: float) -> Integers:
    """The judged weeks replaced by a multiple of the past mean; a whole number of items in all."""
    changed = window.copy()
    changed[PAST_WEEKS:] = 0
    changed[-1] = round(factor * JUDGED_WEEKS * float(window[:PAST_WEEKS].mean()))
    return changed


def _is_spike(value: int, past: Integers) -> bool:
    return bool(upper_tail(value, past.tolist()) <= 10 ** -SPIKE_RARITY[0])


def _percent(hits: Sequence[bool]) -> float | None:
    return round(100.0 * float(np.mean(hits)), 1) if hits else None
