"""What an import did to rows that are no issues, taken back: sprints, books, types, links, and whom it named.

What somebody changed since stays, and so does what is used by now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import CharField, ForeignObjectRel, Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.names.pseudonyms import cut
from apps.importers.models import ImportRun, ImportTrace, TakingBack
from apps.importers.writing.traces import LIFE, Table, Trace, Values, states
from apps.projects.history.snapshots import open_books
from apps.projects.models import (
    Issue,
    IssueChange,
    IssueLink,
    IssueType,
    Project,
    Sprint,
    SprintSnapshot,
    TeamMember,
    WorkflowStatus,
)
from apps.projects.placeholders import PEOPLE, forget
from apps.projects.rows import IDS_PER_QUERY, in_parts, lock_issues
from apps.projects.selectors import status_is_used, type_is_in_history

Rows = Mapping[Any, Trace]
Done = Mapping[Table, dict[Any, Trace]]


#: Links of a batch: as many as one query asks for.
LINKS_AT_ONCE = IDS_PER_QUERY


def take_links_back(run: ImportRun, back: TakingBack) -> int | None:
    """Some links that the import made, and then some that it removed; None where no more are left."""
    if not back.has_traces:
        return _take_untraced_links_back(run)
    left = run.traces.filter(table=IssueLink._meta.label)
    # First of all what it made: it may stand where another is to come again.
    keys = set(left.filter(before__isnull=True).order_by("-pk").values_list("key", flat=True)[:LINKS_AT_ONCE])
    keys = keys or set(left.order_by("-pk").values_list("key", flat=True)[:LINKS_AT_ONCE])
    if not keys:
        return None
    links = what_it_did(left.filter(key__in=keys))[IssueLink]
    kept = _links_back(links, [key for key, trace in links.items() if trace.before is None])
    left.filter(key__in=keys).delete()
    return kept


def take_rows_back(run: ImportRun, back: TakingBack) -> int | None:
    """All that is left, in one: sprints with their books, types, statuses, and whom the import named.

    How many rows stay or are not as they were.
    """
    if not (run.sprint_ids or run.traces.exists()):
        return None
    done = what_it_did(run.traces.all())
    kept = _sprints_back(done[Sprint], done[SprintSnapshot])
    kept += sum(_changed_back(table, done[table]) for table in (IssueType, Project))
    kept += _remove_sprints(done[Sprint], done[SprintSnapshot])
    Sprint.objects.filter(pk__in=run.sprint_ids, project=run.project, issues__isnull=True).delete()
    kept += sum(_remove_unused(table, done[table]) for table in (IssueType, WorkflowStatus))
    _forget_people(run.project, [key for key, trace in done[User].items() if trace.before is None])
    run.traces.all().delete()
    run.sprint_ids = []
    run.save(update_fields=["sprint_ids"])
    return kept


def lock_rows(run: ImportRun) -> None:
    """First of all, before its issues: all sprints, and the types and states that it made or changed."""
    rows: list[QuerySet[Any]] = [Sprint.objects.filter(project=run.project_id)]
    for table in (IssueType, WorkflowStatus):
        keys = run.traces.filter(table=table._meta.label).values_list("key", flat=True)
        rows.append(table._base_manager.filter(pk__in=list(keys)))
    for some in rows:
        list(some.select_for_update(no_key=True).order_by("pk").values_list("pk"))


def links_made(run: ImportRun, back: TakingBack, issue_ids: Collection[UUID]) -> set[int]:
    """Of the links of these issues those that it made."""
    made: set[int] = set()
    for some in in_parts(sorted(issue_ids)):
        links = IssueLink.objects.filter(Q(blocker__in=some) | Q(blocked__in=some)).order_by()
        if not back.has_traces:
            made.update(_untraced(run, links).values_list("pk", flat=True))
            continue
        for keys in in_parts([str(pk) for pk in links.values_list("pk", flat=True)]):
            traces = run.traces.filter(table=IssueLink._meta.label, key__in=keys, before__isnull=True)
            made.update(int(key) for key in traces.order_by().values_list("key", flat=True))
    return made


def _untraced(run: ImportRun, links: "QuerySet[IssueLink]") -> "QuerySet[IssueLink]":
    """Of imports from before there were traces, those of its source since it began: no later import is left."""
    since = run.started_at or run.created_at
    return links.filter(blocked__project=run.project_id, source=run.source, created_at__gte=since)


def _take_untraced_links_back(run: ImportRun) -> int | None:
    links = list(_untraced(run, IssueLink.objects.order_by("pk")).values_list("pk", flat=True)[:LINKS_AT_ONCE])
    return _links_back({}, links) if links else None


def what_it_did(traces: "QuerySet[ImportTrace]") -> Done:
    """What all steps together did to each row."""
    done: dict[Table, dict[Any, Trace]] = defaultdict(dict)
    for each in traces.order_by("pk"):
        table = apps.get_model(each.table)
        key = table._meta.pk.to_python(each.key)
        first = done[table].get(key)
        before, after = _fitted(table, each.before), _fitted(table, each.after)
        if first is not None:
            # Earlier steps know better what was there, later ones what is.
            before = None if first.before is None else (before or {}) | first.before
            after = None if after is None else (first.after or {}) | after
        done[table][key] = Trace(table, key, before, after)
    return done


def fitted(column: Any, value: Any) -> Any:
    """A pseudonym may be longer than the name whose place it took: it stays whole, as where an erasure cuts."""
    return cut(value, column.max_length) if value and isinstance(column, CharField) else value


def _fitted(table: Table, values: Values | None) -> Values | None:
    fields = {each.attname: each for each in table._meta.concrete_fields}
    return None if values is None else {name: fitted(fields.get(name), value) for name, value in values.items()}


def _typed(table: Table, values: Values) -> Values:
    fields = {each.attname: each for each in table._meta.concrete_fields}
    return {name: fields[name].to_python(value) for name, value in values.items()}


def _is_as_left(now: Values, after: Values) -> bool:
    return all(now[name] == value for name, value in after.items())


def _changed_back(table: Table, rows: Rows) -> int:
    """Rows that were there: as they were, but for those that somebody changed since; how many these are."""
    changed = {key: trace for key, trace in rows.items() if trace.before is not None and trace.after is not None}
    kept = 0
    for key, now in states(table, changed).items():
        before, after = changed[key].before or {}, changed[key].after or {}
        if _is_as_left(now, after):
            table._base_manager.filter(pk=key).update(**_typed(table, before))
        else:
            kept += 1
    return kept


def _sprints_back(sprints: Rows, books: Rows) -> int:
    """When sprints ran, together with their books; what else is told of them each for itself."""
    there = {key for key, trace in sprints.items() if trace.before is not None} | (books.keys() - sprints.keys())
    now_of, books_now = states(Sprint, there), states(SprintSnapshot, there)
    kept = 0
    for key, now in now_of.items():
        trace = sprints.get(key, Trace(Sprint, key, {}, {}))
        before, after = trace.before or {}, trace.after or {}
        stays = {name for name, value in after.items() if now[name] != value}
        had = books.get(key)
        is_ours = had is None or books_now.get(key) == had.after
        if stays & set(LIFE) or not is_ours or (had is None and set(LIFE) & before.keys() and key in books_now):
            stays |= set(LIFE) & before.keys()
        elif had is not None:
            open_books(key)
        goes = _typed(Sprint, {name: value for name, value in before.items() if name not in stays})
        if goes.get("status", Sprint.Status.COMPLETED) != Sprint.Status.COMPLETED:
            # What earlier versions noted of sprints that ran.
            goes["completed_at"] = None
        if goes:
            Sprint.objects.filter(pk=key).update(**goes)
        if had is not None and had.before is not None and is_ours and not stays & set(LIFE):
            SprintSnapshot(**_typed(SprintSnapshot, had.before)).save(force_insert=True)
        kept += bool(stays) or not is_ours
    return kept


def _links_back(rows: Rows, made: Collection[int]) -> int:
    """Those that were made go, and those that were removed come again, where both ends are still there."""
    own = sorted(made)
    for part in in_parts(own):
        IssueLink.objects.filter(pk__in=part).delete()
    gone = [IssueLink(pk=key, **_typed(IssueLink, trace.before)) for key, trace in rows.items() if trace.before]
    ends = {end for link in gone for end in (link.blocker_id, link.blocked_id)}
    here = lock_issues(ends)
    whole = [link for link in gone if {link.blocker_id, link.blocked_id} <= here]
    # Whoever linked the same since did it by hand, so that no source takes it away.
    IssueLink.objects.bulk_create(whole, ignore_conflicts=True)
    blocked = sorted({link.blocked_id for link in whole})
    for issues in in_parts(blocked):
        Issue.objects.filter(pk__in=issues).update(updated_at=timezone.now())
    return len(gone) - len(whole)


def _remove_sprints(sprints: Rows, books: Rows) -> int:
    """Sprints that were made, as they were left and with no issues; how many stay.

    What somebody named, dated, started or closed since is the team's, and so are its books.
    """
    made = {key: trace.after for key, trace in sprints.items() if trace.before is None and trace.after is not None}
    now_of, books_now = states(Sprint, made), states(SprintSnapshot, made)
    left = {key: books[key].after if key in books else None for key in made}
    goes = [key for key, now in now_of.items() if _is_as_left(now, made[key]) and books_now.get(key) == left[key]]
    gone = 0
    for part in in_parts(goes):
        unused = Sprint.objects.filter(pk__in=part, issues__isnull=True)
        gone += unused.delete()[1].get(Sprint._meta.label, 0)
    return len(now_of) - gone


def _remove_unused(table: type[IssueType] | type[WorkflowStatus], rows: Rows) -> int:
    """Types and states that were made for issues which are gone; how many stay.

    Those that somebody named or ordered anew do, as do those that are used.
    """
    made = {key: trace.after or {} for key, trace in rows.items() if trace.before is None}
    now_of = states(table, made)
    unchanged = [key for key, now in now_of.items() if _is_as_left(now, made[key])]
    gone = 0
    for row in table._base_manager.filter(pk__in=unchanged):
        is_told = status_is_used(row) if isinstance(row, WorkflowStatus) else type_is_in_history(row)
        if not (is_told or row.issues.exists()):
            row.delete()
            gone += 1
    return len(now_of) - gone


def _forget_people(project: Project, made: Collection[UUID]) -> None:
    """Whom the import named for the first time, where nothing is theirs any more: a wrong file leaves no names."""
    named, as_text = IssueChange.objects.filter(project=project, field__in=PEOPLE).order_by(), set[str]()
    for column in ("old_value", "new_value"):
        as_text.update(named.exclude(**{column: ""}).values_list(column, flat=True).distinct())
    people = {pk for pk in made if str(pk) not in as_text}
    for table, name in _naming(User):
        if table is not TeamMember:
            rows = table._base_manager.filter(**{f"{name}__in": people}).order_by()
            people -= set(rows.values_list(name, flat=True).distinct())
    # As it was made: nobody has said anything of this member since.
    as_made = TeamMember.objects.filter(
        project=project, user__in=people, user__is_placeholder=True, role=TeamMember.Role.MEMBER,
        available_for_assignment=True, is_agent=False, absent_from=None, absent_until=None,
    )  # fmt: skip
    as_made.delete()
    # Whose work was given to a member stays, so that the next import knows whose it is.
    forget(User.objects.filter(pk__in=people, became=None).values_list("pk", flat=True))


def _naming(table: Table) -> Iterator[tuple[Table, str]]:
    """All columns of other tables that refer to rows of one, also those that have no way back."""
    for relation in table._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and (relation.one_to_many or relation.one_to_one):
            yield relation.related_model, relation.field.name
