"""How large issues may be by what a trained model says of each: its whole distribution, not its best guess."""

from collections.abc import Mapping

from apps.ml.core.arrays import Floats
from apps.ml.core.effort import EffortModel, RecentOutcomes
from apps.ml.core.effort.ranges.own_outcomes import TeamRecord
from apps.ml.core.forecasts.sizes import Spread
from apps.ml.core.points import PointsModel
from apps.ml.core.points.recent import NO_POINTS
from apps.ml.core.records import IssueFacts

#: Issues of a forecast that a model is asked about: more than any sprint has. An answer takes 0.5 ms, the runs of a
#: backlog of 1,000 take 100 ms, and the target is 200 ms. Their random ids decide which they are, so that they stand
#: for the others.
MAX_MODEL_ANSWERS = 100


def sizes_in_points(
    model: PointsModel, facts: Mapping[str, IssueFacts], *, recent: Floats = NO_POINTS
) -> dict[str, Spread]:
    """The recommended points of each issue with their probabilities, by id; none from a model that abstains."""
    if model.abstains:
        return {}
    answers = [each.probabilities for each in model.recommendations(list(facts.values()), recent=recent)]
    return {issue_id: Spread.of(list(said), list(said.values())) for issue_id, said in zip(facts, answers, strict=True)}


def sizes_in_hours(
    model: EffortModel,
    facts: Mapping[str, IssueFacts],
    *,
    recent: RecentOutcomes | None = None,
    team: TeamRecord | None = None,
) -> dict[str, Spread]:
    """The hours that each issue may take by the model, by id; none if it abstains."""
    if model.abstains:
        return {}
    answers = model.hours_of(list(facts.values()), recent=recent, team=team)
    return {issue_id: Spread.of(*said) for issue_id, said in zip(facts, answers, strict=True)}
