"""A team whose hours can be learned, made of invented words: type, component and one word decide, the rest is noise."""

import math
from datetime import datetime, timedelta
from functools import cache
from typing import NamedTuple
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from apps.projects.models import Issue, Project
from apps.projects.tests.factories import ProjectFactory

TYPES = {"bug": 0.7, "task": 1.4, "story": 2.2}
WORDS = {"label": -0.8, "export": 0.3, "migration": 1.2, "login": 0.0}
SCALE = (1, 2, 3, 5, 8, 13)


class Drawn(NamedTuple):
    """What chance decides of an issue."""

    kind: str
    word: str
    hours: float
    priority: int
    points: int


@cache
def drawn(n: int, seed: int, learnable: bool, spread: float) -> tuple[Drawn, ...]:
    """Of a team's issues; the same team is asked for hundreds of times in a run."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(n):
        kind, word = str(rng.choice(list(TYPES))), str(rng.choice(list(WORDS)))
        centre = TYPES[kind] + WORDS[word] if learnable else 1.4
        hours = float(np.exp(centre + spread * rng.standard_normal()))
        nearest = min(SCALE, key=lambda points: abs(math.log(points / hours)))
        found.append(Drawn(kind, word, hours, int(rng.integers(1, 5)), nearest))
    return tuple(found)


def finished_issues(
    project: Project, n: int, *, until: datetime, seed: int = 0, learnable: bool = True, spread: float = 0.35
) -> list[Issue]:
    """Store `n` finished issues, one each six hours up to `until`."""
    types = {kind.name: kind for kind in project.issue_types.all()}
    done = project.statuses.get(category="done")
    # The same team has the same ids in each test, so that its training is known again.
    before, issues = Issue.objects.count(), []
    for number, (kind, word, hours, priority, points) in enumerate(drawn(n, seed, learnable, spread)):
        resolved = until - timedelta(hours=6 * (n - number))
        issues.append(
            Issue(
                id=uuid5(NAMESPACE_OID, f"{before} {number}"),
                project=project,
                title=f"Change the {word} of part {number % 17}",
                description=f"The {word} has to change before part {number % 5} can go on.",
                issue_type=types[kind],
                status=done,
                priority=priority,
                story_points=points,
                actual_hours=round(hours, 2),
                component=f"part-{number % 3}",
                created_at=resolved - timedelta(hours=30),
                started_at=resolved - timedelta(hours=20),
                resolved_at=resolved,
            )
        )
    return Issue.objects.bulk_create(issues)


def learnable_team(n: int = 120, *, until: datetime, **options: object) -> Project:
    """A project with `n` finished issues and no members."""
    project = ProjectFactory()
    finished_issues(project, n, until=until, **options)  # type: ignore[arg-type]
    return project
