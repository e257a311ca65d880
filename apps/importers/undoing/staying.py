"""Which issues that an import made stay when it is taken back: those that somebody did anything with since.

What has no history tells it by what the import left; who refers to an issue that nobody touched does so, too. And what
stays keeps that which it is a part of.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q

from apps.importers.writing.changes import WITHOUT_HISTORY
from apps.projects.models import Issue, IssueLink
from apps.projects.rows import in_parts

_NAMES = sorted(WITHOUT_HISTORY)


def staying(
    made: Collection[UUID],
    afters: Mapping[UUID, Mapping[str, Any]],
    *,
    in_history: Collection[UUID],
    own_links: Collection[int],
) -> set[UUID]:
    """Of the issues that an import made, those that stay; asked once all others are as they were.

    Parameters
    ----------
    afters : mapping
        What it left in fields without a history; of imports from before that was kept nothing.
    in_history : collection of UUID
        Those of which the history tells something that the import did not do.
    own_links : collection of int
        The links that it made itself.
    """
    kept = {*in_history, *_changed(made, afters), *_linked(made, own_links)}
    above = _above(made)
    needed = {above[pk] for pk in above if pk in kept or pk not in made}
    while needed:
        kept |= needed
        needed = {above[pk] for pk in needed if pk in above} - kept
    return kept


def _changed(made: Collection[UUID], afters: Mapping[UUID, Mapping[str, Any]]) -> Iterator[UUID]:
    for some in in_parts(sorted(made)):
        for pk, *values in Issue.objects.filter(pk__in=some).order_by().values_list("pk", *_NAMES):
            now, left = dict(zip(_NAMES, values, strict=True)), afters.get(pk, {})
            if any(now[name] != value for name, value in left.items()):
                yield pk


def _linked(made: Collection[UUID], own_links: Collection[int]) -> Iterator[UUID]:
    for some in in_parts(sorted(made)):
        links = IssueLink.objects.filter(Q(blocker__in=some) | Q(blocked__in=some)).order_by()
        for pk, *ends in links.values_list("pk", "blocker_id", "blocked_id"):
            if pk not in own_links:
                yield from (end for end in ends if end in made)


def _above(made: Collection[UUID]) -> dict[UUID, UUID]:
    """Issues that are parts of those that were made, each with that one."""
    above: dict[UUID, UUID] = {}
    for some in in_parts(sorted(made)):
        above.update(Issue.objects.filter(parent__in=some).order_by().values_list("pk", "parent_id"))
    return above
