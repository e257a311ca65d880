"""Texts of a source as people can read them: what the API refuses, an import leaves out, and keeps the issue."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from apps.common.plausible import readable, text_fault
from apps.common.texts.cutting import cut_between_words
from apps.importers.records import ImportedIssue, RowError
from apps.importers.tracked import Change, TrackedIssue

Told = TypeVar("Told")
#: The tables' widths; a longer id is another one's beginning.
LONGEST_LINE, LONGEST_TITLE, LONGEST_REASON = 200, 500, 1_000
_LONGEST = {"title": LONGEST_TITLE, "reason": LONGEST_REASON, "what": LONGEST_REASON}
_OF_SEVERAL_LINES = frozenset({"description", "goal"})


def fitted(told: Told) -> Told | RowError:
    """What a source tells with texts that every table and report takes, in all of its parts."""
    if isinstance(told, ImportedIssue) and len(told.external_id) > LONGEST_LINE:
        return RowError(
            told.line, _plain(told.external_id, "external_id"), f"an id has {LONGEST_LINE} characters at most"
        )
    found: Told = _fitted(told, "")
    return found


def _fitted(value: Any, name: str) -> Any:
    match value:
        case str():
            return _plain(value, name)
        case tuple():
            return tuple(_fitted(each, name) for each in value)
        case Change():
            old, new = (_fitted(each, value.field) for each in (value.old, value.new))
            return replace(value, old=old, new=new, by=_fitted(value.by, "by"))
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = {each.name: getattr(value, each.name) for each in fields(value)}
            changed = {part: new for part, old in parts.items() if (new := _fitted(old, part)) != old}
            return replace(value, **changed) if changed else value
    return value


def _plain(text: str, name: str) -> str:
    if name in _OF_SEVERAL_LINES:
        return readable(text, is_line=False)
    # What is seen of an id or a title is decided where it is written.
    kept = text if text.isprintable() else "".join(each if each.isprintable() else _in_line(each) for each in text)
    return cut_between_words(kept, _LONGEST.get(name, LONGEST_LINE))


def _in_line(character: str) -> str:
    return " " if text_fault(character, is_line=True, is_needed=False) else character


def plain_json(value: Any) -> Any:
    """A report as every database takes it: no NUL, no half characters."""
    match value:
        case str():
            return readable(value, is_line=False) if not value.isprintable() else value
        case list() | tuple():
            return [plain_json(each) for each in value]
        case dict():
            return {plain_json(name): plain_json(each) for name, each in value.items()}
    return value


def readable_texts(record: ImportedIssue | TrackedIssue) -> dict[str, Any]:
    """Title (the id stands for one that nobody can see), description, component and labels."""
    labels = [readable(label, is_line=True) for label in record.labels]
    return {
        "title": readable(record.title, is_line=True) or record.external_id,
        "description": readable(record.description, is_line=False),
        "component": readable(record.component, is_line=True),
        "labels": [label for label in labels if label],
    }
