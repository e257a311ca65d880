"""The tables of `benchmark forecasts` and which gates of the reference are met."""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.ml.core.forecasts.replay import HORIZONS_WEEKS, SERVED, TEXTBOOK
from apps.ml.core.forecasts.simulation import PERCENTILES

#: Gate and aim of each measure on open projects, as (least, most).
GATES: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "T1 P85 met, %": ((82, 89), (84, 87)),
    "T2 pinball P85 relative to 12-week Monte-Carlo": ((0, 0.90), (0, 0.82)),
    "T3 70 % range held in 2 weeks, %": ((65, 78), (68, 74)),
    "T3 70 % range held in 4 weeks, %": ((65, 78), (68, 74)),
    "T3 70 % range held in 8 weeks, %": ((65, 78), (68, 74)),
    "N1 false alarms up, %": ((0, 1.5), (0, 0.8)),
    "N1 false alarms down, %": ((0, 1.5), (0, 0.8)),
    "N2 finds three times, %": ((65, 100), (80, 100)),
    "N2 finds a quarter, %": ((60, 100), (75, 100)),
    "N2 finds nothing, %": ((93, 100), (98, 100)),
    "N3 false spikes of created issues, %": ((0, 1.5), (0, 1.5)),
}


def acceptance(found: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each measure with its value and whether gate and aim are met; None where nothing was measured."""
    rows = {}
    for (name, (gate, aim)), value in zip(GATES.items(), _values(found), strict=True):
        rows[name] = {"value": value, "gate": _within(value, gate), "aim": _within(value, aim)}
    return rows


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Everything for a reader."""
    yield (
        f"{'when are 4 weeks of items done':32}" + "".join(f"{f'<= P{p}':>8}" for p in PERCENTILES) + f"{'pinball':>9}"
    )
    for name, figures in found["when"].items():
        shares = "".join(f"{_shown(figures['met_percent'][str(p)]):>8}" for p in PERCENTILES)
        yield f"{name:32}{shares}{_shown(figures['pinball_p85']):>9}"
    yield f"{'70 % range of items holds':32}" + "".join(f"{f'{h} weeks':>9}" for h in HORIZONS_WEEKS)
    for name, figures in found["when"].items():
        if figures["held_percent"]:
            yield f"{name:32}" + "".join(f"{_shown(figures['held_percent'].get(str(h))):>9}" for h in HORIZONS_WEEKS)
    yield from _alarm_lines(found["alarms"])
    for name, row in found["acceptance"].items():
        verdict = "aim met" if row["aim"] else "gate met" if row["gate"] else "NOT MET"
        yield f"{name:50}{_shown(row['value']):>8}  {verdict}"


def _alarm_lines(alarms: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'last 4 weeks unusual':32}{'false up':>10}{'down':>8}{'3x':>8}{'1/4':>8}{'zero':>8}"
    for series in ("finished", "created"):
        row = alarms[series]
        cells = (row["false_up_percent"], row["false_down_percent"], *row["power_percent"].values())
        yield f"{series:32}{_shown(cells[0]):>10}" + "".join(f"{_shown(cell):>8}" for cell in cells[1:])
    weekly = alarms["created_weekly"]
    yield f"{'created, one week':32}{_shown(weekly['false_percent']):>10}{'-':>8}" + (
        f"{_shown(weekly['power_three_times_percent']):>8}"
    )


def _values(found: Mapping[str, Any]) -> list[float | None]:
    served, textbook = found["when"][SERVED], found["when"][TEXTBOOK]
    finished, weekly = found["alarms"]["finished"], found["alarms"]["created_weekly"]
    losses = served["pinball_p85"], textbook["pinball_p85"]
    return [
        served["met_percent"]["85"],
        round(losses[0] / losses[1], 3) if losses[0] is not None and losses[1] else None,
        *(served["held_percent"].get(str(horizon)) for horizon in HORIZONS_WEEKS),
        finished["false_up_percent"],
        finished["false_down_percent"],
        *finished["power_percent"].values(),
        weekly["false_percent"],
    ]


def _within(value: float | None, limits: tuple[float, float]) -> bool | None:
    return None if value is None else limits[0] <= value <= limits[1]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
