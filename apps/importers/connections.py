"""Connections of projects to trackers: made, kept in step, and their tokens kept."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.common.heartbeat import CLOCKS_DIFFER, beating, silent
from apps.importers.boxes import opened, resealed, sealed
from apps.importers.keeping import hold
from apps.importers.models import Connection, ImportRun, TakingBack, WriteBack
from apps.importers.records import ImportRefused, LeftOut, RowError
from apps.importers.report import ImportReport
from apps.importers.sources.budget import Budget
from apps.importers.sources.client import Client
from apps.importers.sources.registry import Place, place_of
from apps.importers.syncing import import_told
from apps.importers.tracked import Told, TrackedIssue, Unread, without_labels
from apps.importers.waiting import LOST_AFTER, running
from apps.importers.writing.kinds import hold_project
from apps.notifications.services.left_going import Kind, becomes_theirs
from apps.projects.history.moments import When, moment_of
from apps.projects.models import Project
from apps.projects.rows import all_or_nothing, enter, insert, lock

#: What was touched while the last import ran, by clocks that differ, is read again.
OVERLAP = timedelta(hours=1)
#: So long what an import left out is asked for again: a tracker that stumbles, or whose copies differ, does so for
#: minutes, and what is too large stays so.
LEFT_OUT_FOR = timedelta(days=3)
#: Each asks its tracker every hour; teams that work together have a handful.
MOST_CONNECTIONS = 20
CONNECTIONS = Kind(
    Connection,
    lambda connection: f"The connection to {connection.kind} {connection.scope}",
    "connections",
    spent=Q(sealed_token=""),
    why_spent="its token went with somebody who was erased",
)


class TooManyConnections(Conflict):
    """A project has twenty connections at most: delete one that is not used any more."""

    code = "too_many_connections"


@all_or_nothing()
def connect(project: Project, place: Place, token: str, *, by: User | None, now: datetime) -> Connection:
    """Connect a project with a place in a tracker; the token is sealed at once. Raises `TooManyConnections`."""
    # Of two at once the second finds the first, and says so.
    lock(project)
    if Connection.objects.filter(project=project).count() >= MOST_CONNECTIONS:
        raise TooManyConnections
    kind = place.connector.name
    taken = set(Connection.objects.filter(project=project, kind=kind).values_list("source", flat=True))
    names = (kind if number == 1 else f"{kind}-{number}" for number in range(1, len(taken) + 2))
    made: Connection = insert(
        Connection(
            project=project, kind=kind, base_url=place.base_url, scope=place.scope, sealed_token=sealed(token),
            source=next(name for name in names if name not in taken), created_at=now, created_by=by,
        )
    )  # fmt: skip
    # What was written there by one that was deleted is ours still; nobody has said that it goes on.
    left = WriteBack.objects.filter(project=project, connection=None, place=made.place)
    left.update(connection=made, is_active=False)
    return made


@all_or_nothing()
def change(
    connection: Connection, *, by: User | None = None, token: str | None = None, is_active: bool | None = None
) -> Connection:
    """Give a new token, or switch a connection off and on; whoever gives one, or sets it going again, has made it."""
    # An erasure may just have let the token go that was read before.
    lock(connection)
    if token is not None or is_active:
        for name, value in becomes_theirs(connection, by, is_new=token is not None).items():
            setattr(connection, name, value)
    if token is not None:
        connection.sealed_token = sealed(token)
    if is_active is not None:
        connection.is_active = is_active
    connection.save(update_fields=["sealed_token", "is_active", "created_by"])
    return connection


def forget_tokens(*, given_by: Collection[User], is_meant: Callable[[str], bool]) -> int:
    """Let tokens go that these people gave or that are meant; how many.

    Their connections do nothing until others are given: within a minute they are switched off, and the leads are told.
    """
    givers = {user.pk for user in given_by}
    found = [
        connection.pk
        for connection in Connection.objects.exclude(sealed_token="")
        if connection.created_by_id in givers or is_meant(_readable(connection.sealed_token))
    ]
    return Connection.objects.filter(pk__in=found).update(sealed_token="")


def _readable(box: str) -> str:
    """The token; nothing where no key opens it any more, for then nobody can read it."""
    try:
        return opened(box)
    except ImportRefused:
        return ""


def client_for(place: Place, token: str, *, budget: Budget | None = None, **options: Any) -> Client:
    """A client for a place, with what the operator allows."""
    connector = place.connector
    return Client(
        place.base_url,
        connector.headers(token),
        allowed=settings.TRACKER_ALLOWED_NETWORKS,
        budget=budget or Budget(),
        **options,
    )


@contextmanager
def alone_at(connection: Connection) -> Iterator[Callable[[], None]]:
    """Nobody else writes by a connection meanwhile; what is given raises `Conflict` once somebody does.

    As somebody may after `LOST_AFTER` without a sign of life, so that a process that was killed keeps nobody out.

    Raises
    ------
    Conflict
        If somebody does already.
    """
    began_at, row = timezone.now(), Connection.objects.filter(pk=connection.pk)
    is_free = Q(writing_since=None) | silent("writing_seen_at", now=began_at, after=LOST_AFTER)
    # Of two at once the second waits for this row, and finds it taken.
    if not row.filter(is_free).update(writing_since=began_at, writing_seen_at=began_at):
        since = row.values_list("writing_since", flat=True).first()
        if since is None:
            raise Conflict("Its connection was changed meanwhile: nothing was written.")
        who = "an import" if running(began_at).filter(connection=connection).exists() else "a command write_back"
        raise Conflict(f"Since {since:%H:%M} UTC {who} writes figures by this connection: write when that is over.")
    own = row.filter(writing_since=began_at)

    def require_alone() -> None:
        if not own.exists():
            raise Conflict(
                "Its connection was changed meanwhile, or another writes by it: what is left is not written."
            )

    try:
        with beating(lambda now: own.update(writing_seen_at=now)):
            yield require_alone
    finally:
        own.update(writing_since=None, writing_seen_at=None)


def sync(
    connection: Connection,
    run: ImportRun,
    *,
    now: When,
    is_full: bool = False,
    mark_missing: bool = False,
    on_row: Callable[[TrackedIssue | RowError], None] | None = None,
    through: Callable[[Iterable[Told]], Iterable[Told]] = iter,
) -> ImportReport:
    """Bring a project in step with its tracker: what was touched since the last time, or everything.

    What is told goes `through` before it is imported, without figures that were written there.
    """
    began = moment_of(now)
    place = place_of(connection.kind, connection.base_url, connection.scope)
    client = client_for(place, opened(connection.sealed_token))
    taken_back = _taken_back(connection)
    last = None if is_full else connection.synced_until
    # Where a clock that was ahead told it, nobody knows what was touched since.
    last = last if last and last <= began + CLOCKS_DIFFER else None
    since = last - OVERLAP if last else None
    left_out = list[LeftOut | Unread]()
    told = _noting(left_out, client.budget.watching(place.connector.pull(client, place.scope, since)))
    report = import_told(
        through(without_labels(told, tuple(filter(None, connection.write_backs.values_list("label", flat=True))))),
        project=connection.project,
        source=connection.source,
        fields=place.connector.told,
        now=now,
        dry_run=run.is_dry_run,
        run=run,
        on_row=on_row,
        is_whole=since is None,
        mark_missing=mark_missing,
    )
    if not run.is_dry_run:
        until = _asked_again_from(run, left_out, last, now=began) if left_out else began
        _note_end(connection, run, taken_back, began=until)
    return report


def _noting(left_out: list[LeftOut | Unread], told: Iterable[Told]) -> Iterator[Told]:
    for each in told:
        if isinstance(each, LeftOut | Unread):
            left_out.append(each)
        yield each


def _asked_again_from(
    run: ImportRun, left_out: Iterable[LeftOut | Unread], last: datetime | None, *, now: datetime
) -> datetime | None:
    """From when on the next import asks, where this one, which asked from `last` on, left something out.

    The next one asks as this one did, None for everything, and for everything once again. One that is too large is so
    each time, so that from then on it is asked for some days. What could not be read of all, of a project's columns
    say, is asked for until that has lasted for as long: for a token that never may, each import would read days in
    place of an hour.
    """
    first = now - LEFT_OUT_FOR
    before = ImportRun.objects.filter(connection=run.connection_id, status=ImportRun.Status.COMPLETED, is_dry_run=False)
    before = before.exclude(pk=run.pk).order_by("-created_at")
    latest = before.first()
    issues = [each for each in left_out if isinstance(each, LeftOut)]
    unread = {each.what for each in left_out if isinstance(each, Unread)}
    if not issues and _lasts(unread, before, since=first):
        return now
    if run.is_full or latest is None:
        return last
    told = latest.report
    is_left_again = told.get("error_count") if issues else last is None and _lacks(told.get("ledger"), unread)
    return min(max(last or first, first), now) if is_left_again else last


def _lasts(unread: Set[str], before: QuerySet[ImportRun], *, since: datetime) -> bool:
    """Whether no import could read it for so long, the last one before that neither."""
    ledgers = before.values_list("report__ledger", flat=True)
    earlier, later = ledgers.filter(created_at__lte=since)[:1], ledgers.filter(created_at__gt=since)
    return bool(earlier) and all(_lacks(ledger, unread) for ledger in (*earlier, *later))


def _lacks(ledger: Collection[Mapping[str, Any]] | None, unread: Set[str]) -> bool:
    return unread <= {line["what"] for line in ledger or ()}


@all_or_nothing()
def _note_end(
    connection: Connection, run: ImportRun, taken_back: set[tuple[UUID, datetime]], *, began: datetime | None
) -> None:
    """How far the project is in step, in its row as it is by now: an import may take hours.

    A token that was given or let go meanwhile stays so. Where an import was taken back meanwhile, what it had brought
    may be gone although this one saw it: the next one asks as this one did, or for everything.
    """
    # As in each step: the run before the project, and with the run its connection.
    enter(connection.project_id)
    hold(run)
    hold_project(connection.project_id)
    row = Connection.objects.filter(pk=connection.pk)
    row.filter(sealed_token=connection.sealed_token).update(sealed_token=resealed(connection.sealed_token))
    if _taken_back(connection) == taken_back:
        as_before = row.filter(synced_until=connection.synced_until, is_active=connection.is_active)
        # Of what came after the import began nothing is sure.
        as_before.update(synced_until=began)
    connection.refresh_from_db()


def _taken_back(connection: Connection) -> set[tuple[UUID, datetime]]:
    """Which imports by a connection were taken back, and when that was asked for."""
    return set(TakingBack.objects.filter(run__connection=connection).values_list("run", "asked_at"))
