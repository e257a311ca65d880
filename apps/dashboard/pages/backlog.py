"""Every open issue with what it will take; why, for one of them; and an estimate while an issue is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from apps.common.charts.bars import Part, Range, contributions, interval_bar
from apps.common.charts.numbers import number, percent
from apps.common.charts.picture import Markup, Picture, Table
from apps.common.texts.searching import search_in_turn
from apps.dashboard.memory import remembered, state_of
from apps.dashboard.types import Issue, Project, User
from apps.ml.selectors.backlog import (
    LACKING,
    ORDERS,
    BacklogCounts,
    BacklogQuery,
    backlog_counts,
    issues_in_order,
    listed_ids,
    open_issues,
)
from apps.ml.selectors.issues import facts_of
from apps.ml.services import PredictionService, RecommendationService
from apps.ml.services.points.vote import is_hidden
from apps.ml.services.predictions.backlog import Draft, Estimate, draft, estimates_of
from apps.ml.services.predictions.switch import texts_erased_at
from apps.projects.links.selectors import waiting_for
from apps.projects.selectors import people_named, team_of

#: Issues on a page: what fits two screens, and is answered in a tenth of a second.
ISSUES_A_PAGE = 25
#: Issues in a file at most: some seconds of answers.
ISSUES_A_FILE = 2_000
#: Names beside an issue.
PEOPLE_SHOWN = 2
#: Of a typed title, from which on there is something to compare.
SHORTEST_TITLE = 4
#: Of a blocker without a key, in a line about another issue.
LONGEST_TITLE = 40
#: Parts of a prediction that are drawn one by one; the smaller ones are added up.
PARTS_SHOWN = 7
#: What each method is called, and the colour of its word.
METHODS: Mapping[str, tuple[str | Promise, str]] = {
    "ml_model": (pgettext_lazy("method of a prediction", "model"), "plain"),
    "similarity": (pgettext_lazy("method of a prediction", "similar issues"), "warn"),
    "heuristic": (pgettext_lazy("method of a prediction", "averages"), "warn"),
    "baseline": (pgettext_lazy("method of a prediction", "team's median"), "warn"),
    "prior": (pgettext_lazy("method of a prediction", "other teams"), "warn"),
}
ORDER_NAMES: Mapping[str, str | Promise] = {
    "priority": gettext_lazy("most urgent first"),
    "newest": gettext_lazy("newest first"),
    "oldest": gettext_lazy("oldest first"),
    "points": gettext_lazy("most points first"),
    "estimate": gettext_lazy("largest estimate first"),
}
#: Orders by what is predicted, largest first. Every issue has to be asked about, so that long lists have none.
PREDICTED_ORDERS: Mapping[str, Callable[[Estimate], float]] = {
    "hours": lambda estimate: estimate.effort.predicted_hours,
    "unsure": lambda estimate: estimate.effort.interval.high / max(estimate.effort.interval.low, 1e-9),
}
MOST_ORDERED = 300
PREDICTED_NAMES: Mapping[str, str | Promise] = {
    "hours": gettext_lazy("longest first, as predicted"),
    "unsure": gettext_lazy("least sure first"),
}
LACKING_NAMES: Mapping[str, str | Promise] = {
    "points": gettext_lazy("without points"),
    "assignee": gettext_lazy("without an assignee"),
    "description": gettext_lazy("without a description"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A prediction as it is shown: the bar, the numbers beside it, how sure, and who says so."""

    bar: Markup
    typical: str
    low: str
    high: str
    sure: str
    method: str | Promise
    tone: str


@dataclass(frozen=True, slots=True)
class BacklogLine:
    """One open issue."""

    issue: Issue
    hours: Told
    #: None while the project hides them until the team has voted.
    points: Told | None
    #: Who would normally take it, the likeliest first; empty where the project hides names.
    people: str
    #: Keys of open issues that it waits for, as far as the reader sees these.
    blocked_by: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the page shows."""

    asked: BacklogQuery
    counts: BacklogCounts
    page: Page[Any]
    lines: Sequence[BacklogLine]
    orders: Mapping[str, str | Promise]
    lacking: Mapping[str, str | Promise]
    #: Whether the team has people who are suggested for nothing, having no account.
    has_placeholders: bool


def query_of(values: Mapping[str, str]) -> BacklogQuery:
    """What an address asks for."""
    order, lacking = values.get("order", ""), values.get("lacking", "")
    return BacklogQuery(
        search=values.get("q", "").strip()[:200],
        issue_type=values.get("type", ""),
        component=values.get("component", ""),
        lacking=lacking if lacking in LACKING else "",
        order=order if order in ORDERS or order in PREDICTED_ORDERS else "priority",
    )


def backlog_of(project: Project, asked: BacklogQuery, *, page: str, now: datetime, user: User) -> Backlog:
    """One page of the open issues with their predictions."""
    state = state_of(project, now=now)
    issue_ids = _listed(project, asked, state)
    shown = Paginator(issue_ids, ISSUES_A_PAGE).get_page(page)
    own = list(shown.object_list)
    issues = issues_in_order(project.id, own)
    # The language is part of what is kept: bars are named in it.
    what = f"backlog {get_language()} {own}"
    found = remembered(state, what, lambda: _figures(project, issues, now=now))
    lines = _lines(project, issues, found, waiting_for(own, user))
    counts = remembered(state, "backlog counts", lambda: backlog_counts(project.id))
    orders = {**ORDER_NAMES, **(PREDICTED_NAMES if counts.issues <= MOST_ORDERED else {})}
    unknown = bool(lines) and team_of(project).filter(user__is_placeholder=True).exists()
    return Backlog(asked, counts, shown, lines, orders, LACKING_NAMES, unknown)


def _named(issues: Iterable[Issue]) -> str:
    """Keys, or else titles."""
    return ", ".join(issue.external_id or issue.title[:LONGEST_TITLE] for issue in issues)


def _listed(project: Project, asked: BacklogQuery, state: str) -> Sequence[UUID]:
    """What is searched is asked once; other lists are turned page by page."""

    def listed() -> Sequence[UUID]:
        issue_ids = listed_ids(project.id, asked)
        if asked.order not in PREDICTED_ORDERS or len(issue_ids) > MOST_ORDERED:
            return issue_ids
        found = estimates_of(project.id, issues_in_order(project.id, issue_ids))
        return [issue.id for issue, _ in _ordered(found, asked)]

    _take_turn(project, asked)
    if asked.search:
        return listed()
    # What somebody writes into an address, which may be a name, stays in no memory.
    what = blake2b(repr(asked).encode(), digest_size=16).hexdigest()
    return remembered(state, f"backlog {what}", listed)


def _take_turn(project: Project, asked: BacklogQuery) -> None:
    """For a search in a large backlog."""
    if asked.search:
        search_in_turn(open_issues(project.id, replace(asked, search="")), asked.search)


def _ordered(found: Sequence[tuple[Issue, Estimate]], asked: BacklogQuery) -> Sequence[tuple[Issue, Estimate]]:
    """By what is predicted, where that is asked for."""
    if asked.order not in PREDICTED_ORDERS:
        return found
    return sorted(found, key=lambda each: PREDICTED_ORDERS[asked.order](each[1]), reverse=True)


def backlog_file(project: Project, asked: BacklogQuery) -> Table:
    """Every issue asked for, in plain numbers with the decimals of the API."""
    _take_turn(project, asked)
    found = _ordered(estimates_of(project.id, open_issues(project.id, asked)[:ISSUES_A_FILE]), asked)
    columns = (
        "key", "title", "type", "status", "priority", "story_points", "predicted_hours", "hours_low", "hours_high",
        "hours_confidence", "hours_method", "recommended_points", "points_low", "points_high", "points_confidence",
        "points_method",
    )  # fmt: skip
    return Table(columns, tuple(_cells(project, issue, estimate) for issue, estimate in found))


def _cells(project: Project, issue: Issue, estimate: Estimate) -> tuple[str, ...]:
    effort, points = estimate.effort, estimate.points
    known = (
        issue.external_id,
        issue.title,
        issue.issue_type.name,
        issue.status.name,
        issue.priority,
        issue.story_points,
    )
    hours = (round(effort.predicted_hours, 2), round(effort.interval.low, 2), round(effort.interval.high, 2))
    own = (*hours, round(effort.confidence, 3), effort.method)
    recommended: tuple[str | float | None, ...] = (
        points.recommended_points,
        points.interval.low,
        points.interval.high,
        round(points.confidence, 3),
        points.method,
    )
    if is_hidden(project, issue.story_points):
        recommended = (None,) * len(recommended)
    return tuple(_plain(value) for value in (*known, *own, *recommended))


def _plain(value: str | float | None) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class _Figures:
    """What is remembered of one open issue, by the names of `BacklogLine`; of people only who they are."""

    hours: Told
    points: Told | None
    people: Sequence[UUID]


def _lines(
    project: Project,
    issues: Sequence[Issue],
    found: Mapping[UUID, _Figures],
    blockers: Mapping[UUID, Sequence[Issue]],
) -> list[BacklogLine]:
    """Issues and names as they are now, with their figures; what one reader sees is not kept for another."""
    wanted = set() if project.hides_names else {id_ for each in found.values() for id_ in each.people}
    names = people_named(wanted)
    return [
        BacklogLine(
            issue,
            told.hours,
            told.points,
            ", ".join(names[id_] for id_ in told.people if id_ in names),
            blocked_by=_named(blockers.get(issue.pk, ())),
        )
        for issue in issues
        if (told := found.get(issue.pk)) is not None
    ]


def _figures(project: Project, issues: Sequence[Issue], *, now: datetime) -> Mapping[UUID, _Figures]:
    """Bars of one table share their ends, so that they can be compared."""
    found = estimates_of(project.id, issues)
    people = RecommendationService().likely_people(issues, project.id, PEOPLE_SHOWN, now=now)
    top_hours = max((estimate.effort.interval.high for _, estimate in found), default=1.0)
    top_points = max((estimate.points.interval.high for _, estimate in found), default=1.0)
    return {
        issue.pk: _Figures(
            told_hours(estimate, top=top_hours),
            None if is_hidden(project, issue.story_points) else told_points(estimate, top=top_points),
            [person.pk for person in people[issue.pk]],
        )
        for issue, estimate in found
    }


def told_hours(estimate: Estimate, *, top: float) -> Told:
    """Predicted hours; `top` is the end of the bar."""
    said = estimate.effort
    found = Range(said.interval.low, said.predicted_hours, said.interval.high, _("hours"), said.interval.level)
    return _told(found, said.confidence, said.method, top)


def told_points(estimate: Estimate, *, top: float) -> Told:
    """Recommended points; `top` is the end of the bar."""
    said = estimate.points
    found = Range(said.interval.low, said.recommended_points, said.interval.high, _("points"), said.interval.level)
    return _told(found, said.confidence, said.method, top)


def _told(found: Range, confidence: float, method: str, top: float) -> Told:
    name, tone = METHODS[method]
    low, typical, high = map(number, (found.low, found.typical, found.high))
    return Told(interval_bar(found, top=top), typical, low, high, percent(confidence), name, tone)


@dataclass(frozen=True, slots=True)
class Why:
    """What one issue's predictions rest on; `effort`, `points` and `people` are the answers of the API."""

    issue: Issue
    effort: Mapping[str, Any]
    people: Mapping[str, Any]
    hours_bar: Markup
    parts_of_hours: Picture | None
    #: None while the project hides them until the team has voted.
    points: "WhyPoints | None"


@dataclass(frozen=True, slots=True)
class WhyPoints:
    """What recommended points rest on; `answer` is that of the API."""

    answer: Mapping[str, Any]
    bar: Markup
    parts: Picture | None
    #: Points and their probabilities, those of more than one in a hundred.
    chances: Sequence[tuple[str, str]]


def why(project: Project, issue_id: UUID, *, user: User) -> Why | None:
    """The three answers about one open issue, recorded as the API's are; None without such an issue."""
    # Before the issue is read.
    about = {"user": user, "project_id": project.id, "erased_at": texts_erased_at(project.id)}
    issue = open_issues(project.id, BacklogQuery()).filter(id=issue_id).first()
    if issue is None:
        return None
    asked = asdict(facts_of(issue)) | about | {"issue_id": issue.id}
    effort = PredictionService().predict_issue_effort(**asked)
    return Why(
        issue,
        effort,
        RecommendationService().suggest_assignment(issue.id, project.id, user=user),
        _bar(effort, "predicted_hours", _("hours")),
        parts(effort["contributions"], label=_("What the hours are made of"), unit=_("hours")),
        None if is_hidden(project, issue.story_points) else _why_points(asked),
    )


def _why_points(asked: Mapping[str, Any]) -> WhyPoints:
    answer = PredictionService().recommend_story_points(**asked)
    return WhyPoints(
        answer,
        _bar(answer, "recommended_points", _("points")),
        parts(answer["contributions"], label=_("What the points are made of"), unit=_("points")),
        _chances(answer["probability_distribution"]),
    )


def _bar(answer: Mapping[str, Any], name: str, unit: str) -> Markup:
    ends = answer["prediction_range"]
    found = Range(ends["min"], answer[name], ends["max"], unit, answer["range_level"])
    return interval_bar(found, top=ends["max"] * 1.2)


def parts(found: Iterable[Mapping[str, Any]], *, label: str, unit: str) -> Picture | None:
    """Contributions that add up, the smaller ones together; None where a method has none."""
    known = [Part(each["name"], each["effect"]) for each in found]
    if not known:
        return None
    base, *others = known
    largest = sorted(others, key=lambda part: -abs(part.effect))[: PARTS_SHOWN - 1]
    shown = [part for part in others if part in largest]
    rest = sum(part.effect for part in others if part not in largest)
    smaller = [Part(_("everything smaller"), rest)] if len(shown) < len(others) else []
    return contributions([base, *shown, *smaller], label=label, unit=unit)


def _chances(distribution: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(points, percent(share)) for points, share in distribution.items() if share >= 0.01]


@dataclass(frozen=True, slots=True)
class Typed:
    """What is told of a title while it is typed."""

    draft: Draft
    hours: Told
    #: None while the project hides them until the team has voted.
    points: Told | None
    chances: Sequence[tuple[str, str]]


def typed(project: Project, title: str, *, issue_type: str, component: str) -> Typed | None:
    """None while the title is too short to say anything."""
    if len(title.strip()) < SHORTEST_TITLE:
        return None
    found = draft(project.id, title.strip()[:500], issue_type=issue_type, component=component)
    estimate = found.estimate
    return Typed(
        found,
        told_hours(estimate, top=estimate.effort.interval.high * 1.2),
        None if is_hidden(project, None) else told_points(estimate, top=estimate.points.interval.high * 1.2),
        []
        if is_hidden(project, None)
        else _chances({f"{points:g}": share for points, share in estimate.points.probabilities.items()}),
    )
