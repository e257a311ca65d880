"""Writing rows among other writers: one transaction, locks, validation, so many at a time. The services' tools.

Locks are taken in one order everywhere, as `IN_ORDER` has it: projects, places in teams, sprints, types, statuses,
issues, each by id. What hangs on these comes after them, people last of all: to whom a row refers is asked for when the
transaction ends, so that whoever deletes or renames a person has by then all that they want of others.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Window
from django.db.models.functions import Random, RowNumber
from django.utils import timezone

from apps.common.columns.kinds import fault_of
from apps.common.exceptions import Conflict
from apps.projects.models import Issue, IssueType, Project, Sprint, TeamMember, WorkflowStatus

Row = TypeVar("Row", bound=models.Model)
Item = TypeVar("Item")
#: Ids asked for in one query; older SQLite allows 999 parameters.
IDS_PER_QUERY = 500
#: The tables whose rows several services lock, in the order in which all of them do.
IN_ORDER: tuple[type[models.Model], ...] = (Project, TeamMember, Sprint, IssueType, WorkflowStatus, Issue)
_GONE = "Somebody else has just deleted this."


def in_parts(items: Sequence[Item], size: int = IDS_PER_QUERY) -> Iterator[Sequence[Item]]:
    """So many at a time; without `size` as many as one query asks for."""
    return (items[start : start + size] for start in range(0, len(items), size))


def few_of_each(rows: "models.QuerySet[Row]", most: int, *, order: Sequence[str] = ("id",)) -> "models.QuerySet[Any]":
    """Ids of so many rows at most, of each project in turn: the many of one come after the first of all others.

    What goes through rows of all projects every few minutes takes no more at a time; the rest has its turn next time.
    Where a row may fail each time, `order=["?"]` is by chance, so that such rows do not always come first.
    """
    within = [Random() if name == "?" else F(name) for name in order]
    turn = Window(RowNumber(), partition_by=F("project_id"), order_by=within)
    return rows.order_by().annotate(turn=turn).order_by("turn", *within).values_list("pk", flat=True)[:most]


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """One transaction; what the database refuses although it was found valid, another writer made so: `Conflict`.

    Likewise what is not there any more of a row that was given: what it refers to stays as long as itself does.
    """
    try:
        with transaction.atomic():
            yield
    except ObjectDoesNotExist as error:
        raise Conflict(_GONE) from error
    except IntegrityError as error:
        raise Conflict("Somebody else has just changed the same: look again, then repeat.") from error


def enter(*project_ids: UUID) -> None:
    """Go into projects, of which nobody deletes any until the transaction ends; `Conflict` when one is gone.

    First of all, by whoever adds a row to a project or changes more than one of it, and does not `lock` it: who deletes
    it wants all of its rows. Many are in at once.
    """
    if len(entered(project_ids)) < len(set(project_ids)):
        raise Conflict(_GONE)


def entered(project_ids: Iterable[UUID]) -> set[UUID]:
    """Likewise, those of them that are there."""
    wanted, there = sorted(set(project_ids)), set[UUID]()
    if connection.vendor != "postgresql":
        # The one writer of SQLite is told by what refers to them.
        return set(wanted)
    with connection.cursor() as cursor:
        for part in in_parts(wanted):
            # The lock that a row takes which refers to one, for which Django has no word.
            cursor.execute("SELECT id FROM projects_project WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE", [list(part)])
            there.update(project_id for (project_id,) in cursor.fetchall())
    return there


def lock(row: models.Model, *, to_delete: bool = False) -> None:
    """Read a row anew and keep other writers out until the transaction ends; `Conflict` when it is gone.

    Rows that only refer to it are written meanwhile, unless it is to be deleted: their check comes at the end of a
    transaction that may hold what we wait for.
    """
    try:
        row.refresh_from_db(from_queryset=type(row)._default_manager.select_for_update(no_key=not to_delete))
    except ObjectDoesNotExist as error:
        raise Conflict(_GONE) from error


def lock_by_id(rows: Iterable[models.Model]) -> None:
    """Several of one table."""
    for row in sorted(rows, key=lambda row: row.pk):
        lock(row)


def lock_in_order(wanted: Mapping[type[models.Model], Collection[Any]]) -> None:
    """Keep other writers out of rows of several tables, by their keys; of those that are not there nothing is said."""
    if not connection.features.has_select_for_update:
        return
    places = {table: place for place, table in enumerate(IN_ORDER)}
    for table in sorted(wanted, key=lambda table: (places.get(table, len(places)), table._meta.label)):
        for part in in_parts(sorted(wanted[table])):
            rows: models.QuerySet[models.Model] = models.QuerySet(table).filter(pk__in=part).order_by("pk")
            list(rows.select_for_update(no_key=True).values_list("pk"))


def lock_issues(ids: Iterable[UUID | None], *, to_delete: bool = False) -> set[UUID]:
    """Keep other writers out of several issues, by id, as everybody locks them who wants more than one; who is there.

    Of None, the parent of an issue that has none, nothing is locked.
    """
    wanted, there = sorted({id_ for id_ in ids if id_ is not None}), set[UUID]()
    for part in in_parts(wanted):
        rows = Issue.objects.select_for_update(no_key=not to_delete).filter(pk__in=part)
        there.update(rows.order_by("pk").values_list("pk", flat=True))
    return there


def locked(issues: models.QuerySet[Issue]) -> list[Issue]:
    """These, with what is told of each, and other writers kept out.

    Read once they are held: read in the same statement, one whose status is changed meanwhile would be left out, since
    it goes with the one that was joined to it no more.
    """
    rows = issues.select_related("status", "sprint", "assignee").order_by("pk")
    if not connection.features.has_select_for_update:
        return list(rows)
    held = lock_issues(issues.order_by().values_list("pk", flat=True))
    return [issue for issue in rows if issue.pk in held]


def validate(row: models.Model, changed: Collection[str] | None = None) -> None:
    """Field, uniqueness and constraint checks, without a query for each foreign key.

    Of a row that is there only what is `changed`: an import takes longer labels, and an earlier version may have taken
    what is refused today, which then keeps nobody from changing the rest.
    """
    fields = [field for field in row._meta.concrete_fields if changed is None or field.name in changed]
    written = {field.name: field for field in fields if not field.is_relation and not field.generated}
    row.clean_fields(exclude={field.name for field in row._meta.fields if field.name not in written})
    faults = {name: fault for name, field in written.items() if (fault := fault_of(field, getattr(row, name)))}
    if faults:
        raise ValidationError(faults)
    row.validate_unique()
    broken: dict[str, list[ValidationError]] = {}
    for constraint in row._meta.constraints:
        if changed is None or _is_touched(constraint, changed):
            try:
                constraint.validate(type(row), row)
            except ValidationError as error:
                broken = error.update_error_dict(broken)
    if broken:
        raise _at_its_field(ValidationError(broken))


def _is_touched(constraint: models.BaseConstraint, changed: Collection[str]) -> bool:
    """Whether a change can break it: it names a field of that. Each that is looked at is a query or three."""
    condition, names = getattr(constraint, "condition", None), set(getattr(constraint, "fields", ()))
    if getattr(constraint, "expressions", ()) or not isinstance(condition, models.Q | None):
        return True
    return not names.union(condition.referenced_base_fields if condition else ()).isdisjoint(changed)


def _at_its_field(error: ValidationError) -> ValidationError:
    """A name that is given twice in a project is a fault of the name, not of the whole."""
    faults = [(field, fault) for field, found in error.error_dict.items() for fault in found]
    return ValidationError({(fault.params or {}).get("unique_check", [field])[-1]: fault for field, fault in faults})


def insert(row: Row) -> Row:
    validate(row)
    row.save(force_insert=True)
    return row


def update(row: Row, fields: Mapping[str, Any], *, allowed: set[str]) -> Row:
    if unknown := set(fields) - allowed:
        raise TypeError(f"{', '.join(sorted(unknown))} cannot be changed.")
    lock(row)
    for name, value in fields.items():
        setattr(row, name, value)
    validate(row, fields)
    if fields:
        row.save(update_fields=list(fields))
    return row


def delete_unused(row: IssueType | WorkflowStatus, reason: str) -> None:
    """Delete what no issue has, else `Conflict`; not in the midst of an import's batch, which holds the project."""
    lock(row.project)
    try:
        row.delete()
    except models.RestrictedError as error:
        raise Conflict(reason) from error


def note_removal(project_id: UUID) -> None:
    """Issues of a project were deleted: what is remembered of it is told from others now."""
    Project.objects.filter(pk=project_id).update(issues_removed_at=timezone.now())
