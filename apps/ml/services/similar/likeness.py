"""Issues of a project about the same thing: evidence for a prediction, likely duplicates while one is written."""

import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np

from apps.common.api.answers import Joined
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import SimilarIssue
from apps.ml.core.text_index import DEFAULT_MATCHES, TextIndex
from apps.ml.selectors.issues import issue_titles, issues_with_status
from apps.ml.serializers.predictions import SimilarIssuesResponse
from apps.ml.services.similar.issue_texts import ISSUE_TEXTS


def similar_finished(facts: IssueFacts, project_id: UUID | str) -> tuple[SimilarIssue, ...]:
    """Finished issues about the same thing, with what they took."""
    index = ISSUE_TEXTS.of_project(project_id)
    found = index.query(facts.title, facts.description, among=index.finished)
    return tuple(
        SimilarIssue(
            issue_id=index.issue_id(match.row),
            similarity=match.similarity,
            actual_hours=_known(index.hours[match.row]),
            story_points=_known(index.points[match.row]),
            basis=match.basis,
        )
        for match in found
    )


def names_of_similar(similar: Sequence[SimilarIssue], project_id: UUID | str) -> dict[str, dict[str, str]]:
    """What to call them, by id, as they are called now; those that were deleted, or are elsewhere, are simply absent.

    One query: an index may be of some time ago.
    """
    return issue_titles(project_id, {each.issue_id for each in similar}) if similar else {}


def likely_duplicates(
    project_id: UUID | str, title: str, description: str = "", *, issue_id: UUID | None = None
) -> dict[str, Any]:
    """The fields of the API's answer: issues of the project, open ones too, that may be about the same thing.

    Parameters
    ----------
    issue_id : UUID, optional
        The issue that is being written, which is not its own duplicate.
    """
    index = ISSUE_TEXTS.of_project(project_id)
    own = _row_of(index, issue_id)
    among = None if own is None else np.arange(len(index)) != own
    found = index.query(title, description, k=DEFAULT_MATCHES, among=among)
    ids = [index.issue_id(match.row) for match in found]
    # Deleted since the index was made: left out.
    issues = issues_with_status(project_id, ids) if ids else {}
    named = zip(ids, found, strict=True)
    return SimilarIssuesResponse.of(
        similar_issues=[Joined(match, issue_id=id_, **issues[id_]) for id_, match in named if id_ in issues]
    )


def _row_of(index: TextIndex, issue_id: UUID | None) -> int | None:
    return index.row_of(str(issue_id)) if issue_id else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
