"""Which questions are heavy, told by what was read for them: one person's are worked out one at a time.

What `./bench heavy` measures at a second of processor time or more has a bound here; half of that costs nobody a turn.
"""

from datetime import datetime
from uuid import UUID

from apps.common.api.busy import heavy_question
from apps.ml.core.forecasts.links import LinkedWork
from apps.ml.selectors.forecasts import open_links

#: Links of a project: a what-if of 30 issues that wait for one takes up to a second, of 150 up to three.
HEAVY_LINKS = 20
#: Issues that are forecast part by part, told again from their past, or estimated one by one: 3,500 take 1.0 to 1.5 s.
HEAVY_ISSUES = 1_000
#: Sprints that are foreseen together: twenty of a project with 20,000 issues take a second.
HEAVY_SPRINTS = 5
#: Finished issues whose words are indexed anew, for a team without a model: 15,000 take one to two seconds.
HEAVY_TEXTS = 5_000
#: Days of flow: of 59,000 issues 90 days take a third of a second, 730 days 1.7.
HEAVY_DAYS = 180


def in_turn(*, links: int = 0, issues: int = 0, days: int = 0, sprints: int = 0, texts: int = 0) -> None:
    """Wait for the turn of whoever asks, if so much is to be worked out; raises `Busy`."""
    if (
        links > HEAVY_LINKS
        or issues > HEAVY_ISSUES
        or days > HEAVY_DAYS
        or sprints > HEAVY_SPRINTS
        or texts > HEAVY_TEXTS
    ):
        heavy_question()


def links_in_turn(project_id: UUID | str, *, now: datetime) -> LinkedWork:
    """What open issues wait for, which decides what a forecast costs."""
    linked = open_links(project_id, now=now)
    in_turn(links=len(linked.links))
    return linked
