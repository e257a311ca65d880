"""Predictions for many issues at once: figures of single answers, recorded like them, in a fixed number of queries.

Evidence is left out: finding it takes longer than the answer, and nobody reads five similar issues of five hundred.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.ml.models import ModelType
from apps.ml.selectors.issues import facts_of
from apps.ml.serializers.bulk import BulkEffortAnswer, BulkPointsAnswer
from apps.ml.services.predictions.answering import answer_efforts, answer_points_of
from apps.ml.services.predictions.questions import Asker, IssueQuestion, record_efforts, record_points
from apps.projects.models import Issue

if TYPE_CHECKING:
    from apps.accounts.models import User


def issues_asked_about(project_id: UUID, issue_ids: Sequence[UUID]) -> Mapping[UUID, Issue]:
    """Those of the ids that are issues of the project, in one query and none for no id."""
    if not issue_ids:
        return {}
    issues = Issue.objects.filter(project_id=project_id, id__in=set(issue_ids)).select_related("issue_type").order_by()
    return {issue.id: issue for issue in issues}


def known_of(issue: Issue) -> dict[str, Any]:
    """The facts of an issue by name; what is asked overrides them."""
    facts = facts_of(issue)
    return {name: getattr(facts, name) for name in facts.__slots__}


def predict_efforts(
    project_id: UUID, asked: Sequence[IssueQuestion], *, user: "User | None" = None
) -> list[dict[str, Any]]:
    """Hours of each issue: the fields of the API's answers, in the order asked."""
    if not asked:
        return []
    given = answer_efforts([each.facts for each in asked], project_id, with_evidence=False)
    rows = record_efforts(Asker(project_id, user), asked, given)
    return [BulkEffortAnswer.of(each.answer, prediction_id=row.id) for each, row in zip(given, rows, strict=True)]


def recommend_points(
    project_id: UUID, asked: Sequence[IssueQuestion], *, user: "User | None" = None
) -> list[dict[str, Any]]:
    """Story points of each issue, likewise."""
    if not asked:
        return []
    given = answer_points_of([each.facts for each in asked], project_id, with_evidence=False)
    rows = record_points(Asker(project_id, user), asked, given)
    return [
        BulkPointsAnswer.of(each.answer, prediction_id=row.id, probability_distribution=row.details["probabilities"])
        for each, row in zip(given, rows, strict=True)
    ]


#: By what is asked.
PREDICT_MANY = {ModelType.EFFORT_PREDICTION: predict_efforts, ModelType.STORY_POINTS: recommend_points}
