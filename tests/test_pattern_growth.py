"""Every pattern that is written in the service reads a text in time in proportion to it, whoever wrote the text.

Each is tried on texts made of its own parts: what makes it begin, again and again, and what it runs through. As in
`test_text_growth.py` two lengths are compared in the processor's time.
"""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.hostile_texts import hostile_to
from tests.test_text_growth import LIMIT, growth

ROOT = Path(__file__).parents[1]
METHODS = ("search", "match", "fullmatch", "split", "findall", "finditer", "sub")
_READ = {
    "search": lambda pattern, text: pattern.search(text),
    "match": lambda pattern, text: pattern.match(text),
    "fullmatch": lambda pattern, text: pattern.fullmatch(text),
    "split": lambda pattern, text: pattern.split(text),
    "findall": lambda pattern, text: pattern.findall(text),
    "finditer": lambda pattern, text: list(pattern.finditer(text)),
    "sub": lambda pattern, text: pattern.sub(text[:0], text),
}
#: Patterns that may take longer, each with its reason.
LONGER = {
    "apps.accounts.names.reading._ITS_OCTETS": "reads a code that was found, whose first backslash leads to its digits",
    "apps.upkeep.texts._LITERAL": "reads JSON that was parsed before: there every quote that opens is closed",
}


def sources() -> Iterator[tuple[str, str]]:
    for top in ("apps", "base"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if not {"tests", "migrations", "benchmarks", "management"} & set(parts):
                yield ".".join(parts).removesuffix(".__init__"), path.read_text()


@cache
def all_sources() -> dict[str, str]:
    """Read by the process that runs these tests, and by no other that only finds them."""
    return dict(sources())


def methods_of(names: set[tuple[str, str]]) -> list[str]:
    """How a pattern of these names is used, where each may be meant; in two ways where that cannot be told."""
    used = set()
    for module, name in names:
        for place, source in all_sources().items():
            if place == module or (module in source and name in source):
                used |= set(re.findall(rf"\b{name}(?:\[\w+\])?\.({'|'.join(METHODS)})n?\(", source))
    return sorted(used) or ["fullmatch", "search"]


def patterns_in(name: str, value: object, depth: int = 0) -> Iterator[tuple[str, re.Pattern]]:
    """The patterns of a constant, its rows' too, each by the name it is used by."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth < 3:
        inner = [(name, each) for each in value] if isinstance(value, tuple | list) else []
        inner += [(name, each) for each in value.values()] if isinstance(value, dict) else []
        if is_dataclass(value) and not isinstance(value, type):
            inner += [(each.name, getattr(value, each.name, None)) for each in fields(value)]
        for each, held in inner:
            yield from patterns_in(each, held, depth + 1)


def constants_of(module: str, source: str) -> Iterator[tuple[str, object]]:
    told = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    for name, value in vars(importlib.import_module(module)).items():
        # Not what it imports; in that module it is found, too.
        if name in told and not re.search(rf"(?m)^(?:from|import) .*\b{name}\b", source):
            yield name, value


def named() -> Iterator[tuple[str, re.Pattern, str]]:
    names: dict[tuple[object, int], set[tuple[str, str]]] = {}
    for module, source in all_sources().items():
        for constant, value in constants_of(module, source) if "re.compile" in source else ():
            for name, pattern in patterns_in(constant, value):
                names.setdefault((pattern.pattern, pattern.flags), set()).add((module, name))
    for (written, flags), known_as in names.items():
        pattern = re.compile(written, flags)
        for method in methods_of(known_as):
            yield " ".join(".".join(each) for each in sorted(known_as)), pattern, method


def written_in_place() -> Iterator[tuple[str, re.Pattern, str]]:
    for module, source in all_sources().items():
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr=method), args=[ast.Constant(value=text), *_]
                ) if method in METHODS:
                    yield f"{module}:{text!r}", re.compile(text), method


@cache
def found() -> list[tuple[str, re.Pattern, str]]:
    """Every pattern with its name and how it is used."""
    return [*named(), *written_in_place()]


#: Short enough for a pattern of the third power, long enough for one of the second to show.
SHORT = 200


def test_every_pattern_takes_time_in_proportion():
    slow = {f"{name} {method}": first_slow(pattern, method) for name, pattern, method in found() if name not in LONGER}

    assert len(slow) > 100
    assert {name: text for name, text in slow.items() if text} == {}


def test_only_patterns_that_are_there_may_take_longer():
    assert set(LONGER) <= {name for name, _, _ in found()}


@pytest.mark.parametrize(
    ("written", "method"),
    [
        (r"<([^<>]+)>\s*;[^,]*\brel=\"?next\"?", "search"), (r"\s+$", "sub"), (r"(\d+)(?!.*\d)", "search"),
        (r"(?P<name>.*?)\s*<(?P<email>[^<>]+)>", "fullmatch"), (r"\[([^\]]*)\]", "finditer"), (r"a+b", "search"),
    ],
)  # fmt: skip
def test_a_pattern_that_begins_anew_in_its_own_run_is_found(written, method):
    assert first_slow(re.compile(written), method)


def first_slow(pattern, method):
    """The first text of which sixteen times as much takes far more than that; a second look sees what only waited."""

    def read(text):
        return _READ[method](pattern, text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace"))

    for beginning, part in hostile_to(pattern):
        for ending in ("", "!"):
            case = (read, beginning, part * max(1, 4 // len(part)), ending)
            if growth(*case, short=SHORT, tries=1) > LIMIT and (ratio := growth(*case, short=SHORT)) > LIMIT:
                return beginning, part, ending, round(ratio)
    return None
