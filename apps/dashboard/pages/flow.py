"""How work flows: how long it takes, how old it is, where it stands and waits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from statistics import median
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.common.charts.flow import Age, Dot, Layer, State, ageing, cycle_scatter, stacked_areas
from apps.common.charts.picture import Picture, Table
from apps.common.charts.series import Line, lines_over_time
from apps.dashboard.memory import remembered, state_of
from apps.dashboard.types import Project
from apps.ml.services.flow import flow_answer

#: What a page may look back on, in days.
SPANS = (30, 90, 180, 365)
DEFAULT_SPAN = 90
#: Dots of a picture: with their links and the table beside them some 40 kB. The lines are told from all issues.
MOST_DOTS = 150
#: Days of a picture of areas; longer spans show every seventh.
MOST_DAYS = 92
#: Of finished issues: from there on an issue is older than usual.
OLD_PERCENT = 85
#: Rows of a list on the page; files have all.
MOST_ROWS = 12


class FlowPage:
    """The flow of some days; `answer` is that of the API."""

    def __init__(self, project: Project, answer: Mapping[str, Any], *, span: int) -> None:
        self.project, self.answer, self.span = project, answer, span
        self.cycle, self.blocked = answer["cycle_times"], answer["blocked"]
        self.states, self.efficiency = answer["time_in_states"], answer["time_in_states"]["efficiency"]
        self.spans, self.most_rows = SPANS, MOST_ROWS
        #: Days by percent.
        self.within = {each["percent"]: each["days"] for each in self.cycle["percentiles"]}

    @property
    def half(self) -> int | None:
        """Days that half of the issues kept to."""
        return self.within.get(50)

    @property
    def most(self) -> int | None:
        """Days that most of the issues kept to."""
        return self.within.get(OLD_PERCENT)

    @property
    def old(self) -> list[Mapping[str, Any]]:
        """Issues in progress that are older than most finished ones were in their state."""
        return [row for row in self.answer["ageing"] if (row["older_than_percent"] or 0) >= OLD_PERCENT]

    @property
    def of_unknown_age(self) -> int:
        """Issues in progress of which no start is known."""
        return sum(row["age_days"] is None for row in self.answer["ageing"])

    @property
    def blocked_now(self) -> int:
        """Issues that are blocked at this moment."""
        return len({row["issue_id"] for row in self.blocked["items"] if row["until"] is None})

    @property
    def usual_in_progress(self) -> float:
        """Issues in progress at the end of a day: their median."""
        return float(median(row["in_progress"] for row in self.answer["days"]))

    @property
    def most_in_progress(self) -> int:
        """The most at the end of any day."""
        return int(max(row["in_progress"] for row in self.answer["days"]))

    @property
    def finished_weekly(self) -> float:
        """Issues with a known start or without one that were finished, in seven days."""
        finished = self.cycle["issues"] + self.cycle["without_start"]
        return float(7 * finished / len(self.answer["days"]))

    @property
    def shown_blocked(self) -> Sequence[Mapping[str, Any]]:
        """The first rows of the list."""
        return [self._named(row) for row in self.blocked["items"][:MOST_ROWS]]

    @property
    def shown_ages(self) -> Sequence[Mapping[str, Any]]:
        """The oldest."""
        return [self._named(row) for row in self.answer["ageing"][:MOST_ROWS]]

    @cached_property
    def scatter(self) -> Picture | None:
        """Days from start to done; None where nothing was finished whose start is known."""
        items = self.cycle["items"][-MOST_DOTS:]
        dots = [
            Dot(date.fromisoformat(row["finished_on"]), row["days"], self._name(row), self._address(row))
            for row in items
        ]
        if not dots:
            return None
        lines = [(percent / 100, days) for percent, days in self.within.items()]
        return cycle_scatter(dots, lines, label=_("Days from start to done of each finished issue, with percentiles"))

    @cached_property
    def ageing(self) -> Picture | None:
        """Work in progress by state and age; None where there is none of known age."""
        bands = {band["state"]: band["percentiles"] for band in self.answer["pace"]}
        ages = [
            Age(row["state"], row["age_days"], self._name(row), self._address(row))
            for row in self.answer["ageing"]
            if row["age_days"] is not None and row["state"] in bands
        ]
        if not ages:
            return None
        states = [
            State(name, [each["days"] for each in paces if each["percent"] in (50, OLD_PERCENT)])
            for name, paces in bands.items()
        ]
        return ageing(states, ages[:MOST_DOTS], label=_("Age of each issue in progress, by state"))

    @cached_property
    def cumulative(self) -> Picture:
        """Done, in progress and to do, day by day."""
        before = self.answer["days"][0]["done"]
        layers = [
            # What was done in years would make a line of what is going on; reopened issues may take some of it away.
            Layer(_("done"), [max(row["done"] - before, 0) for row in self._days]),
            Layer(_("in progress"), [row["in_progress"] for row in self._days]),
            Layer(_("to do"), [row["to_do"] for row in self._days]),
        ]
        days = [date.fromisoformat(row["date"]) for row in self._days]
        return stacked_areas(
            days, layers, label=_("Issues that were done, in progress and to do at the end of each day")
        )

    @cached_property
    def in_progress(self) -> Picture:
        """Work in progress, day by day."""
        points = [(date.fromisoformat(row["date"]), float(row["in_progress"])) for row in self._days]
        line = Line(_("in progress"), points)
        return lines_over_time([line], label=_("Issues in progress at the end of each day"))

    @cached_property
    def files(self) -> Mapping[str, Picture | Table]:
        """What can be had as a file, by name."""
        pictures = {"scatter": self.scatter, "ageing": self.ageing}
        shown = {name: picture for name, picture in pictures.items() if picture is not None}
        tables = {"states": self._states_table(), "blocked": self._blocked_table(), "cycle-times": self._cycle_table()}
        return {**shown, "cumulative": self.cumulative, "in-progress": self.in_progress, **tables}

    @property
    def _days(self) -> Sequence[Mapping[str, Any]]:
        days: list[Mapping[str, Any]] = self.answer["days"]
        step = 1 if len(days) <= MOST_DAYS else 7
        # Today is the last.
        return days[::-step][::-1]

    def _states_table(self) -> Table:
        columns = (_("State"), _("Issues"), _("Median days"), _("Mean days"), _("Share of all time"))
        rows = [
            (row["state"], str(row["issues"]), f"{row['median_days']:g}", f"{row['mean_days']:g}", f"{row['share']:g}")
            for row in self.states["states"]
        ]
        return Table(columns, tuple(rows))

    def _blocked_table(self) -> Table:
        columns = (_("Issue"), _("Title"), _("Reason"), _("Since"), _("Until"), _("Days"))
        rows = [
            (row["key"], row["title"], row["reason"], row["since"], row["until"] or "", f"{row['days']:g}")
            for row in self.blocked["items"]
        ]
        return Table(columns, tuple(rows))

    def _cycle_table(self) -> Table:
        columns = (_("Issue"), _("Title"), _("Started"), _("Done"), _("Days from start to done"))
        rows = [
            (row["key"], row["title"], row["started_on"], row["finished_on"], str(row["days"]))
            for row in self.cycle["items"]
        ]
        return Table(columns, tuple(rows))

    def _named(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, "reference": reference_of(row)}

    def _name(self, row: Mapping[str, Any]) -> str:
        return str(row["key"] or row["title"])

    def _address(self, row: Mapping[str, Any]) -> str:
        return reverse("dashboard:issue", kwargs={"key": self.project.key, "reference": reference_of(row)})


def reference_of(row: Mapping[str, Any]) -> str:
    """What the address of an issue is made of: its key where it came from, or else its id."""
    return row["key"] or str(row["issue_id"])


def flow_page(project: Project, asked: str, *, now: datetime) -> FlowPage:
    """The flow of so many days, if that is one of the choices."""
    span = int(asked) if asked in map(str, SPANS) else DEFAULT_SPAN
    answer = remembered(state_of(project, now=now), f"flow {span}", lambda: flow_answer(project, now=now, days=span))
    return FlowPage(project, answer, span=span)
