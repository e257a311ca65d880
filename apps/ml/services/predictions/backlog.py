"""Predictions for lists and drafts: the answers of the two prediction endpoints, many at a time and not recorded.

A list that is looked at every morning would fill the history with answers that nobody asked for; what is asked about
one issue is recorded, see `PredictionService`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.ml.core.records import IssueFacts
from apps.ml.core.results import EffortEstimate, PointsRecommendation, SimilarIssue
from apps.ml.selectors.issues import facts_of
from apps.ml.services.effort.answering import answer_effort, answer_efforts
from apps.ml.services.heavy import in_turn
from apps.ml.services.points.answering import answer_points, answer_points_of
from apps.ml.services.similar.likeness import likely_duplicates, names_of_similar
from apps.projects.models import Issue


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hours and points of an issue."""

    effort: EffortEstimate
    points: PointsRecommendation


@dataclass(frozen=True, slots=True)
class Named:
    """A finished issue with what to call it."""

    similar: SimilarIssue
    key: str
    title: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of an issue while it is written."""

    estimate: Estimate
    evidence: tuple[Named, ...]
    #: Issues, open ones too, that may be about the same thing; as the API's answer has them.
    duplicates: Sequence[Mapping[str, Any]]


def estimates_of(project_id: UUID, issues: Iterable[Issue]) -> list[tuple[Issue, Estimate]]:
    """Each issue with its estimate, without evidence; what answers is in memory: no issue costs a query."""
    issues = list(issues)
    in_turn(issues=len(issues))
    asked = [facts_of(issue) for issue in issues]
    efforts = answer_efforts(asked, project_id, with_evidence=False)
    points = answer_points_of(asked, project_id, with_evidence=False)
    return [
        (issue, Estimate(hours.answer, sizes.answer))
        for issue, hours, sizes in zip(issues, efforts, points, strict=True)
    ]


def estimate_of(project_id: UUID, facts: IssueFacts, *, with_evidence: bool = True) -> Estimate:
    """The answers that the two endpoints give to the same facts."""
    effort = answer_effort(facts, project_id, with_evidence=with_evidence)
    # What is most like it is the same for both.
    return Estimate(effort.answer, answer_points(facts, project_id, with_evidence=False).answer)


def evidence_of(project_id: UUID, estimate: Estimate) -> tuple[Named, ...]:
    """The finished issues most like it, by name; those that are gone since are left out."""
    similar = estimate.effort.similar_issues
    titles = names_of_similar(similar, project_id)
    return tuple(Named(each, **titles[each.issue_id]) for each in similar if each.issue_id in titles)


def draft(project_id: UUID, title: str, *, issue_type: str = "", component: str = "") -> Draft:
    """Estimate an issue as far as it is written, and find what it may repeat."""
    estimate = estimate_of(project_id, IssueFacts(title, "", issue_type.casefold(), component=component))
    return Draft(estimate, evidence_of(project_id, estimate), likely_duplicates(project_id, title)["similar_issues"])
