"""What a sprint will deliver of its scope: a prior learned on other teams, mixed with the team's own past.

Serving reads plain arrays and must not import scikit-learn; `training` is imported by scripts and benchmarks only.
"""

from apps.ml.core.sprints.outcome.moment import PastSprint, SprintMoment
from apps.ml.core.sprints.outcome.prior import SprintPrior, load_prior
from apps.ml.core.sprints.outcome.record import OwnRecord, own_record
from apps.ml.core.sprints.outcome.serving import Outlook, SprintOutcome, sprint_outcome

__all__ = [
    "Outlook",
    "OwnRecord",
    "PastSprint",
    "SprintMoment",
    "SprintOutcome",
    "SprintPrior",
    "load_prior",
    "own_record",
    "sprint_outcome",
]
