"""The tables of `benchmark forecasts`, and what is asked of forecasts and alarms."""

from collections.abc import Iterator

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Figures, Goal, acceptance_table, at_least, at_most, figure, shown
from apps.ml.core.forecasts.replay import HORIZONS_WEEKS, SERVED, TEXTBOOK
from apps.ml.core.forecasts.simulation import PERCENTILES


def _relative_loss(found: Figures) -> float | None:
    served, textbook = (found["when"][name]["pinball_p85"] for name in (SERVED, TEXTBOOK))
    return round(served / textbook, 3) if served is not None and textbook else None


_HOLDS = Goal((65, 78), (68, 74))
_FALSE_ALARMS = at_most(1.5, 0.8)
#: Shares in percent.
CRITERIA = (
    Criterion("85th percentile held, %", figure("when", SERVED, "met_percent", "85"), Goal((82, 89), (84, 87))),
    Criterion("pinball loss of it / that of 12-week Monte-Carlo", _relative_loss, at_most(0.90, 0.82)),
    *(
        Criterion(f"70 % range held in {weeks} weeks, %", figure("when", SERVED, "held_percent", str(weeks)), _HOLDS)
        for weeks in HORIZONS_WEEKS
    ),
    Criterion("false alarms up, %", figure("alarms", "finished", "false_up_percent"), _FALSE_ALARMS),
    Criterion("false alarms down, %", figure("alarms", "finished", "false_down_percent"), _FALSE_ALARMS),
    *(
        Criterion(f"alarm where {planted} is finished, %", figure("alarms", "finished", "power_percent", key), goal)
        for planted, key, goal in (
            ("three times as much", "three times", at_least(65, 80)),
            ("a quarter", "a quarter", at_least(60, 75)),
            ("nothing", "nothing", at_least(93, 98)),
        )
    ),
    Criterion(
        "false alarms of one week's created issues, %",
        figure("alarms", "created_weekly", "false_percent"),
        at_most(1.5, 1.5),
    ),
)


def lines(found: Figures) -> Iterator[str]:
    """Everything for a reader."""
    whole = found["when"].items()
    yield from table(
        ("when are 4 weeks of items done", *(f"<= P{percent}" for percent in PERCENTILES), "pinball"),
        [(name, *_cells(row["met_percent"], PERCENTILES), shown(row["pinball_p85"])) for name, row in whole],
    )
    yield ""
    yield from table(
        ("70 % range of items holds", *(f"{weeks} weeks" for weeks in HORIZONS_WEEKS)),
        [(name, *_cells(row["held_percent"], HORIZONS_WEEKS)) for name, row in whole if row["held_percent"]],
    )
    yield ""
    yield from _alarms(found["alarms"])
    yield ""
    yield from acceptance_table(found["acceptance"])


def _cells(shares: Figures, keys: tuple[int, ...]) -> Iterator[str]:
    return (shown(shares.get(str(key)), "g") for key in keys)


def _alarms(alarms: Figures) -> list[str]:
    rows = [
        (series, *(shown(share, "g") for share in (row["false_up_percent"], row["false_down_percent"])),
         *(shown(share, "g") for share in row["power_percent"].values()))
        for series, row in alarms.items() if series != "created_weekly"
    ]  # fmt: skip
    weekly = alarms["created_weekly"]
    of_week = (shown(weekly["false_percent"], "g"), "-", shown(weekly["power_three_times_percent"], "g"), "-", "-")
    return table(
        ("last 4 weeks unusual, %", "false up", "down", "3x", "1/4", "zero"), [*rows, ("created, one week", *of_week)]
    )
