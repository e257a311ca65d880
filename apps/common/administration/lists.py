"""How lists of the administration are narrowed down."""

from typing import Any, ClassVar

from django.http import HttpRequest

#: What filters of a list, and its dates, ask of a field. An address says anything: a regular expression of hours.
_ASKED = frozenset({"exact", "isnull", "in", "id", "gte", "lt", "year", "month", "day"})


class FilteredAsOffered:
    """By the filters that the list shows, and by nothing else that an address says."""

    date_hierarchy: ClassVar[str | None]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        shown = self.get_list_filter(request)  # type: ignore[attr-defined]
        offered = [*map(_name_of, shown), self.date_hierarchy or ""]
        rests = [lookup.removeprefix(name) for name in offered if name and f"{lookup}__".startswith(f"{name}__")]
        return any(_ASKED.issuperset(rest.split("__")[1:]) for rest in rests)


def _name_of(shown: Any) -> str:
    """Of a field, of a field with its filter, or of a filter of our own."""
    first = shown[0] if isinstance(shown, (list, tuple)) else shown
    return str(getattr(first, "parameter_name", first))
