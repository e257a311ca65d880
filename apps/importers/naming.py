"""What a project is called that nobody named: by the key that its issues bear, else by the file or place."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar
from uuid import uuid4

from apps.importers.records import ImportedIssue
from apps.projects.models import Issue, Project

#: As many ids tell which key most of them bear.
IDS_READ = 200
LONGEST_KEY = 32
NAMELESS = "DATA"
Row = TypeVar("Row")
_OF_ISSUE = re.compile(r"([A-Z][A-Z0-9_]+)-\d+")


def key_of_ids(ids: Iterable[str]) -> str:
    """'SHOP' where more than half of the ids read like SHOP-17; empty otherwise."""
    found = [match[1] if (match := _OF_ISSUE.fullmatch(one)) else "" for one in ids]
    key, count = Counter(found).most_common(1)[0] if found else ("", 0)
    return key[:LONGEST_KEY] if 2 * count > len(found) else ""


def key_of_name(name: str) -> str:
    """'SHOP-EXPORT' of 'shop export', 'SPOON-KNIFE' of 'octocat/spoon-knife': of a path the last part."""
    letters = re.sub(r"[^A-Z0-9_]+", "-", name.rstrip("/").rpartition("/")[2].upper()).strip("-_")
    # A key begins with a letter.
    return re.sub(r"^[^A-Z]+", "", letters)[:LONGEST_KEY] or NAMELESS


def free_key(key: str, source: str) -> str:
    """The key, unless a project bears it whose issues come from elsewhere: the demonstration, or work entered here."""
    taken = Project.objects.filter(key=key).first()
    issues = Issue.objects.filter(project=taken)
    if taken is None or not issues.exists() or issues.filter(source=source).exists():
        return key
    return f"{key[: LONGEST_KEY - 5]}-DATA"


def key_alone(key: str) -> str:
    """A key like this one that no project bears, so that nothing of what is there already is mixed in."""
    return f"{key[: LONGEST_KEY - 9]}-{uuid4().hex[:8].upper()}"


def name_alone(key: str) -> str:
    """What `key_alone` was made of."""
    return key[:-9]


def project_named(
    given: str | None, rows: Iterable[Row], name: str, source: str, *, alone: bool = False
) -> tuple[str, Iterator[Row]]:
    """The key that is given, else the one that the first issues bear, else one after a name; and all rows again."""
    rows = iter(rows)
    if given:
        return given, rows
    first = list(islice(rows, IDS_READ))
    ids = [row.external_id for row in first if isinstance(row, ImportedIssue)]
    key = key_of_ids(ids) or key_of_name(name)
    return key_alone(key) if alone else free_key(key, source), chain(first, rows)
