"""Predictions for many issues at once: figures of single answers, recorded like them, in a fixed number of queries.

Evidence is left out: finding it takes longer than the answer, and nobody reads five similar issues of five hundred.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q

from apps.ml.models import ModelType
from apps.ml.serializers.bulk import BulkEffortAnswer, BulkPointsAnswer
from apps.ml.services.effort.answering import answer_efforts
from apps.ml.services.effort.recording import record_efforts
from apps.ml.services.points.answering import answer_points_of
from apps.ml.services.points.recording import record_points
from apps.ml.services.predictions.questions import Asker, IssueQuestion
from apps.projects.models import Issue
from apps.projects.names.ids import id_in

if TYPE_CHECKING:
    from apps.accounts.models import User


def issues_asked_about(project_id: UUID, names: Sequence[UUID | str]) -> Mapping[str, Issue]:
    """Issues of the project by the id or key that they were named by, in one query and none for no name.

    A key that several issues have, from different trackers, names none of them.
    """
    if not names:
        return {}
    ids = {known for name in names if (known := id_in(name))}
    named = Q(id__in=ids) | Q(external_id__in={str(name) for name in names})
    issues = list(Issue.objects.filter(named, project_id=project_id).select_related("issue_type").order_by())
    keys = Counter(issue.external_id for issue in issues)
    by_key = {issue.external_id: issue for issue in issues if keys[issue.external_id] == 1}
    by_id = {issue.id: issue for issue in issues}
    found = {str(name): by_id.get(known) if (known := id_in(name)) else by_key.get(str(name)) for name in names}
    return {name: issue for name, issue in found.items() if issue is not None}


def predict_efforts(
    project_id: UUID,
    asked: Sequence[IssueQuestion],
    *,
    user: "User | None" = None,
    erased_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Hours of each issue: the fields of the API's answers, in the order asked; `erased_at` as of `Asker.of`."""
    if not asked:
        return []
    asker = Asker.of(project_id, user, erased_at)
    given = answer_efforts([each.facts for each in asked], project_id, with_evidence=False)
    rows = record_efforts(asker, asked, given)
    return [BulkEffortAnswer.of(each.answer, prediction_id=row["id"]) for each, row in zip(given, rows, strict=True)]


def recommend_points(
    project_id: UUID,
    asked: Sequence[IssueQuestion],
    *,
    user: "User | None" = None,
    erased_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Story points of each issue, likewise."""
    if not asked:
        return []
    asker = Asker.of(project_id, user, erased_at)
    given = answer_points_of([each.facts for each in asked], project_id, with_evidence=False)
    rows = record_points(asker, asked, given)
    return [
        BulkPointsAnswer.of(
            each.answer, prediction_id=row["id"], probability_distribution=row["details"]["probabilities"]
        )
        for each, row in zip(given, rows, strict=True)
    ]


#: By what is asked.
PREDICT_MANY = {ModelType.EFFORT_PREDICTION: predict_efforts, ModelType.STORY_POINTS: recommend_points}
