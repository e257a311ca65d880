"""Invented teams whose sprints have an outcome that can be learned: slow teams deliver half, fast ones all."""

import numpy as np

from apps.ml.core.sprints.outcome import PastSprint, SprintMoment
from apps.projects.history.sprint_books import Amount

MOMENTS = (0.0, 0.5)


def moment(
    *,
    scope: float = 20.0,
    done: float = 5.0,
    in_progress: float = 5.0,
    elapsed_ratio: float = 0.5,
    added: float = 0.0,
    removed: float = 0.0,
    past: tuple[PastSprint, ...] = (),
) -> SprintMoment:
    to_do = max(scope - done - in_progress, 0.0)
    return SprintMoment(
        elapsed_ratio=elapsed_ratio,
        at_start=_amount(scope - added + removed),
        added=_amount(added),
        removed=_amount(removed),
        to_do=_amount(to_do),
        in_progress=_amount(in_progress),
        done=_amount(done),
        team_size=4.0,
        past=past,
        committed_points=scope - added + removed,
    )


def sprints(n: int, *, seed: int, elapsed_ratio: float = 0.5, scale: float = 1.0) -> list[PastSprint]:
    """`n` sprints of one team, oldest first, each with those before it as its past."""
    rng = np.random.default_rng(seed)
    usual = rng.uniform(0.4, 1.0)
    found: list[PastSprint] = []
    for _ in range(n):
        committed = float(rng.integers(10, 40))
        ratio = float(np.clip(usual + 0.2 * rng.standard_normal(), 0.0, 1.3))
        done = elapsed_ratio * ratio * committed * rng.uniform(0.6, 1.0)
        standing = moment(
            scope=committed * scale,
            done=done * scale,
            in_progress=0.2 * committed * scale,
            elapsed_ratio=elapsed_ratio,
            past=tuple(found),
        )
        found.append(PastSprint(standing, delivered_points=ratio * committed * scale))
    return found


def team(n: int, *, seed: int) -> list[PastSprint]:
    """The same team at several moments."""
    return [sprint for elapsed in MOMENTS for sprint in sprints(n, seed=seed, elapsed_ratio=elapsed)]


def _amount(points: float) -> Amount:
    return Amount(round(points / 3), points)
