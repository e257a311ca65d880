"""What an import did to issues, taken back: each field as it was, as far as that can still be.

What somebody did since goes before: a field that was changed here stays, with all of its history. What it held may be
gone: whoever became a member's own is that member, who left the team has no open work, a sprint that was deleted or
closed takes nothing more, and a type that was deleted cannot come back.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.importers.models import ImportRun, ImportTouch, ImportTrace, TakingBack
from apps.importers.undoing.rows_back import fitted, links_made
from apps.importers.undoing.staying import staying
from apps.importers.undoing.tree import Above, Tree, with_those_above
from apps.importers.writing.identities import NAMES, put_back
from apps.importers.writing.traces import plain
from apps.importers.writing.workflow import DONE, DROPPED
from apps.projects.history.moments import moments_of
from apps.projects.history.writing import new_change, store_changes
from apps.projects.models import Issue, IssueChange, IssueType, Sprint, TeamMember, WorkflowStatus
from apps.projects.rows import in_parts, lock_issues, note_removal

#: These say something together only: how far an issue is, and by what its source knows it.
_TOGETHER = (
    frozenset({"status_id", "started_at", "resolved_at", "dropped_at", "last_moved_at"}),
    NAMES,
)
_PEOPLE = ("assignee_id", "reporter_id")
_FIELDS = {each.attname: each for each in Issue._meta.concrete_fields}
Values = dict[str, Any]


#: Issues of a batch: as many as an import writes in one, a third of a second of SQLite's only writer at most.
ISSUES_AT_ONCE = 1_000


def put_changed_back(run: ImportRun, back: TakingBack) -> int | None:
    """Some issues that the import changed; how many are not all as they were, None where no more are left.

    What it added to their history goes, too, but for the fields that stay.
    """
    made = ImportTouch.objects.filter(run=run, issue=OuterRef("issue"), before__isnull=True)
    left = run.touches.filter(~Exists(made), stays=None)
    issue_ids = set(left.order_by("issue").values_list("issue", flat=True)[:ISSUES_AT_ONCE])
    return _changed_back(run, back, with_those_above(run, issue_ids)) if issue_ids else None


def _changed_back(run: ImportRun, back: TakingBack, above: Above) -> int:
    touches = touches_of(run, above.issue_ids)
    befores, afters = _befores(touches), _afters(touches)
    lock_issues({*befores, *above.all_ids})
    history = _History(touches, back.first_change)
    present = _Present(run, befores, afters, Tree(above, befores, afters))
    emptied: list[IssueChange] = []
    names: dict[UUID, Values] = {}
    stay: set[tuple[UUID, str]] = set()
    kept: set[UUID] = set()
    for issues in _issues(sorted(befores)):
        written: dict[frozenset[str], list[Issue]] = defaultdict(list)
        for issue in issues:
            changed = history.changed_since(issue.pk) | {
                _named(name) for name, value in afters.get(issue.pk, {}).items() if getattr(issue, name) != value
            }
            past = present.past_of(issue, befores[issue.pk], changed)
            if called := {name: past.values.pop(name) for name in NAMES & past.values.keys()}:
                names[issue.pk] = called
            for name, value in past.values.items():
                setattr(issue, name, value)
            written[frozenset(past.values)].append(issue)
            stay |= {(issue.pk, _named(attribute)) for attribute in past.stays}
            emptied += past.emptied
            kept |= {issue.pk} if past.stays or past.emptied else set()
        _write(written)
    # History is append-only for everybody but who wrote it by mistake: what an import added leaves with it.
    for some in in_parts(history.added(but=stay)):
        added: QuerySet[IssueChange] = QuerySet(IssueChange).filter(pk__in=some)
        added.delete()
    _tell(emptied, run)
    _leave_names(touches, names, kept)
    return len(kept - names.keys())


def _leave_names(touches: Sequence[ImportTouch], names: Mapping[UUID, Values], kept: Collection[UUID]) -> None:
    """Entries go with what they told; of names, which others may bear until these are gone, one of each issue stays."""
    last = {touch.issue_id: touch for touch in touches if touch.issue_id in names}
    for issue_id, touch in last.items():
        touch.before, touch.after, touch.changes, touch.stays = names[issue_id], {}, [], issue_id in kept
    ImportTouch.objects.bulk_update(last.values(), ["before", "after", "changes", "stays"], batch_size=100)
    over = [touch.pk for touch in touches if touch.issue_id not in names or touch.pk != last[touch.issue_id].pk]
    for some in in_parts(over):
        ImportTouch.objects.filter(pk__in=some).delete()


def take_made_back(run: ImportRun, back: TakingBack) -> int | None:
    """Some issues that the import made, once all others are as they were; how many stay, None where no more are left.

    Parts come before what they are parts of: at the end those are left of which a part stays.
    """
    made = run.touches.filter(before__isnull=True).order_by("issue")
    parts = Issue.objects.filter(parent=OuterRef("issue")).order_by()
    issue_ids = set(made.filter(~Exists(parts)).values_list("issue", flat=True)[:ISSUES_AT_ONCE])
    issue_ids = issue_ids or set(made.values_list("issue", flat=True)[:ISSUES_AT_ONCE])
    if not issue_ids:
        return None
    # Who refers to one of them waits until it is known to stay.
    lock_issues(issue_ids, to_delete=True)
    touches = touches_of(run, issue_ids)
    history = _History(touches, back.first_change)
    worked_on = {issue_id for issue_id in issue_ids if history.others[issue_id]}
    own = links_made(run, back, issue_ids)
    kept = staying(issue_ids, _afters(touches), in_history=worked_on, own_links=own)
    for some in in_parts(sorted(issue_ids - kept)):
        Issue.objects.filter(pk__in=some).delete()
    for some in in_parts(sorted(kept)):
        run.touches.filter(issue__in=some).delete()
    note_removal(run.project_id)
    return len(kept)


def put_names_back(run: ImportRun, back: TakingBack) -> int | None:
    """Call issues as they were called, all in one, now that those are gone that may have their keys."""
    left = {touch.issue_id: touch for touch in run.touches.exclude(stays=None)}
    if not left:
        return None
    lock_issues(left)
    # Once more: an erasure may have come since the others were put back.
    names = {
        issue_id: {name: fitted(_FIELDS[name], value) for name, value in (touch.before or {}).items()}
        for issue_id, touch in left.items()
    }
    kept = put_back(run.project, names)
    run.touches.exclude(stays=None).delete()
    return len(kept | {issue_id for issue_id, touch in left.items() if touch.stays})


def touches_of(run: ImportRun, issue_ids: Collection[UUID]) -> list[ImportTouch]:
    """All that the import did to these issues, the latest first."""
    found: list[ImportTouch] = []
    for some in in_parts(sorted(issue_ids)):
        found += run.touches.filter(issue__in=some)
    return sorted(found, key=lambda touch: -touch.pk)


def _issues(ids: Sequence[UUID]) -> Iterator[Sequence[Issue]]:
    return (list(Issue.objects.filter(pk__in=some).order_by("pk")) for some in in_parts(ids))


def _write(written: Mapping[frozenset[str], Sequence[Issue]]) -> None:
    """A statement for all issues whose same fields are put back: one each holds SQLite's only writer for long."""
    for names, issues in written.items():
        fields = [*(_FIELDS[name].name for name in names), "updated_at"]
        Issue.objects.bulk_create(issues, update_conflicts=True, unique_fields=["id"], update_fields=fields)


class _History:
    """What is recorded of the issues that an import touched: what it added, and what it did not."""

    def __init__(self, touches: Iterable[ImportTouch], first_of_all: int | None) -> None:
        own = {change for touch in touches for change in touch.changes}
        self._own: dict[tuple[UUID, str], list[int]] = defaultdict(list)
        self._first: dict[UUID, int] = {}
        self._first_of_all = first_of_all
        self.others: dict[UUID, dict[str, int]] = defaultdict(dict)
        for some in in_parts(sorted({touch.issue_id for touch in touches})):
            rows = IssueChange.objects.filter(issue__in=some).order_by()
            for issue_id, name, pk in rows.values_list("issue", "field", "pk").iterator():
                if pk in own:
                    self._own[issue_id, name].append(pk)
                    self._first[issue_id] = min(pk, self._first.get(issue_id, pk))
                else:
                    self.others[issue_id][name] = max(pk, self.others[issue_id].get(name, pk))

    def changed_since(self, issue_id: UUID) -> set[str]:
        """Which fields of an issue somebody else changed after the import had."""
        first = self._first.get(issue_id, self._first_of_all)
        return {name for name, pk in self.others[issue_id].items() if first is not None and pk > first}

    def added(self, *, but: Collection[tuple[UUID, str]]) -> list[int]:
        return [pk for place, pks in self._own.items() if place not in but for pk in pks]


@dataclass(slots=True)
class _Past:
    """To what an issue is put back, which attributes stay as they are, and what is empty for want of what it held."""

    values: Values
    stays: set[str]
    emptied: list[IssueChange] = field(default_factory=list)


class _Present:
    """What there is now, to put issues back to."""

    def __init__(
        self, run: ImportRun, befores: Mapping[UUID, Values], afters: Mapping[UUID, Values], tree: Tree
    ) -> None:
        project, closed = run.project, _closed_since(run)
        self._ended = dict.fromkeys(WorkflowStatus.objects.filter(project=project).values_list("pk", flat=True), False)
        over = WorkflowStatus.objects.filter(project=project, category__in=(DONE, DROPPED))
        self._ended |= dict.fromkeys(over.values_list("pk", flat=True), True)
        self._types = set(IssueType.objects.filter(project=project).values_list("pk", flat=True))
        self._open_to_all = set(Sprint.objects.filter(project=project).values_list("pk", flat=True)) - closed
        self._team = set(TeamMember.objects.filter(project=project).values_list("user_id", flat=True))
        held = befores.values()
        self._became = _became({before[name] for before in held for name in _PEOPLE if before.get(name)})
        self._tree = tree

    def past_of(self, issue: Issue, before: Values, changed: Collection[str]) -> _Past:
        stays = {name for name in before if _named(name) in changed or not self._is_possible(name, before, issue)}
        for some in _TOGETHER:
            if stays & some:
                stays |= some & before.keys()
        past = _Past({name: fitted(_FIELDS[name], value) for name, value in before.items() if name not in stays}, stays)
        for name in _PEOPLE:
            if name in past.values:
                past.values[name] = self._became.get(past.values[name])
        self._empty(issue, before, past)
        return past

    def _is_possible(self, name: str, before: Values, issue: Issue) -> bool:
        """Whether a field that cannot be empty may hold again what it held."""
        if name == "issue_type_id":
            return before[name] in self._types
        if name == "status_id":
            return before[name] in self._ended
        if name == "parent_id":
            return self._tree.takes(issue.pk)
        return True

    def _empty(self, issue: Issue, before: Values, past: _Past) -> None:
        """Empty what an issue cannot be put back to; of what it had before the history is told."""
        is_open = not self._ended.get(past.values.get("status_id", issue.status_id), False)
        for name, takes in (("assignee_id", self._team), ("sprint_id", self._open_to_all)):
            is_put_back = name in past.values
            was = before.get(name) if is_put_back else getattr(issue, name)
            goes_to = past.values[name] if is_put_back else was
            # Who did finished work is still told, and so is the sprint that it was finished in.
            is_given = is_open and (is_put_back or "status_id" in past.values)
            matters = is_given or (is_put_back and name == "sprint_id")
            if was and (goes_to is None or (matters and goes_to not in takes)):
                past.values[name] = None
                change = new_change(issue, _named(name), str(goes_to or was), None, by=None, at=timezone.now())
                past.emptied.append(change)


def _closed_since(run: ImportRun) -> set[UUID]:
    """Sprints that somebody closed since the import was asked for; what imports told of ends may lie ahead of ours."""
    late = Sprint.objects.filter(project=run.project_id, completed_at__gt=run.created_at)
    ends = dict(late.order_by().values_list("pk", "completed_at"))
    keys, told = [str(pk) for pk in ends], set[tuple[str, Any]]()
    for some in in_parts(keys):
        traces = ImportTrace.objects.filter(run__project=run.project_id, table=Sprint._meta.label, key__in=some)
        left = traces.exclude(after=None).order_by().values_list("key", "after")
        told.update((key, (after or {}).get("completed_at")) for key, after in left)
    return {pk for pk, end in ends.items() if (str(pk), plain(end)) not in told}


def _befores(touches: Sequence[ImportTouch]) -> dict[UUID, Values]:
    """What issues held before an import, of touches with the latest first; typed as the columns are."""
    befores: dict[UUID, Values] = {}
    for touch in touches:
        if touch.before:
            typed = {name: _FIELDS[name].to_python(value) for name, value in touch.before.items()}
            befores.setdefault(touch.issue_id, {}).update(typed)
    return befores


def _afters(touches: Sequence[ImportTouch]) -> dict[UUID, Values]:
    """What the import left in fields without a history, of touches with the latest first."""
    afters: dict[UUID, Values] = {}
    for touch in touches:
        typed = {name: _FIELDS[name].to_python(value) for name, value in touch.after.items()}
        afters[touch.issue_id] = typed | afters.get(touch.issue_id, {})
    parents, there = {after["parent_id"] for after in afters.values() if after.get("parent_id")}, set[UUID]()
    for some in in_parts(sorted(parents)):
        there.update(Issue.objects.filter(pk__in=some).order_by().values_list("pk", flat=True))
    # Whose parent was deleted since has none, and nobody did anything with it.
    return {
        pk: after | ({} if after.get("parent_id") in {*there, None} else {"parent_id": None})
        for pk, after in afters.items()
    }


def _became(people: set[UUID]) -> dict[UUID, UUID]:
    """Who these people are today; who has no row any more is not there."""
    became: dict[UUID, UUID | None] = {}
    asked = people
    while asked:
        became |= dict(User.objects.filter(pk__in=asked).values_list("pk", "became"))
        asked = {pk for pk in became.values() if pk} - became.keys()
    return {one: _last(one, became) for one in people if one in became}


def _last(one: UUID, became: Mapping[UUID, UUID | None]) -> UUID:
    seen = {one}
    while (following := became[one]) is not None and following not in seen:
        seen.add(following)
        one = following
    return one


def _named(attribute: str) -> str:
    return attribute.removesuffix("_id") if _FIELDS[attribute].is_relation else attribute


def _tell(emptied: Sequence[IssueChange], run: ImportRun) -> None:
    """Keep what happened to issues; with the import before, so that it goes where that one is taken back, too."""
    at = moments_of([change.issue_id for change in emptied], timezone.now)
    for change in emptied:
        change.changed_at = at.of(change.issue_id, change.field)
    changes = store_changes(emptied)
    others = ImportTouch.objects.filter(issue__in={change.issue_id for change in changes}).exclude(run=run)
    last = {touch.issue_id: touch for touch in others.order_by("pk")}
    for change in changes:
        if touch := last.get(change.issue_id):
            touch.changes.append(change.pk)
    ImportTouch.objects.bulk_update(last.values(), ["changes"], batch_size=100)
