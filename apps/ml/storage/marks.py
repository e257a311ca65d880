"""Marks: which installations hold an object. One that several hold is removed by the last of them.

A copy of a database that was restored beside the original names the same objects; both have marked them.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from uuid import UUID

from apps.ml.storage.errors import ObjectExists
from apps.ml.storage.keys import DATASETS, INDEXES, MARKS, MODELS, is_plain, mark_key
from apps.ml.storage.objects import ObjectStore

_MARKED = tuple(f"{kind}/" for kind in (MODELS, DATASETS, INDEXES))


def mark(objects: ObjectStore, installation: object, *keys: str) -> None:
    """Note that these objects are an installation's."""
    for key in keys:
        with suppress(ObjectExists):
            objects.put(mark_key(installation, key), b"")


def installations(objects: ObjectStore) -> list[str]:
    """All that have marked something, by name; a folder that somebody else made is none."""
    return [name for name in objects.folders(MARKS) if _is_identifier(name)]


def read_mark(key: str) -> tuple[str, str] | None:
    """Who marked which object; None for what lies among the marks and is none, as file managers leave."""
    _, installation, marked = (*key.split("/", 2), "", "")[:3]
    is_mark = _is_identifier(installation) and marked.startswith(_MARKED) and is_plain(marked)
    return (installation, marked) if is_mark else None


def withdraw(objects: ObjectStore, ours: Collection[str], keys: Iterable[str]) -> Iterator[str]:
    """Take our marks away, and each object that nobody else has marked; the keys of those that are gone.

    Parameters
    ----------
    ours : collection of str
        Names of installations that are us.
    """
    others = [name for name in installations(objects) if name not in ours]
    for key in keys:
        is_shared = any(objects.exists(mark_key(name, key)) for name in others)
        # Object first: a crash in between leaves a mark of nothing, never an object that is nobody's.
        if not is_shared:
            objects.delete(key)
        for name in ours:
            objects.delete(mark_key(name, key))
        if not is_shared:
            yield key


def _is_identifier(name: str) -> bool:
    with suppress(ValueError):
        return str(UUID(name)) == name
    return False
