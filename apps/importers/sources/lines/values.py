"""Values of a line of JSON: what has another shape costs the line, what is no number costs itself. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apps.importers.records import Person
from apps.importers.sources import reading
from apps.importers.sources.csv.cells import BadValue, is_empty, quoted
from apps.importers.sources.csv.rows import PRIORITY_UNKNOWN
from apps.importers.sources.csv.values import person as person_in
from apps.importers.sources.csv.values import priority as read_priority
from apps.importers.sources.lines.mapping import CATEGORIES, Shape
from apps.importers.tracked import Stage
from apps.importers.writing.workflow import category_of

_PEOPLE, _OF_PEOPLE = ("assignee", "reporter"), ("name", "email", "account")
_LISTS = ("labels", "changes", "blocked_by", "blocks", "recorded", "cut", "untold")
_LONGEST = {"title": reading.LONGEST_TITLE, "component": reading.LONGEST_COMPONENT, "sprint": 200}


class Values:
    """Those of one line, which bears what could not be read of them."""

    def __init__(self, mapping: Shape) -> None:
        self.mapping = mapping
        self.remarks, self._unread = set[str](), dict[str, None]()

    @property
    def unread(self) -> tuple[str, ...]:
        """Each once, however often a history tells it."""
        return tuple(self._unread)

    def of(self, name: str, value: Any) -> Any:
        """A value of a field, in the form its history has too."""
        if name == "status":
            told = value if isinstance(value, Mapping) else {"name": value}
            text = reading.fitting(told.get("name"), reading.LONGEST_NAME)
            return Stage(text, category(text, told.get("category"), self.mapping))
        if name == "priority":
            return self._rank(value)
        if name in ("estimated_hours", "actual_hours"):
            return self.number(name, value, self._hours)
        if name == "story_points":
            return self.number(name, value, reading.points)
        if read := _READERS.get(name):
            return read(value)
        return reading.fitting(value, _LONGEST.get(name, reading.LONGEST_NAME))

    def number(self, name: str, value: Any, read: Callable[[Any], Any]) -> Any:
        """A number; None where nothing is said, and for what is none or cannot be, which is told."""
        found = read(value)
        if found is None and not _says_nothing(value):
            self._unread[f"{name.replace('_', ' ')} cannot be read: {quoted(str(value))!r}"] = None
        return found

    def _hours(self, value: Any) -> float | None:
        found = reading.number(value)
        return None if found is None else reading.hours(found * self.mapping.hours_factor)

    def _rank(self, value: Any) -> int | None:
        try:
            rank = None if _says_nothing(value) else read_priority(str(value))
        except BadValue as error:
            self._unread[error.message] = None
            return None
        if rank is None and not _says_nothing(value):
            self.remarks.add(PRIORITY_UNKNOWN)
        return rank


def whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def category(name: str, said: Any, mapping: Shape) -> str:
    """What a status means."""
    told = str(said or "") or mapping.statuses.get(name.casefold(), "") or category_of(name)
    if told and told not in CATEGORIES:
        raise BadValue(f"a status means {', '.join(CATEGORIES)}, not {quoted(told)!r}")
    return told or "to_do"


def person(value: Any) -> Person | None:
    if isinstance(value, Mapping):
        return reading.person(name=value.get("name"), email=value.get("email"), account=value.get("account"))
    return person_in(str(value)) if value else None


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "assignee": person,
    "labels": reading.labels_of,
    "description": reading.long_text,
}


def require_shape(name: str, value: Any, place: str, *, may_have: Sequence[str] = ()) -> None:
    """Raise `BadValue` for what would be read as nothing, which empties what is known, or as Python writes it."""
    may_have = _OF_PEOPLE if name in _PEOPLE else may_have
    if name in _LISTS:
        is_right, right = isinstance(value, list), "a list"
    elif may_have:
        is_right, right = _is_named(value, may_have), f"a text, or has {', '.join(may_have)}"
    else:
        is_right, right = _is_plain(value), "a text or a number"
    if value and not is_right:
        raise BadValue(f"{quoted(place)!r} is {right}: a mapping says where it stands")
    # Changes are rows, and say themselves what they lack.
    held = reading.rows(value) if name in _LISTS and name != "changes" else []
    if not all(_is_named(each, ("name",) if name == "labels" else ()) for each in held if each):
        raise BadValue(f"{quoted(place)!r} is a list of texts")


def _is_named(value: Any, keys: Sequence[str]) -> bool:
    """Whether it is a text or number, or has one of these, which are such."""
    if not isinstance(value, Mapping):
        return _is_plain(value)
    return not value.keys().isdisjoint(keys) and all(_is_plain(value.get(key)) for key in keys)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Mapping | list | bool)


def _says_nothing(value: Any) -> bool:
    return is_empty(value) if isinstance(value, str) else not value and value != 0
