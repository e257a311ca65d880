"""The JSON header of a serving artefact: what is not an array."""

from dataclasses import asdict, dataclass
from typing import Any

#: `kind` of the artefact.
KIND = "effort"
#: The seed's minimum for a model of hours.
MIN_TRAINING_ISSUES = 50
#: With fewer estimated issues than this the team's estimates cannot be judged.
MINIMUM_INFORMED_ISSUES = 30


@dataclass(frozen=True, slots=True)
class Header:
    """Facts about the whole model."""

    version: str
    level: float
    scope: str
    trained_at: str
    n_issues: int
    #: Issues among them that had story points.
    n_pointed: int
    #: Whether dates told what was known when each issue was estimated; see `Table.in_time`.
    in_time: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class HeadHeader:
    """Facts about one head; see `training.FittedHead`."""

    #: Keep the team's own estimate unless the answer differs by more than this, in log units; 0 never keeps it.
    snap: float
    #: Column of the naive expert that is the baseline.
    baseline: int
    serves_model: bool
    more_issues_needed: int
    measured_malr: float
    baseline_malr: float
    n_measured: int
    #: Fields of `intervals.Totals`.
    totals: dict[str, float]
    #: Smallest and largest log of an estimate that was learned from, in a model of all projects about so; None for the
    #: head without, and in old artefacts.
    log_estimates: tuple[float, float] | None = None

    #: What ranges held too little in training, see `intervals.missed_in_training`; 0 in old artefacts.
    missing_coverage: float = 0.0
    #: How much of a range the errors of the head make at least, see `ranges.PastRanges.share`; 0 in old artefacts.
    head_share: float = 0.0

    def beyond(self, log_estimate: float) -> float:
        """How far an estimate lies outside those that were learned from, in log units."""
        low, high = self.log_estimates or (log_estimate, log_estimate)
        return max(low - log_estimate, log_estimate - high, 0.0)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
