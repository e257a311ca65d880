"""How large issues may be by what a trained model says of each: its whole distribution, not its best guess."""

from collections.abc import Mapping, Sequence

import numpy as np

from apps.ml.core.effort import EffortModel, RecentOutcomes
from apps.ml.core.effort.experts import RANGE_BOUNDS
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.points import PointsModel
from apps.ml.core.records import CompletedIssue, IssueFacts

#: Issues of a forecast that a model is asked about: more than any sprint has. An answer takes 0.5 ms, the runs of a
#: backlog of 1,000 take 100 ms, and the target is 200 ms. Their random ids decide which they are, so that they stand
#: for the others.
MAX_MODEL_ANSWERS = 100


def sizes_in_points(
    model: PointsModel, facts: Mapping[str, IssueFacts], *, recent: Sequence[CompletedIssue] = ()
) -> dict[str, Spread]:
    """The recommended points of each issue with their probabilities, by id; none from a model that abstains."""
    if model.abstains:
        return {}
    answers = {issue_id: model.recommend(known, recent=recent).probabilities for issue_id, known in facts.items()}
    return {issue_id: Spread.of(list(said), list(said.values())) for issue_id, said in answers.items()}


def sizes_in_hours(
    model: EffortModel, facts: Mapping[str, IssueFacts], *, recent: RecentOutcomes | None = None
) -> dict[str, Spread]:
    """The predicted hours of each issue times what the model's past answers were off by; none if it abstains."""
    if model.abstains:
        return {}
    pools = {used: model.errors(used_estimate=used, recent=recent) for used in (False, True)}
    off_by = {used: Spread.of(pool.values, pool.weights).table for used, pool in pools.items()}
    found = {}
    for issue_id, known in facts.items():
        said = model.estimate(known, recent=recent)
        hours = said.predicted_hours * np.exp(said.log_scale * off_by[said.used_estimate])
        found[issue_id] = Spread(hours.clip(*RANGE_BOUNDS).astype(np.float32))
    return found
