"""What several endpoints refuse alike."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import ValidationError

from apps.common.api.openapi import Problem
from apps.common.api.problems import PROBLEM_JSON
from apps.ml.selectors.sprints import issues_outside

#: What is named in the body, rather than the address, is not there or not visible.
NOT_FOUND: dict[Any, Any] = {
    (404, PROBLEM_JSON): OpenApiResponse(Problem, "There is no such thing, or you may not see it.")
}


def require_issues_of(project_id: UUID, **fields: Sequence[UUID]) -> None:
    """Refuse issues of other projects, naming the field."""
    for name, issue_ids in fields.items():
        if outside := issues_outside(project_id, issue_ids):
            # The same words for an issue of another project and for none at all: existence is not told.
            raise ValidationError({name: [f"Not issues of this project: {', '.join(sorted(map(str, outside)))}"]})
