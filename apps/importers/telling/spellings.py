"""Texts that quote a source, with pseudonyms in place of what it calls people who were erased. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from apps.accounts.names.needles import Needles
from apps.importers.records import Person

#: Parts of a report that quote the source.
QUOTING = ("samples", "errors", "unread_cells", "parents_not_taken", "notes")
# Begun where a word does: a long row of letters is not tried from each of them.
_ADDRESS = re.compile(r"""(?<![^\s<>'"(),;:@])[^\s<>'"(),;:@]+@[^\s<>'"(),;:@]*\w""")
_QUOTED = re.compile(r"""'([^']+)'|"([^"]+)\"""")


def spellings_of(people: Mapping[str, Person], pseudonyms: Mapping[str, str]) -> dict[str, str]:
    """Name and address of whoever has a pseudonym; both mappings are by the person's place."""
    return {
        spelled: pseudonym
        for place, pseudonym in pseudonyms.items()
        for spelled in (people[place].name, people[place].email)
        if spelled
    }


def without_erased(report: Mapping[str, Any], spellings: Mapping[str, str]) -> dict[str, Any]:
    """A report in which pseudonyms stand for these spellings."""
    change = replacing(spellings)
    return {name: _each_text(value, change) if name in QUOTING else value for name, value in report.items()}


def replacing(spellings: Mapping[str, str]) -> Callable[[str], str]:
    """What puts pseudonyms into a text, for names and addresses as a reader sees them, each as a whole."""
    # The longest first: an address may hold a name.
    found = [(Needles([one]), spellings[one]) for one in sorted(spellings, key=len, reverse=True)]

    def replaced(text: str) -> str:
        for needles, pseudonym in found:
            text = needles.whole.sub(pseudonym, text)
        return text

    return replaced


def people_quoted(report: Mapping[str, Any], error: str) -> list[Person]:
    """Whoever may be meant in what a report quotes: by each address, and by what stands in quotes."""
    texts = [error, *_texts([report.get(name) for name in QUOTING])]
    return list(dict.fromkeys(each for text in texts for each in _quoted(text)))


def _quoted(text: str) -> Iterator[Person]:
    yield from (Person("", address) for address in _ADDRESS.findall(text))
    yield from (Person(one or other) for one, other in _QUOTED.findall(text))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list() | tuple():
            return [_each_text(each, change) for each in value]
        case dict():
            return {name: _each_text(each, change) for name, each in value.items()}
    return value


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case list() | tuple():
            for each in value:
                yield from _texts(each)
        case dict():
            yield from _texts(list(value.values()))
