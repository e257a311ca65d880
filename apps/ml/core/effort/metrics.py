"""What training measured, on issues that each model had not seen."""

from dataclasses import dataclass

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.effort.heads import Prequential
from apps.ml.core.effort.ranges.past import PastRanges
from apps.ml.core.effort.table import EffortTable
from apps.ml.core.evaluation import metrics as evaluation

#: The model serves where its gain is larger than so many standard errors. Of simulated teams of 100 to 300 issues with
#: hours independent of everything about 1 in 50 passes, since what it learned makes the mixture worse than a median; at
#: 1.3, teams of 100 issues whose model was better abstained too often.
GAIN_IN_STANDARD_ERRORS = 0.8
#: ... and more on a short record: at 0.8, of noise teams of 50 to 70 issues 1 in 6 would pass. Standard errors
#: asked for by measured rows, so that about 1 noise team in 20 passes (measured: 3 to 8 %).
SHORT_RECORDS = (42, 48, 70)
GAINS_OF_SHORT_RECORDS = (1.65, 1.2, GAIN_IN_STANDARD_ERRORS)
#: A correction of the team's own number may lose at most this much in ratios for what it gains in hours.
TOLERATED_LOSS_IN_STANDARD_ERRORS = 0.5
#: ... and larger than 3 % of the baseline's error, below which nobody would notice.
MINIMUM_GAIN = 0.03
#: Where there is no gain at all, this many more issues are a reasonable next try, never a promise.
_MOST_ISSUES_ASKED_FOR = 200
_LEAST_ISSUES_ASKED_FOR = 10


@dataclass(frozen=True, slots=True)
class HeadMetrics:
    """One head on the seed's test part: the last fifth, in hours; log figures are natural."""

    mae: float
    rmse: float
    r2: float
    malr: float
    #: Share of the test part inside the ranges that would have been served.
    coverage: float
    #: What is asked of served ranges on top of their level, since the test part held too little even once it was known.
    missing_coverage: float
    #: Ranges of the test part that both were measured on.
    n_ranges: int
    #: How much of the ranges the errors of the head make; the rest is the spread of the team's last outcomes.
    head_share: float
    baseline_mae: float
    baseline_malr: float
    human_mae: float | None
    human_malr: float | None
    n_train: int
    n_test: int
    #: Whether the gain over the baseline on all out-of-sample rows is more than noise.
    beats_baseline: bool
    #: About how many more issues would settle the question; 0 where it is settled.
    more_issues_needed: int
    expert_weights: dict[str, float]
    #: Mean absolute log error of each expert on all out-of-sample rows.
    expert_losses: dict[str, float]


@dataclass(frozen=True, slots=True)
class EffortMetrics:
    """The head without the team's estimate, and the one with it."""

    plain: HeadMetrics
    informed: HeadMetrics | None


def head_metrics(
    table: EffortTable,
    past: Prequential,
    experts: Floats,
    weights: dict[str, float],
    *,
    level: float,
    test_share: float,
    informed: bool,
    corrects: bool,
) -> HeadMetrics:
    """Measure what a head would have served.

    Parameters
    ----------
    past : Prequential
        Out-of-sample answers; those of the last `test_share` of all issues are the test part.
    experts : ndarray of shape (n_issues, n_experts)
        Out-of-sample answers of each expert, columns as in `weights`.
    informed : bool
        Whether the head knows the team's estimate.
    corrects : bool
        Whether the head only corrects the team's own estimate, on data where something can be learned.
    """
    test = np.isin(past.rows, table.asked_order[round(len(table) * (1 - test_share)) :])
    if not test.any():
        # Estimates that stopped before the last fifth: what was answered earlier is all there is to measure.
        test = np.ones(past.rows.size, dtype=bool)
    rows = past.rows[test]
    hours, answers, baseline = (np.exp(x[test]) for x in (table.log_hours[past.rows], past.centre, past.baseline))
    human = np.exp(table.log_estimates[rows])
    asked = ~np.isnan(human)
    losses = np.abs(experts[past.rows] - table.log_hours[past.rows][:, None]).mean(axis=0)
    beats, missing = _verdict(table.log_hours[past.rows], past, corrects=corrects)
    ranges = PastRanges(table, past, past.served(beats_baseline=beats), level, informed)
    share = ranges.share()
    held = ranges.held(test, share)
    return HeadMetrics(
        mae=evaluation.mae(hours, answers),
        rmse=evaluation.rmse(hours, answers),
        r2=evaluation.r2(hours, answers),
        malr=evaluation.malr(hours, answers),
        coverage=held.share,
        missing_coverage=held.missing,
        n_ranges=held.n,
        head_share=share,
        baseline_mae=evaluation.mae(hours, baseline),
        baseline_malr=evaluation.malr(hours, baseline),
        human_mae=evaluation.mae(hours[asked], human[asked]) if asked.any() else None,
        human_malr=evaluation.malr(hours[asked], human[asked]) if asked.any() else None,
        n_train=len(table) - rows.size,
        n_test=rows.size,
        beats_baseline=beats,
        more_issues_needed=missing,
        expert_weights=weights,
        expert_losses=dict(zip(weights, losses.tolist(), strict=True)),
    )


def _verdict(log_hours: Floats, past: Prequential, *, corrects: bool) -> tuple[bool, int]:
    """Whether the gain over the baseline is more than noise; if not, about how many more issues would tell.

    A model that only `corrects` a number the team gave, on data where something can be learned, mostly keeps that
    number: it serves where both measures together improve and neither clearly suffers.
    """
    in_ratios = np.abs(log_hours - past.baseline) - np.abs(log_hours - past.centre)
    error = float(in_ratios.std() / np.sqrt(in_ratios.size)) + 1e-12
    gain = float(in_ratios.mean()) / error
    relative = float(in_ratios.mean()) / (float(np.abs(log_hours - past.baseline).mean()) + 1e-12)
    if (
        corrects
        and gain > -TOLERATED_LOSS_IN_STANDARD_ERRORS
        and relative + _relative_gain_in_hours(log_hours, past) > 0
    ):
        return True, 0
    needed = float(np.interp(in_ratios.size, SHORT_RECORDS, GAINS_OF_SHORT_RECORDS))
    if gain > needed and relative > MINIMUM_GAIN:
        return True, 0
    # The standard error falls with the root of the sample: so many times the sample would make this gain stand out.
    factor = (needed / gain) ** 2 if gain > 0 else np.inf
    missing = min((factor - 1.0) * in_ratios.size, _MOST_ISSUES_ASKED_FOR)
    return False, max(int(round(missing, -1)), _LEAST_ISSUES_ASKED_FOR)


def _relative_gain_in_hours(log_hours: Floats, past: Prequential) -> float:
    truth = np.exp(log_hours)
    before = float(np.abs(truth - np.exp(past.baseline)).mean())
    return 1.0 - float(np.abs(truth - np.exp(past.centre)).mean()) / (before + 1e-12)
