"""Marks: which installations hold an object. One that several hold is removed by the last of them.

A copy of a database that was restored beside the original names the same objects; both have marked them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from uuid import UUID, uuid4

from apps.ml.storage.errors import ObjectExists, StorageError
from apps.ml.storage.keys import DATASETS, INDEXES, MARKS, MODELS, NOTHING, is_plain, mark_key
from apps.ml.storage.objects import ObjectStore

_MARKED = tuple(f"{kind}/" for kind in (MODELS, DATASETS, INDEXES))


def mark(objects: ObjectStore, installation: object, *keys: str) -> None:
    """Note that these objects are an installation's."""
    for key in keys:
        _note(objects, installation, key)


def put_marked(objects: ObjectStore, installation: object, key: str, data: bytes) -> None:
    """Write a new object of an installation.

    The mark is first: ended in between, by whatever, a mark of nothing is left, never an object that is nobody's.

    Raises
    ------
    ObjectExists
        If another writer was first; the object is no more this installation's than it was.
    """
    is_new = _note(objects, installation, key)
    try:
        objects.put(key, data)
    except ObjectExists:
        # One that is not older than the mark is of a colleague's, who has found this mark.
        place = mark_key(installation, key)
        if is_new and objects.head(key).modified_at < objects.head(place).modified_at:
            objects.delete(place)
        raise


def installations(objects: ObjectStore) -> list[str]:
    """All that have marked something, by name; a folder that somebody else made is none."""
    return [name for name in objects.folders(MARKS) if _is_identifier(name)]


def read_mark(key: str) -> tuple[str, str] | None:
    """Who marked which object; None for what lies among the marks and is none, as file managers leave."""
    _, installation, marked = (*key.split("/", 2), "", "")[:3]
    is_mark = _is_identifier(installation) and marked.startswith(_MARKED) and is_plain(marked)
    return (installation, marked) if is_mark else None


def others(objects: ObjectStore, ours: Sequence[str]) -> list[str]:
    """Installations other than us that have marked something.

    Parameters
    ----------
    ours : sequence of str
        Names of installations that are us, the present one first.

    Raises
    ------
    StorageError
        If the store does not tell of us either, though we have marked something: then it does not tell of others.
    """
    found = installations(objects)
    if objects.directory is None and not set(found).intersection(ours):
        found = _told_with_us(objects, ours[0])
    return [name for name in found if name not in ours]


def withdraw(objects: ObjectStore, ours: Sequence[str], keys: Iterable[str]) -> Iterator[str]:
    """Take our marks away, and each object that nobody else has marked; the keys of those that are gone."""
    strangers, keys = others(objects, ours), list(keys)
    # Where others are, each is looked at right before it goes: they may mark it meanwhile.
    for part in [[key] for key in keys] if strangers else [keys]:
        alone = [key for key in part if not any(_has_marked(objects, name, key) for name in strangers)]
        # Objects first: a crash in between leaves marks of nothing, never an object that is nobody's.
        objects.delete_all(alone)
        objects.delete_all([mark_key(name, key) for key in part for name in ours])
        yield from alone


def _note(objects: ObjectStore, installation: object, key: str) -> bool:
    """Put a mark; returns whether there was none."""
    try:
        objects.put(mark_key(installation, key), b"")
    except ObjectExists:
        return False
    return True


def _told_with_us(objects: ObjectStore, us: str) -> list[str]:
    """Ask once more while a mark of ours is there for sure."""
    witness = f"{NOTHING}/{uuid4()}"
    mark(objects, us, witness)
    try:
        found = installations(objects)
    finally:
        objects.delete(mark_key(us, witness))
    if us not in found:
        raise StorageError(f"The model store ({objects.place}) does not list what was written a moment ago.")
    return found


def _has_marked(objects: ObjectStore, name: str, key: str) -> bool:
    """By a listing, which tells that it is one: anything says that there is no such object."""
    place = mark_key(name, key)
    return any(found.key == place for found in objects.list(place.rpartition("/")[0]))


def _is_identifier(name: str) -> bool:
    with suppress(ValueError):
        return str(UUID(name)) == name
    return False
