"""How wrong a model and the naive baseline are about the same finished work, where answers are no single numbers."""

from collections.abc import Sequence

import numpy as np

from apps.ml.core.arrays import Floats
from apps.ml.core.assignment.replay import Ledger, suggested, surprise_of
from apps.ml.core.assignment.rules import MOST_RECENT
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.records import CompletedIssue
from apps.ml.core.sprints.learned.lessons import SprintLesson, rows_of, scored
from apps.ml.core.sprints.learned.serving import SprintModel
from apps.ml.core.sprints.outcome.serving import RANGE_LEVEL


def people(
    champion: AssignmentModel, common: Sequence[CompletedIssue], issues: Sequence[CompletedIssue]
) -> tuple[Floats, Floats]:
    """1 - 1 / rank of who did each issue, by the model and by who had work most recently: shape (n_common,) each."""
    ledger = Ledger([issue for issue in issues if issue.facts.assignee])
    asked = [suggested(issue, ledger, champion.probabilities) for issue in common]
    by_model = np.array([surprise_of(each) for each in asked])
    return by_model, np.array([surprise_of(each, MOST_RECENT) for each in asked])


def sprints(
    champion: SprintModel, common: Sequence[SprintLesson], lessons: Sequence[SprintLesson]
) -> tuple[Floats, Floats]:
    """CRPS of each sprint, by the model and by the prior that ships: shape (n_common,) each."""
    ordered = sorted(lessons, key=lambda lesson: (lesson.completed_at, lesson.sprint_id))
    rows, done_share = rows_of(ordered)
    wanted = {lesson.sprint_id for lesson in common}
    asked = np.array([lesson.sprint_id in wanted for lesson in ordered])
    by_model, by_prior = (
        scored(ordered, teacher.chances_of(rows, done_share), level=RANGE_LEVEL).crps[asked]
        for teacher in (champion, champion.prior)
    )
    return by_model, by_prior
