"""Names in every text of the database and in every object of the store: found, and replaced."""

import gzip
import hashlib
import io
import json
import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import Any

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from apps.accounts.models import User
from apps.accounts.names.needles import Needles, Whole
from apps.accounts.names.pseudonyms import cut
from apps.accounts.names.reading import HALVES
from apps.common.exceptions import ApplicationError
from apps.importers.models import ImportRun
from apps.ml.core import zipped
from apps.ml.storage import get_object_store
from apps.ml.storage.errors import KeyRefused, NotOurs
from apps.ml.storage.keys import DATASETS, INDEXES, MODELS
from apps.ml.storage.objects import ObjectStore
from apps.projects.models import Issue, Project
from apps.upkeep.kept import texts_of_four_bytes

logger = logging.getLogger(__name__)

#: Of an object, unpacked, read at a time.
PIECE_BYTES = 4 * 2**20
#: A name of 254 characters, each as HTML's longest word for one.
LONGEST_NAME_BYTES = 16 * 2**10
#: Ten thousand characters for each of 100,000 issues, in whatever they are packed.
MOST_UNPACKED_BYTES = 2**30
#: What bytes that only begin as something packed make their readers raise.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, RuntimeError, struct.error
)  # fmt: skip
_KEYS_PER_QUERY = 500
_TEXTS = (models.CharField, models.TextField, models.JSONField)
#: A list or an object of JSON begins and ends so, and a text in it is so.
_ENDS_OF_JSON = {"[]", "{}"}
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_OWN_ADDRESSES: Any = [User._meta.get_field(name) for name in ("email", "named_address")]
_OWN_NAME: Any = User._meta.get_field("full_name")
_NAME_OF_A_FILE: Any = ImportRun._meta.get_field("upload_name")
#: Documents that keep how rows of another table were, by attribute: that table, or the column that names it.
_ROWS_OF = {"importers.importtouch": Issue._meta.label, "importers.importtrace": "table"}


class _Joined(models.Func):
    """All columns of a row as one text, to be looked through at once."""

    output_field = models.TextField()

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        parts = [compiler.compile(each) for each in self.get_source_expressions()]
        joined = " || ' ' || ".join(f"coalesce(cast({sql} as text), '')" for sql, _ in parts)
        # Of letters of English no locale changes the case: in Turkish the capital of i is another than I.
        apart = ' COLLATE "C"' if connection.vendor == "postgresql" else ""
        return f"({joined}){apart}", [each for _, given in parts for each in given]


@dataclass(frozen=True, slots=True)
class TextTable:
    """Columns of a table that may hold what somebody wrote."""

    model: type[models.Model]
    fields: tuple[Any, ...]

    @property
    def table(self) -> str:
        return self.model._meta.label_lower

    @property
    def rows(self) -> "models.QuerySet[models.Model]":
        # Past the managers: history may be written once, and this is the exception that the law makes.
        rows: models.QuerySet[models.Model] = models.QuerySet(self.model)
        # How others are called who have an account is theirs, though it be the same name.
        return rows.filter(is_placeholder=True) if self.fields == (_OWN_NAME,) else rows

    def rows_of(self, within: "Within | None") -> "models.QuerySet[models.Model]":
        """All of them, or those that are looked through."""
        if within is None:
            return self.rows
        which = within.rows(self.model)
        return self.rows.none() if which is None else self.rows.filter(which)

    def holding(
        self, needles: Needles, within: "Within | None" = None, among: Sequence[Any] | None = None
    ) -> Iterator[tuple[Any, Any, Any, Mapping[str, Any]]]:
        """Key, field and value of each text that has one, whatever the case; within some places or everywhere.

        Last, what of a document is no part of that value, since names are not looked for there.

        Parameters
        ----------
        among : sequence of keys, optional
            Only these rows.
        """
        spared = within.spared if within else ()
        fields = [field for field in self.fields if f"{self.table}.{field.attname}" not in spared]
        if not fields:
            return
        rows, names = self.rows_of(within), [field.attname for field in fields]
        rows = rows.annotate(_text=_Joined(*names)).filter(needles.hint).order_by().values_list("pk", *names)
        for part in [rows] if among is None else _parts(rows, among):
            # All at once, since the caller changes them.
            for pk, *values in list(part):
                row = dict(zip(names, values, strict=True))
                for field in fields:
                    value, kept = self._parted(row, field.attname, spared)
                    if _holds_one(value, field, needles):
                        yield pk, field, value, kept

    def _parted(self, row: Mapping[str, Any], name: str, spared: Collection[str]) -> tuple[Any, Mapping[str, Any]]:
        """What an import kept of other rows is spared as these rows are: it would find its own no more."""
        value, table = row[name], _ROWS_OF.get(self.table)
        if not spared or table is None or not isinstance(value, dict):
            return value, {}
        table = row.get(table, table).lower()
        kept = {key: inner for key, inner in value.items() if f"{table}.{key}" in spared}
        return {key: inner for key, inner in value.items() if key not in kept}, kept

    def put(self, pk: Any, field: Any, value: Any) -> None:
        """Write a text; where the table takes it only once, with a mark of its row behind it."""
        try:
            with transaction.atomic():
                self._write(pk, field, value)
        except IntegrityError:
            if not isinstance(value, str):
                raise
            self._write(pk, field, value, f" {hashlib.sha256(str(pk).encode()).hexdigest()[:8]}")

    def _write(self, pk: Any, field: Any, value: Any, mark: str = "") -> None:
        if isinstance(value, str):
            value = cut(value, field.max_length, mark)
        self.rows.filter(pk=pk).update(**{field.attname: value})


def _holds_one(value: Any, field: Any, needles: Needles) -> bool:
    if isinstance(field, models.EmailField):
        # It holds one address: it is this one, or somebody else's.
        return value is not None and needles.whole.fullmatch(value)
    return any(map(_pattern_of(field, needles).search, _texts_of(value)))


def _pattern_of(field: Any, needles: Needles) -> Whole:
    return {_OWN_NAME: needles.named, _NAME_OF_A_FILE: needles.filed}.get(field, needles.whole)


def _parts(rows: Any, among: Sequence[Any]) -> Iterator[Any]:
    for begins in range(0, len(among), _KEYS_PER_QUERY):
        yield rows.filter(pk__in=among[begins : begins + _KEYS_PER_QUERY])


@dataclass(frozen=True, slots=True)
class Within:
    """Where names are looked for: which rows of a table (None for no row), and in which of its columns not."""

    rows: Callable[[type[models.Model]], models.Q | None]
    #: As 'projects.sprint.name'.
    spared: Collection[str] = ()
    #: Names of others there, in which nothing is replaced.
    others: Collection[str] = ()


@cache
def way_to_project(model: type[models.Model]) -> str | None:
    """The shortest way from a row to its project, as filters write it; None where rows are of no project."""
    ways: list[tuple[type[models.Model], str]] = [(model, "")]
    seen = {model, User}
    for each, way in ways:
        if each is Project:
            return f"{way}pk"
        for field in each._meta.local_concrete_fields:
            to = field.related_model
            if isinstance(to, type) and issubclass(to, models.Model) and to not in seen:
                seen.add(to)
                ways.append((to, f"{way}{field.name}__"))
    return None


def _texts_of(value: Any) -> Iterator[str]:
    """The texts in a document; of a text that is JSON those in it, as they are meant."""
    if isinstance(value, str):
        if (literals := _literals(value)) is None:
            yield value
        for literal in literals or ():
            yield from _texts_of(json.loads(literal[0], strict=False))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_of(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts_of(inner)


def _literals(text: str) -> list[re.Match[str]] | None:
    """Where its texts stand in JSON; None for what is a text itself.

    JSON that stands in something else ("See {…}") is one: names are looked for as JSON writes them.
    """
    if text.lstrip()[:1] + text.rstrip()[-1:] not in _ENDS_OF_JSON:
        return None
    try:
        json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return list(_LITERAL.finditer(text))


@cache
def tables() -> tuple[TextTable, ...]:
    """Every column of free text of every table: a table is read once for all of its own."""
    found: list[TextTable] = []
    for model in apps.get_models():
        fields = [
            field
            for field in model._meta.local_concrete_fields
            if isinstance(field, _TEXTS) and not (field.primary_key or field.choices)
        ]
        parts = [[field for field in fields if field != _OWN_NAME], [field for field in fields if field == _OWN_NAME]]
        found += [TextTable(model, tuple(part)) for part in parts if part]
    return tuple(found)


def with_rows() -> list[TextTable]:
    """Those that hold anything, in one statement: of a young installation that is every fourth."""
    places = (f"SELECT {n} WHERE EXISTS (SELECT 1 FROM {_quoted(each)})" for n, each in enumerate(tables()))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(places))
        held = {n for (n,) in cursor.fetchall()}
    return [each for n, each in enumerate(tables()) if n in held]


def _quoted(texts: TextTable) -> str:
    return connection.ops.quote_name(texts.model._meta.db_table)


def _needles(names: Sequence[str], within: Within | None) -> Needles:
    return Needles(names, within.others if within else ())


def found_in_database(names: Sequence[str], within: Within | None = None) -> dict[str, int]:
    """How many texts of which table hold one of them."""
    needles = _needles(names, within)
    among = with_rows() if names else ()
    return _by_table({texts: sum(1 for _ in texts.holding(needles, within)) for texts in among})


def rows_in_database(names: Sequence[str], within: Within | None = None) -> dict[TextTable, list[Any]]:
    """The keys of the rows that hold one of them where it can be replaced."""
    needles, found = _needles(names, within), {}
    for texts in with_rows() if names else ():
        if keys := {pk: None for pk, field, *_ in texts.holding(needles, within) if _replaceable(field)}:
            found[texts] = list(keys)
    return found


def replace_in_database(
    names: Sequence[str], word: str, among: Mapping[TextTable, Sequence[Any]], within: Within | None = None
) -> dict[str, int]:
    """Put a word in place of each in these rows, as they are now; how many texts of which table were changed."""
    needles, counts = _needles(names, within), {}
    for texts, keys in among.items():
        found = [each for each in texts.holding(needles, within, keys) if _replaceable(each[1])]
        for pk, field, value, kept in found:
            changed = _replaced(value, _pattern_of(field, needles), word)
            texts.put(pk, field, changed | kept if kept else changed)
        counts[texts] = len(found)
    return _by_table(counts)


def _replaceable(field: Any) -> bool:
    # Whose account or placeholder it is is erased as a whole, or found afterwards: none loses its address alone.
    return field not in _OWN_ADDRESSES


def _by_table(counts: dict[TextTable, int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for texts, count in counts.items():
        if count:
            sums[texts.table] = sums.get(texts.table, 0) + count
    return sums


def _replaced(value: Any, pattern: Whole, word: str) -> Any:
    def in_json(literal: re.Match[str]) -> str:
        text = json.loads(literal[0], strict=False)
        changed = _replaced(text, pattern, word)
        # Half of a character in two codes stays a code: no database takes it as itself.
        in_codes = literal[0].isascii() or bool(HALVES.search(changed))
        return literal[0] if changed == text else json.dumps(changed, ensure_ascii=in_codes)

    if isinstance(value, str):
        # In its place: how the rest is written may be signed, or somebody's own.
        return pattern.sub(word, value) if _literals(value) is None else _LITERAL.sub(in_json, value)
    if isinstance(value, list):
        return [_replaced(inner, pattern, word) for inner in value]
    if isinstance(value, dict):
        changed: dict[str, Any] = {}
        for name, inner in value.items():
            key = pattern.sub(word, name)
            # Two spellings of a name become one word, and stay two entries.
            changed[f"{key} {len(changed)}" if key in changed else key] = _replaced(inner, pattern, word)
        return changed
    return value


@dataclass(frozen=True, slots=True)
class StoreSearch:
    """Keys of the objects that hold a name; and of those that could not be searched to their end, with the reason."""

    found: tuple[str, ...]
    not_searched: Mapping[str, str]


class NotSearched(ApplicationError):
    """An object is not as our writers make them."""

    code = "not_searched"


def search_store(names: Sequence[str]) -> StoreSearch:
    """Look for them in every object, below whatever compression."""
    store, needles = get_object_store(), Needles(names)
    found, not_searched = [], {}
    for key in [each.key for prefix in (MODELS, DATASETS, INDEXES) for each in store.list(prefix)]:
        try:
            if _holds(store, key, needles):
                found.append(key)
        except (NotOurs, NotSearched, KeyRefused) as error:  # the last: of a name that we give to nothing
            not_searched[key] = error.message
            logger.warning("Not searched: %s: %s", key, error.message)
    return StoreSearch(tuple(found), not_searched)


def _holds(store: ObjectStore, key: str, needles: Needles) -> bool:
    return any(
        needles.anywhere.search(text)
        for piece in _pieces(store.get(key))
        # The second only where the first has none: it reads a piece four times.
        for text in chain([piece.decode(errors="ignore")], texts_of_four_bytes(piece))
    )


def _pieces(data: bytes) -> Iterator[bytes]:
    """The bytes as they are and as they were before they were compressed; nothing is interpreted further.

    Raises
    ------
    NotSearched
        If they cannot be unpacked, or are more than any of our writers packs.
    """
    yield from _overlapping(iter(partial(io.BytesIO(data).read, PIECE_BYTES), b""))
    left = MOST_UNPACKED_BYTES
    try:
        for piece in _overlapping(_unpacked(data)):
            yield piece
            left -= len(piece)
            if left < 0:
                raise NotSearched(f"It unpacks to more than {MOST_UNPACKED_BYTES // 2**20} MiB.")
    except _BROKEN as error:
        raise NotSearched(f"It cannot be unpacked: {type(error).__name__}.") from error


def _overlapping(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Each with the end of the one before, so that a name across both is seen."""
    end = b""
    for piece in pieces:
        yield end + piece
        end = (end + piece)[-LONGEST_NAME_BYTES:]


def _unpacked(data: bytes) -> Iterator[bytes]:
    if data[:2] == b"\x1f\x8b":
        with gzip.open(io.BytesIO(data)) as file:
            yield from iter(partial(file.read, PIECE_BYTES), b"")
    elif data[:4] == b"PK\x03\x04":
        with zipped.opened(data) as archive:
            for member in archive.infolist():
                with archive.open(member) as content:
                    yield from iter(partial(content.read, PIECE_BYTES), b"")
    elif data[:1] == b"\x78":
        packed, rest = zlib.decompressobj(), data
        while rest and not packed.eof:
            yield packed.decompress(rest, PIECE_BYTES)
            rest = packed.unconsumed_tail
        if not packed.eof:
            raise EOFError
