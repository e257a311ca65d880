"""Teams that train `sprint_duration` on their own sprints, beside the prior that has not seen them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from apps.common.console import table
from apps.ml.benchmarks.sprints.data import SprintProject
from apps.ml.core.sprints.learned.lessons import SprintLesson, TaughtMoment, rows_of, scored
from apps.ml.core.sprints.learned.serving import SprintModel
from apps.ml.core.sprints.learned.training import train_sprint_model
from apps.ml.core.sprints.outcome import PastSprint, SprintPrior
from apps.ml.core.sprints.outcome.features import features
from apps.ml.core.sprints.outcome.serving import RANGE_LEVEL

#: Own sprints that are known, and how many of the next are asked about: at least the smaller number, else no cut.
KNOWN_SPRINTS, ASKED_SPRINTS = (50, 70, 100, 150), (15, 40)
#: Cuts of a project begin so many sprints apart, and there are no more than this many.
STEP_SPRINTS, MOST_CUTS = 20, 6
#: The data tell no dates; sprints end one after another.
_FIRST_END = datetime(2010, 1, 1, tzinfo=UTC)


def lessons(project: SprintProject) -> list[SprintLesson]:
    """A project's sprints as an installation would have them, oldest first; those that never had anything are none."""
    found = []
    for number, moments in enumerate(zip(*project.moments.values(), strict=True)):
        taught = tuple(_taught(sprint) for sprint in moments if sprint.scope_points > 0)
        if taught:
            found.append(SprintLesson(str(number), project.name, _FIRST_END + timedelta(days=number), taught))
    return found


def _taught(sprint: PastSprint) -> TaughtMoment:
    alone = replace(sprint, moment=replace(sprint.moment, past=()))
    return TaughtMoment(alone, tuple(float(value) for value in features(sprint.moment)))


def cuts(prior: SprintPrior, project: SprintProject) -> list[dict[str, Any]]:
    """What own sprints are worth, trained at several moments of a project's life; errors are CRPS as served."""
    known = lessons(project)
    return [
        _cut(prior, known[start : start + n + ASKED_SPRINTS[1]], n)
        for n in KNOWN_SPRINTS
        for start in range(0, len(known) - n - ASKED_SPRINTS[0] + 1, max(STEP_SPRINTS, len(known) // MOST_CUTS))
    ]


def _cut(prior: SprintPrior, sprints: Sequence[SprintLesson], n: int) -> dict[str, Any]:
    trained = train_sprint_model(sprints[:n], now=sprints[n - 1].completed_at, prior=prior, level=RANGE_LEVEL)
    served = SprintModel.from_bytes(trained.serving, prior=prior)
    rows, done_share = rows_of(sprints)
    told, by_prior = (
        scored(sprints, teacher.chances_of(rows, done_share), level=RANGE_LEVEL) for teacher in (served, prior)
    )
    return {
        "known": n,
        "asked": len(sprints) - n,
        "speaks": trained.beats_baseline,
        "crps": float(told.crps[n:].mean()),
        "prior_crps": float(by_prior.crps[n:].mean()),
        "held": float(told.held[n:].mean()),
    }


def cuts_table(name: str, found: Sequence[dict[str, Any]]) -> list[str]:
    """One line a number of own sprints."""
    rows = []
    for n in KNOWN_SPRINTS:
        some = [each for each in found if each["known"] == n]
        if some:
            ratios = [each["crps"] / each["prior_crps"] for each in some]
            speaks, held = (float(np.mean([each[key] for each in some])) for key in ("speaks", "held"))
            rows.append(
                (f"{n}", f"{len(some)}", f"{speaks:.0%}", f"{np.mean(ratios):.3f}", f"{max(ratios):.3f}", f"{held:.1%}")
            )
    return table((f"{name}: known", "cuts", "own trees speak", "CRPS / prior's", "worst", "range holds"), rows)
