"""The tables of `benchmark forecasts`, and what is asked of forecasts and alarms."""

from collections.abc import Iterator

from apps.common.console import table
from apps.ml.benchmarks.acceptance import Criterion, Figures, Goal, acceptance_table, at_least, at_most, figure, shown
from apps.ml.benchmarks.forecasts.shifts import LATER_WEEKS
from apps.ml.core.forecasts.replay import HORIZONS_WEEKS, SERVED, TEXTBOOK
from apps.ml.core.forecasts.simulation import PERCENTILES


def _relative_loss(found: Figures) -> float | None:
    served, textbook = (found["when"][name]["pinball_p85"] for name in (SERVED, TEXTBOOK))
    return round(served / textbook, 3) if served is not None and textbook else None


#: A forecast has followed a change of speed by then, and a change is told by then to teams of this kind.
FOLLOWED_WEEKS, FOUND_WEEKS, JUDGED_TEAM = 8, 12, "10 a week"
_RELATIVE = "relative_to_textbook"
_LATER = [index for index, weeks in enumerate(LATER_WEEKS) if weeks >= FOLLOWED_WEEKS]


def _after(found: Figures, speed: str, figure_name: str) -> list[float]:
    """A share of teams of each kind, in percent, from `FOLLOWED_WEEKS` after the change on."""
    rows = [team["promises"][speed][figure_name] for team in found["shifts"].values()]
    return [row[index] for row in rows for index in _LATER]


def _least_reached(found: Figures) -> float | None:
    return min(_after(found, "x0.6", "reached_percent"))


def _furthest_from_even(found: Figures) -> float | None:
    shares = [share for speed in ("x0.6", "x1.6") for share in _after(found, speed, "median_exceeded_percent")]
    return max(shares, key=lambda share: abs(share - 50))


def _most_false_changes(found: Figures) -> float | None:
    return max(float(n) for team in found["shifts"].values() for n in team["false_alarms_in_four_years"].values())


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
    Criterion(
        "each week, every promise: 85th percentile kept, %",
        figure("each_week", "all", "kept_percent", "85"),
        Goal((83, 88)),
    ),
    Criterion("the same, 95th, %", figure("each_week", "all", "kept_percent", "95"), Goal((92, 97))),
    Criterion(
        "the same, pinball loss / that of 12-week Monte-Carlo",
        figure("each_week", "all", _RELATIVE),
        at_most(0.83),
    ),
    Criterion(f"x0.6: 85 % amount reached from week {FOLLOWED_WEEKS} on, at least, %", _least_reached, at_least(80)),
    Criterion("x0.6, x1.6: median exceeded, furthest from even, %", _furthest_from_even, Goal((40, 60))),
    Criterion(
        f"x0.6 told within {FOUND_WEEKS} weeks, {JUDGED_TEAM}, %",
        figure("shifts", JUDGED_TEAM, "found_percent", "x0.6", str(FOUND_WEEKS)),
        at_least(70),
    ),
    Criterion("false lasting changes in four years, at most a side", _most_false_changes, at_most(1.0)),
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
    yield from table(
        ("each week, every promise", *(f"<= P{percent}" for percent in PERCENTILES), "pinball", "/ Monte-Carlo"),
        [
            (name, *_cells(row["kept_percent"], PERCENTILES), *map(shown, (row["pinball_p85"], row[_RELATIVE])))
            for name, row in found["each_week"].items()
        ],
    )
    yield ""
    yield from _alarms(found["alarms"])
    yield ""
    yield from _shifts(found["shifts"])
    yield ""
    yield from table(
        (f"x0.6 told within {'/'.join(map(str, LATER_WEEKS))} weeks if all were known, %", "at most"),
        [(team, "/".join(shown(share, "g") for share in row.values())) for team, row in found["limits"].items()],
    )
    yield ""
    yield from table(
        ("shocks shared", "all said", "product", "all came true", "each said", "each came true"),
        [(shared, *(shown(share) for share in row.values())) for shared, row in found["together"].items()],
    )
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


def _shifts(shifts: Figures) -> Iterator[str]:
    weeks = "/".join(map(str, LATER_WEEKS))
    yield from table(
        (f"{weeks} weeks after a change", "85 % reached", "median exceeded", "width of 70 %"),
        [
            (f"{team}, {speed}", *("/".join(shown(cell, "g") for cell in cells) for cells in row.values()))
            for team, found in shifts.items()
            for speed, row in found["promises"].items()
        ],
    )
    yield ""
    yield from table(
        (f"told within {weeks} weeks, %", "x0.6", "x1.6", "false slower, faster in four years"),
        [
            (
                team,
                *("/".join(shown(share, "g") for share in row.values()) for row in found["found_percent"].values()),
                ", ".join(shown(n, "g") for n in found["false_alarms_in_four_years"].values()),
            )
            for team, found in shifts.items()
        ],
    )
