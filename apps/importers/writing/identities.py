"""Which issue of a source a record means. Keys and ids are two things, though both may be plain numbers.

An id decides: it stays when an issue moves and gets another key. A key tells only where one of the two has no id. Of
two rows for one issue, or with one key, the first counts, and the other is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from apps.importers.records import ImportedIssue, RowError
from apps.importers.report import ImportReport
from apps.importers.writing.changes import Touch
from apps.projects.models import Issue, Project
from apps.projects.rows import in_parts, lock_issues

#: By what a source knows an issue, by attribute; both together.
NAMES = frozenset({"external_id", "source_id"})
Record = TypeVar("Record", bound=ImportedIssue)
#: An id, or else a key.
Name: TypeAlias = tuple[str, str]
#: What is told of an issue that no row names by its id, while another row has its key.
KEY_IS_ANOTHERS = "of earlier imports whose key another issue has by now: left without a key"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an import tells of an issue, and by which name."""

    line: int
    name: Name


def _place_of(record: ImportedIssue) -> _Place:
    return _Place(record.line, (record.source_id, "" if record.source_id else record.external_id))


@dataclass(slots=True, eq=False)
class _One:
    """An issue as a source knows it, by what was told so far; None for one that is to be made."""

    issue: Issue | None
    source_id: str
    key: str
    #: None where this import has not told of it.
    told: _Place | None = None


@dataclass(slots=True)
class Meant(Generic[Record]):
    """What the records of a batch mean."""

    #: Each with its issue; None for one that is to be made.
    records: list[tuple[Record, Issue | None]] = field(default_factory=list)
    refused: list[RowError] = field(default_factory=list)
    #: What the batch did to issues that none of its records means: another one has their key now.
    touches: list[Touch] = field(default_factory=list)

    @property
    def issues(self) -> list[Issue]:
        """Those that were there."""
        return [issue for _, issue in self.records if issue is not None]


class Identities:
    """The issues of one source in one project, while an import tells of them.

    Parameters
    ----------
    may_repeat : bool
        A list of a tracker moves while it is read: of an issue that comes twice the later answer is the newer.
    """

    def __init__(self, project: Project, source: str, *, may_repeat: bool = False) -> None:
        self._project, self._source, self._may_repeat = project, source, may_repeat
        self._told: dict[UUID, _Place] = {}
        #: Issues that are there although their rows were refused.
        self._named: set[UUID] = set()
        self._without_key: set[UUID] = set()

    @property
    def seen(self) -> set[UUID]:
        """Issues that the import told of."""
        return {*self._told, *self._named}

    def note_made(self, made: Sequence[tuple[ImportedIssue, Issue]]) -> None:
        """These records had no issue yet."""
        self._told.update({issue.pk: _place_of(record) for record, issue in made})

    def tell(self, report: ImportReport) -> None:
        """At the end: who was left without a key."""
        if left := self._without_key - self._told.keys():
            report.remarks[KEY_IS_ANOTHERS] += len(left)

    def sort_out(self, batch: Sequence[Record]) -> Meant[Record]:
        """Whom the records of a batch mean, locked; keys that go from one issue to another are free by then."""
        known, meant = self._known(batch), Meant[Record]()
        told: dict[_One, Record] = {}
        for record in batch:
            one = known.find(record)
            if one is not None and one.told is not None and not self._is_repeated(record, one.told):
                meant.refused.append(_refusal(record, "issue", one.told))
                continue
            holder = known.by_key.get(record.external_id)
            if holder is not None and holder is not one and holder.told is not None:
                meant.refused.append(_refusal(record, "key", holder.told))
                self._named |= {one.issue.pk} if one is not None and one.issue is not None else set()
                continue
            one = one or _One(None, record.source_id, record.external_id)
            known.take(one, record)
            told[one] = record
        meant.records = [(record, one.issue) for one, record in told.items()]
        self._told.update({one.issue.pk: _place_of(record) for one, record in told.items() if one.issue is not None})
        meant.touches = self._free_keys(meant, known.lost)
        return meant

    def _is_repeated(self, record: ImportedIssue, before: _Place) -> bool:
        """Whether it came by the same name before, and may."""
        return self._may_repeat and _place_of(record).name == before.name

    def _known(self, batch: Sequence[ImportedIssue]) -> "_Known":
        known, meant = _Known(), set[UUID]()
        rows = Issue.objects.filter(project=self._project, source=self._source).order_by()
        for part in in_parts(batch):
            ids, keys = [each.source_id for each in part if each.source_id], [each.external_id for each in part]
            by_id = Q(source_id__in=ids) if ids else Q(pk__in=())
            meant.update(rows.filter(by_id | Q(external_id__in=keys)).values_list("pk", flat=True))
        # All by id, before any is read: the parts come in the order of the file.
        for some in in_parts(sorted(lock_issues(meant, to_delete=True))):
            for issue in rows.filter(pk__in=some).order_by("pk"):
                known.add(issue, self._told.get(issue.pk))
        return known

    def _free_keys(self, meant: Meant[Record], lost: dict[UUID, Issue]) -> list[Touch]:
        """Issues that get other keys have none until they are written: two may have changed them with each other."""
        moved = {issue.pk for record, issue in meant.records if issue and issue.external_id != record.external_id}
        left = [issue for pk, issue in lost.items() if pk not in {each.pk for each in meant.issues}]
        for some in in_parts(sorted(moved | {issue.pk for issue in left})):
            Issue.objects.filter(pk__in=some).update(external_id="", updated_at=timezone.now())
        touches = [Touch(issue, {"external_id": issue.external_id}) for issue in left]
        for issue in left:
            issue.external_id = ""
        self._without_key |= {issue.pk for issue in left}
        return touches


@dataclass(slots=True)
class _Known:
    """The issues that a batch may mean, by id and by key, as they are called while its records are gone through."""

    by_id: dict[str, _One] = field(default_factory=dict)
    by_key: dict[str, _One] = field(default_factory=dict)
    #: Whose key another record has.
    lost: dict[UUID, Issue] = field(default_factory=dict)

    def add(self, issue: Issue, told: _Place | None) -> None:
        one = _One(issue, issue.source_id, issue.external_id, told)
        if one.source_id:
            self.by_id.setdefault(one.source_id, one)
        if one.key:
            self.by_key[one.key] = one

    def find(self, record: ImportedIssue) -> _One | None:
        named = self.by_key.get(record.external_id)
        if named is not None and record.source_id in ("", named.source_id):
            return named
        if record.source_id in self.by_id:
            return self.by_id[record.source_id]
        return None if named is None or named.source_id else named

    def take(self, one: _One, record: ImportedIssue) -> None:
        """From here on the record says what it is called."""
        holder = self.by_key.get(record.external_id)
        if holder is not None and holder is not one and holder.issue is not None:
            self.lost[holder.issue.pk] = holder.issue
        if self.by_key.get(one.key) is one:
            del self.by_key[one.key]
        one.key, one.source_id, one.told = record.external_id, record.source_id or one.source_id, _place_of(record)
        self.by_key[one.key] = one
        if one.source_id:
            self.by_id.setdefault(one.source_id, one)


def _refusal(record: ImportedIssue, what: str, before: _Place) -> RowError:
    return RowError(record.line, record.external_id, f"the {what} stands in line {before.line} already")


def put_back(project: Project, names: Mapping[UUID, Mapping[str, Any]]) -> set[UUID]:
    """Call issues as they were called before; who keeps its names, since another issue has that key."""
    wanted = dict(names)
    keys = [called["external_id"] for called in names.values() if called.get("external_id")]
    holders: dict[tuple[str, str], UUID] = {}
    for some in in_parts(keys):
        rows = Issue.objects.filter(project=project, external_id__in=some).order_by()
        holders |= {(source, key): pk for pk, source, key in rows.values_list("pk", "source", "external_id")}
    sources = {pk: issue.source for some in in_parts(list(names)) for pk, issue in Issue.objects.in_bulk(some).items()}
    is_settled = False
    while not is_settled:
        # Who keeps a key keeps it from others.
        held = {place: pk for place, pk in holders.items() if "external_id" not in wanted.get(pk, ())}
        free = {
            pk: called
            for pk, called in wanted.items()
            if pk in sources and held.get((sources[pk], called.get("external_id", "")), pk) == pk
        }
        is_settled, wanted = len(free) == len(wanted), free
    moving = sorted(pk for pk, called in wanted.items() if "external_id" in called)
    for some in in_parts(moving):
        Issue.objects.filter(pk__in=some).update(external_id="")
    for pk, called in wanted.items():
        Issue.objects.filter(pk=pk).update(**called)
    return sources.keys() - wanted.keys()
