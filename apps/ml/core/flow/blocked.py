"""When issues were blocked, and why: by the statuses and labels that the team says mean so."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.common.plausible import texts_in
from apps.ml.core.flow.issues import BoardRules, FlowIssue, Spell, spells

#: Why nothing is said of blocked work.
NO_RULE = "unknown: no rule says what is blocked"


@dataclass(frozen=True, slots=True)
class BlockedIssue:
    """Time in which an issue was blocked for one reason."""

    issue_id: str
    #: The status or label that says so.
    reason: str
    since: datetime
    #: None while it is blocked.
    until: datetime | None
    #: Days of 24 hours of it that lie in the asked time.
    days: float


@dataclass(frozen=True, slots=True)
class BlockedReason:
    """One reason, over all issues."""

    reason: str
    issues: int
    days: float


@dataclass(frozen=True, slots=True)
class Blocked:
    """Blocked time; empty, with its cause, where no rule tells it."""

    #: Those that are blocked now first, then the longest.
    items: tuple[BlockedIssue, ...]
    reasons: tuple[BlockedReason, ...]
    unknown_because: str = ""


def blocked_times(issues: Sequence[FlowIssue], board: BoardRules, *, since: datetime, now: datetime) -> Blocked:
    """What was blocked between two moments; an issue that was blocked for two reasons at once counts for both."""
    if not board.tells_blocked:
        return Blocked((), (), NO_RULE)
    found = [item for issue in issues for item in _blocked(issue, board, since, now)]
    items = sorted(found, key=lambda item: (item.until is not None, -item.days, item.issue_id, item.reason))
    by_reason: dict[str, list[BlockedIssue]] = defaultdict(list)
    for item in items:
        by_reason[item.reason].append(item)
    reasons = [
        BlockedReason(reason, len({item.issue_id for item in each}), round(sum(item.days for item in each), 3))
        for reason, each in by_reason.items()
    ]
    return Blocked(tuple(items), tuple(sorted(reasons, key=lambda each: (-each.days, each.reason))))


def _blocked(issue: FlowIssue, board: BoardRules, since: datetime, now: datetime) -> Iterator[BlockedIssue]:
    for spell in blocked_spells(issue, board):
        if spell.until is None or spell.until > since:
            days = Spell("", max(spell.since, since), spell.until).days_until(now)
            yield BlockedIssue(issue.issue_id, spell.value, spell.since, spell.until, round(days, 3))


def blocked_spells(issue: FlowIssue, board: BoardRules) -> list[Spell]:
    """Times in which an issue was blocked, `value` being the reason; nothing is blocked once it has ended."""
    created_at = issue.past.created_at
    found = [spell for spell in spells(issue.states, created_at) if spell.value in board.blocked_statuses]
    if issue.labels is not None and board.blocked_labels:
        for spell in spells(issue.labels, created_at):
            borne = board.blocked_labels.intersection(texts_in(json.loads(spell.value or "[]")))
            found += [Spell(label, spell.since, spell.until) for label in sorted(borne)]
    clipped = (_before_end(spell, issue.ended_at) for spell in _joined(found))
    return [spell for spell in clipped if spell is not None]


def merged(found: Sequence[Spell]) -> list[Spell]:
    """Times that are covered by any of some ended spells, each once."""
    covered: list[Spell] = []
    for spell in sorted(found, key=lambda each: (each.since, each.until or each.since)):
        last, until = covered[-1] if covered else None, spell.until or spell.since
        if last is not None and last.until is not None and spell.since <= last.until:
            covered[-1] = Spell("", last.since, max(last.until, until))
        else:
            covered.append(Spell("", spell.since, until))
    return covered


def _joined(found: Sequence[Spell]) -> list[Spell]:
    """A label that stays while another is added or removed is one spell."""
    joined: list[Spell] = []
    for spell in sorted(found, key=lambda each: (each.value, each.since)):
        last = joined[-1] if joined else None
        if last is not None and last.value == spell.value and last.until == spell.since:
            joined[-1] = Spell(spell.value, last.since, spell.until)
        else:
            joined.append(spell)
    return joined


def _before_end(spell: Spell, ended_at: datetime | None) -> Spell | None:
    if ended_at is None:
        return spell
    until = ended_at if spell.until is None else min(spell.until, ended_at)
    return Spell(spell.value, spell.since, until) if until > spell.since else None
