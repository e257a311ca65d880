"""A list's order, and the rows after or before a place in it: what is added or deleted elsewhere moves no page.

Every order ends in the primary key, so that no two rows share a place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Expression, F, Field, Model, Q, QuerySet
from django.db.models.expressions import OrderBy

#: A place as it travels: the values of its row by which the list is ordered.
Place = list[Any]


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a list is ordered by. Unknown values come last, whichever way it goes."""

    name: str
    field: "Field[Any, Any]"
    is_descending: bool
    may_be_unknown: bool
    #: What is reckoned for each row; None for a column.
    reckoned: Expression | None = None

    def order(self, *, back: bool) -> OrderBy:
        """The term as a database takes it; `back`, the other way round."""
        column = F(self.name)
        nulls: dict[str, Any] = {f"nulls_{'first' if back else 'last'}": True} if self.may_be_unknown else {}
        return column.desc(**nulls) if self.is_descending != back else column.asc(**nulls)

    def same(self, value: Any) -> Q:
        """Rows of this value."""
        return Q(**{f"{self.name}__isnull": True}) if value is None else Q(**{self.name: value})

    def beyond(self, value: Any, *, back: bool) -> Q | None:
        """Rows that come after this value; None where none can."""
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if back else None
        beyond = Q(**{f"{self.name}__{self._way(back)}": value})
        return beyond | Q(**{f"{self.name}__isnull": True}) if self.may_be_unknown and not back else beyond

    def not_before(self, value: Any, *, back: bool) -> Q:
        """Says in one condition, which an index serves, what `same` or `beyond` say in two."""
        if value is None or self.may_be_unknown:
            return Q()
        return Q(**{f"{self.name}__{self._way(back)}e": value})

    def _way(self, back: bool) -> str:
        return "lt" if self.is_descending != back else "gt"


@dataclass(frozen=True, slots=True)
class Order:
    """The terms of a list's order, the primary key last."""

    terms: Sequence[Term]

    @classmethod
    def of(cls, rows: "QuerySet[Any]") -> "Order":
        """As the rows are ordered, or else their table."""
        named = [*(rows.query.order_by or rows.model._meta.ordering)]
        terms = [_term(rows.model, each, f"place_{at}") for at, each in enumerate(named)]
        key = rows.model._meta.pk
        if not terms or terms[-1].field is not key:
            terms.append(Term(key.name, key, is_descending=False, may_be_unknown=False))
        return cls(terms)

    def sorted(self, rows: "QuerySet[Any]", *, back: bool = False) -> "QuerySet[Any]":
        """The rows in this order; `back`, the last first."""
        reckoned = {term.name: term.reckoned for term in self.terms if term.reckoned is not None}
        ordered: QuerySet[Any] = rows.annotate(**reckoned).order_by(*(term.order(back=back) for term in self.terms))
        return ordered

    def beyond(self, rows: "QuerySet[Any]", place: Place, *, back: bool) -> "QuerySet[Any]":
        """The rows after a place, the nearest first; `back`, those before it."""
        found: Q | None = None
        for term, value in reversed(list(zip(self.terms, place, strict=True))):
            found = _either(term, value, found, back=back)
        nearest = self.terms[0].not_before(place[0], back=back)
        # The key comes last and is known of every row, so that something lies beyond any place.
        return self.sorted(rows, back=back).filter(nearest & (found or Q(pk__in=[])))

    def place_of(self, row: Model) -> Place:
        """Where a row of `sorted` stands."""
        return [_plain(attrgetter(term.name.replace("__", "."))(row)) for term in self.terms]

    def read(self, place: Sequence[Any]) -> Place:
        """A place that has travelled, in the types of its columns.

        Raises
        ------
        ValueError
            If it is a place in another order.
        """
        try:
            return [term.field.to_python(value) for term, value in zip(self.terms, place, strict=True)]
        except (ValidationError, TypeError) as error:
            raise ValueError("A place in another order.") from error


def _either(term: Term, value: Any, later: Q | None, *, back: bool) -> Q | None:
    """Beyond in this term, or the same in it and beyond in the later ones."""
    beyond = term.beyond(value, back=back)
    same = None if later is None else term.same(value) & later
    return beyond | same if beyond is not None and same is not None else beyond if same is None else same


def _term(table: type[Model], told: Any, alias: str) -> Term:
    """A term from what `order_by` was given: a name, or an expression with its direction."""
    if isinstance(told, str):
        name = told.removeprefix("-")
        field = _field(table, name)
        return Term(table._meta.pk.name if name == "pk" else name, field, told.startswith("-"), field.null)
    what = told.expression
    if isinstance(what, F):
        path = str(what.name)  # type: ignore[attr-defined]
        field = _field(table, path)
        return Term(path, field, told.descending, field.null)
    return Term(alias, what.output_field, told.descending, may_be_unknown=False, reckoned=what)


def _field(table: type[Model], path: str) -> "Field[Any, Any]":
    *through, last = path.split("__")
    for name in through:
        table = table._meta.get_field(name).related_model  # type: ignore[assignment]
    return table._meta.pk if last == "pk" else table._meta.get_field(last)  # type: ignore[return-value]


def _plain(value: Any) -> Any:
    """What JSON can say, exactly."""
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
