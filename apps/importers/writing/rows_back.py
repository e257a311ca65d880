"""What an import did to rows that are no issues, taken back: sprints, books, types, links, and whom it named.

What somebody changed since stays, and so does what is used by now.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import CharField, ForeignObjectRel, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.importers.models import ImportRun
from apps.importers.writing.changes import IDS_PER_QUERY
from apps.importers.writing.traces import LIFE, Table, Trace, Values, states
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
from apps.projects.selectors import status_is_used, type_is_in_history

Rows = Mapping[Any, Trace]


def take_rows_back(run: ImportRun) -> int:
    """Undo what an import did to them, after its issues are taken back; how many rows are not as they were."""
    done = _whole(run)
    kept = _sprints_back(done[Sprint], done[SprintSnapshot])
    kept += sum(_changed_back(table, done[table]) for table in (IssueType, Project))
    kept += _links_back(done[IssueLink])
    made = [key for key, trace in done[Sprint].items() if trace.before is None]
    Sprint.objects.filter(pk__in=[*made, *run.sprint_ids], project=run.project, issues__isnull=True).delete()
    for table in (IssueType, WorkflowStatus):
        _remove_unused(table, done[table])
    _forget_people(run.project, [key for key, trace in done[User].items() if trace.before is None])
    return kept


def _whole(run: ImportRun) -> Mapping[Table, dict[Any, Trace]]:
    """What all steps together did to each row."""
    done: dict[Table, dict[Any, Trace]] = defaultdict(dict)
    for each in run.traces.order_by("pk"):
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


def _fitted(table: Table, values: Values | None) -> Values | None:
    """A pseudonym may be longer than the name whose place it took; where the row's own took it, that was cut, too."""
    if values is None:
        return None
    lengths = {each.attname: each.max_length for each in table._meta.concrete_fields if isinstance(each, CharField)}
    return {name: value[: lengths[name]] if value and name in lengths else value for name, value in values.items()}


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
            # Past the manager, which lets nobody change what is frozen: it was frozen by mistake.
            QuerySet(SprintSnapshot).filter(pk=key).delete()
        goes = _typed(Sprint, {name: value for name, value in before.items() if name not in stays})
        if goes:
            Sprint.objects.filter(pk=key).update(**goes)
        if had is not None and had.before is not None and is_ours and not stays & set(LIFE):
            SprintSnapshot(**_typed(SprintSnapshot, had.before)).save(force_insert=True)
        kept += bool(stays) or not is_ours
    return kept


def _links_back(rows: Rows) -> int:
    """Those that were made go, and those that were removed come again, where both ends are still there."""
    made = [key for key, trace in rows.items() if trace.before is None]
    for start in range(0, len(made), IDS_PER_QUERY):
        IssueLink.objects.filter(pk__in=made[start : start + IDS_PER_QUERY]).delete()
    gone = [IssueLink(pk=key, **_typed(IssueLink, trace.before)) for key, trace in rows.items() if trace.before]
    ends = {end for link in gone for end in (link.blocker_id, link.blocked_id)}
    here = _there(ends)
    whole = [link for link in gone if {link.blocker_id, link.blocked_id} <= here]
    # Whoever linked the same since did it by hand, so that no source takes it away.
    IssueLink.objects.bulk_create(whole, ignore_conflicts=True)
    blocked = sorted({link.blocked_id for link in whole})
    for start in range(0, len(blocked), IDS_PER_QUERY):
        Issue.objects.filter(pk__in=blocked[start : start + IDS_PER_QUERY]).update(updated_at=timezone.now())
    return len(gone) - len(whole)


def _there(issues: Collection[UUID]) -> set[UUID]:
    ids, found = sorted(issues), set[UUID]()
    for start in range(0, len(ids), IDS_PER_QUERY):
        rows = Issue.objects.select_for_update().filter(pk__in=ids[start : start + IDS_PER_QUERY]).order_by("pk")
        found.update(rows.values_list("pk", flat=True))
    return found


def _remove_unused(table: type[IssueType] | type[WorkflowStatus], rows: Rows) -> None:
    """Types and states that were made for issues which are gone; not those that somebody named or ordered anew."""
    made = {key: trace.after or {} for key, trace in rows.items() if trace.before is None}
    unchanged = [key for key, now in states(table, made).items() if _is_as_left(now, made[key])]
    for row in table._base_manager.filter(pk__in=unchanged):
        is_told = status_is_used(row) if isinstance(row, WorkflowStatus) else type_is_in_history(row)
        if not (is_told or row.issues.exists()):
            row.delete()


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
    leaving = list(as_made.values_list("user_id", flat=True))
    as_made.delete()
    forget(leaving)


def _naming(table: Table) -> Iterator[tuple[Table, str]]:
    """All columns of other tables that refer to rows of one, also those that have no way back."""
    for relation in table._meta.get_fields(include_hidden=True):
        if isinstance(relation, ForeignObjectRel) and (relation.one_to_many or relation.one_to_one):
            yield relation.related_model, relation.field.name
