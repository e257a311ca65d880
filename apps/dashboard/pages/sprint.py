"""A sprint: will it be done, where does it lead, what endangers it, what could leave it, and what became of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from apps.common.charts.bars import gauge
from apps.common.charts.forecasts import FanDay, Progress, WorkDay, burndown
from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import Markup, Picture, Table
from apps.dashboard.memory import remembered
from apps.dashboard.pages.backlog import Told, told_hours
from apps.dashboard.pages.issues import NamedIssue, named_issues
from apps.ml.core.findings import Finding
from apps.ml.core.forecasts.drops import TARGET_PROBABILITY
from apps.ml.services.predictions.backlog import estimates_of
from apps.ml.services.sprints.overview import SprintOverview
from apps.projects.history.sprint_books import Amount
from apps.projects.selectors import issues_of

#: Issues of a sprint that are estimated; a sprint with more is a backlog, which has a page of its own.
MOST_ESTIMATES = 40
#: Books of the report in the order in which they are read.
BOOKS = {
    "committed": gettext_lazy("Committed"),
    "added": gettext_lazy("Added"),
    "removed": gettext_lazy("Removed"),
    "completed": gettext_lazy("Done"),
    "carried_over": gettext_lazy("Carried over"),
}


RISK_TITLES = {
    "burndown_velocity": gettext_lazy("Behind an even pace"),
    "late_by_forecast": gettext_lazy("Late by the forecast"),
    "under_delivery": gettext_lazy("Delivers less than it holds"),
    "unassigned_issues": gettext_lazy("Issues that nobody has taken"),
    "unestimated_issues": gettext_lazy("Issues without an estimate"),
    "scope_added": gettext_lazy("The scope grew"),
    "stalled_issues": gettext_lazy("Issues that do not move"),
    "capacity_overload": gettext_lazy("More work than people"),
    "hours_drift": gettext_lazy("Work takes longer than estimated"),
    "urgent_issues_late": gettext_lazy("Urgent issues are still open"),
    "circular_links": gettext_lazy("Issues that wait for each other"),
    "unowned_blockers": gettext_lazy("Others wait for what nobody has taken"),
}


@dataclass(frozen=True, slots=True)
class PlanRow:
    """An open issue of the sprint, and what it would change to take it out."""

    issue: NamedIssue
    chance_without: float
    is_kept: bool
    #: What it will take; None where nobody was asked.
    hours: Told | None


@dataclass(frozen=True, slots=True)
class ReportBook:
    """A part of the report."""

    name: str
    title: str | Promise
    amount: Amount
    rows: Sequence[NamedIssue]


@dataclass(frozen=True, slots=True)
class NamedRisk:
    """What endangers the sprint, with the issues that it is about."""

    finding: Finding
    issues: Sequence[NamedIssue]

    @property
    def title(self) -> str | Promise:
        """What kind of risk it is, in a few words."""
        return RISK_TITLES[self.finding.kind]

    @property
    def headline(self) -> str:
        """The first sentence; the others are its evidence."""
        first = self.finding.description.partition(". ")[0].rstrip(".")
        # The contract's sentence gives the difference of both, which is no share of either.
        if self.finding.metric == "completion_percent":
            first = first.replace("% behind", " percentage points behind")
            first += f": {self.finding.actual:g}% is done, {self.finding.expected:g}% was expected"
        return f"{first}."

    @property
    def rest(self) -> str:
        """What stands behind it; empty where one sentence says it all."""
        return self.finding.description.partition(". ")[2]


class SprintPage:
    """One sprint, as the page shows it; `kept` are the ids of issues that stay in a plan, all where none are given.

    Pictures and tables are made when they are asked for: a page needs all of them, a file one.
    """

    def __init__(
        self,
        found: SprintOverview,
        *,
        today: date,
        kept: Sequence[str] | None = None,
        shows_people: bool = True,
        hours: Mapping[str, Told] | None = None,
    ) -> None:
        self.overview, self.today, self.kept, self.shows_people = found, today, kept, shows_people
        self.hours = hours or {}
        self.sprint, self.outlook, self.forecast = found.sprint, found.outlook, found.forecast
        self.names = named_issues(found.sprint.project, _all_issues(found), shows_people=shows_people)

    @property
    def unit(self) -> str:
        """What amounts are counted in: points, or issues where most carry none."""
        if self.outlook:
            return self.outlook.unit
        return "points" if self.overview.books.report.amount("committed").points else "issues"

    @property
    def state(self) -> str:
        """'running, day 6 of 14', 'planned' or 'completed'."""
        sprint = self.sprint
        if sprint.status == "active" and sprint.start_date and sprint.duration_days:
            words = {"day": (self.today - sprint.start_date).days + 1, "days": sprint.duration_days}
            return _("running, day %(day)s of %(days)s") % words
        return {"active": _("running"), "planned": _("planned"), "completed": _("completed")}[sprint.status]

    @property
    def target(self) -> float:
        """A chance that a team can promise."""
        return TARGET_PROBABILITY

    @property
    def is_likely(self) -> bool:
        return (self.overview.chance or 0.0) >= TARGET_PROBABILITY

    @property
    def gauge(self) -> Markup:
        """The chance beside its goal."""
        chance = self.overview.chance or 0.0
        words = {"chance": percent(chance), "goal": percent(TARGET_PROBABILITY)}
        return gauge(chance, goal=TARGET_PROBABILITY, label=_("%(chance)s, the goal is %(goal)s") % words)

    @cached_property
    def path(self) -> Sequence[NamedIssue]:
        """What to take out, one after another, for the target; empty where that is reached or out of reach."""
        reached = self.overview.path and self.overview.path[-1].probability_after >= TARGET_PROBABILITY
        return self._named(drop.issue_id for drop in self.overview.path) if reached else []

    @property
    def more_in_path(self) -> int:
        """Beyond the three that are named."""
        return len(self.path) - 3

    @property
    def unit_short(self) -> str:
        """Behind a large number."""
        return _("pt") if self.unit == "points" else _("issues")

    @property
    def path_chance(self) -> float:
        """The chance once all of that is out."""
        return self.overview.path[-1].probability_after

    def amount(self, found: Amount) -> float:
        """In the page's unit."""
        return found.points if self.unit == "points" else float(found.issues)

    @property
    def delivered(self) -> float:
        """Of a completed sprint."""
        return self.amount(self.overview.books.report.amount("completed"))

    @property
    def scope(self) -> float:
        """In the sprint at its end, or now."""
        report = self.overview.books.report
        return self.delivered + self.amount(report.amount("carried_over")) + self.amount(report.amount("done_outside"))

    @cached_property
    def burndown(self) -> Picture | None:
        """What is left by day and where it leads; None for what has no days yet."""
        found = self.overview.burndown
        if not found.days:
            return None
        progress = Progress(
            unit=self.unit,
            past=[WorkDay(each.day, self.amount(each.remaining), self.amount(each.scope)) for each in found.days],
            fan=[FanDay(**asdict(each)) for each in self.overview.cone],
            target=self.sprint.end_date,
            even=[(each.day, each.points if self.unit == "points" else each.issues) for each in found.ideal],
        )
        words = {"left": number(self.amount(found.days[-1].remaining)), "unit": _(self.unit)}
        return burndown(progress, label=_("What is left by day, now %(left)s %(unit)s, and where it leads") % words)

    @cached_property
    def plan(self) -> Sequence[PlanRow]:
        """The open issues, what helps most to take out first."""
        return [
            PlanRow(
                self.names[drop.issue_id],
                drop.probability_after,
                self.kept is None or drop.issue_id in self.kept,
                self.hours.get(drop.issue_id),
            )
            for drop in self.overview.drops
            if drop.issue_id in self.names
        ]

    @property
    def risks(self) -> Sequence[NamedRisk]:
        """The severest first."""
        return [NamedRisk(each, self._named(each.issues)) for each in self.overview.risks]

    @cached_property
    def books(self) -> Sequence[ReportBook]:
        """Committed, added, removed, done, carried over; while it runs, what is open is not carried over yet."""
        report = self.overview.books.report
        titles = BOOKS if self.sprint.status == "completed" else BOOKS | {"carried_over": gettext_lazy("Still open")}
        return [
            ReportBook(name, title, report.amount(name), self._named(line.issue_id for line in getattr(report, name)))
            for name, title in titles.items()
        ]

    @property
    def files(self) -> Mapping[str, Picture | Table]:
        """What can be had as a file, by name."""
        found: dict[str, Picture | Table] = {"plan": _plan_table(self.plan), "report": _report_table(self.books)}
        return found | ({"burndown": self.burndown} if self.burndown else {})

    def _named(self, issue_ids: Iterable[str]) -> list[NamedIssue]:
        return [self.names[issue_id] for issue_id in issue_ids if issue_id in self.names]


def hours_of(found: SprintOverview, *, state: str) -> Mapping[str, Told]:
    """What each open issue of a sprint will take, in bars that can be compared; remembered until something changes."""
    project, wanted = found.sprint.project, [drop.issue_id for drop in found.drops[:MOST_ESTIMATES]]

    def make() -> Mapping[str, Told]:
        estimates = estimates_of(project.pk, issues_of(project).filter(id__in=wanted))
        top = max((estimate.effort.interval.high for _, estimate in estimates), default=1.0)
        return {str(issue.pk): told_hours(estimate, top=top) for issue, estimate in estimates}

    what = f"hours {get_language()} {found.sprint.pk}"
    return remembered(state, what, make) if wanted else {}


def _all_issues(found: SprintOverview) -> set[str]:
    lines = {line.issue_id for name in BOOKS for line in getattr(found.books.report, name)}
    return lines | {drop.issue_id for drop in found.drops} | {id_ for risk in found.risks for id_ in risk.issues}


def _plan_table(rows: Sequence[PlanRow]) -> Table:
    columns = (_("Issue"), _("Title"), _("Status"), _("Points"), _("Chance without it"))
    cells = [(*_cells(row.issue), percent(row.chance_without)) for row in rows]
    return Table(columns, tuple(cells))


def _report_table(books: Sequence[ReportBook]) -> Table:
    cells = [(str(book.title), *_cells(issue)) for book in books for issue in book.rows]
    return Table((_("Book"), _("Issue"), _("Title"), _("Status"), _("Points")), tuple(cells))


def _cells(issue: NamedIssue) -> tuple[str, ...]:
    points = "" if issue.points is None else number(issue.points)
    return issue.reference, issue.title, issue.status, points
