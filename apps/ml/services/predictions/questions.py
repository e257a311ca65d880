"""A question about an issue, and its answer as the history keeps it: the same for one issue and for many."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from apps.common.texts.cutting import cut_between_words
from apps.ml.core.records import IssueFacts
from apps.ml.core.text import MAX_DESCRIPTION_CHARACTERS
from apps.ml.selectors.issues import facts_of
from apps.ml.services.predictions.given import Answer, GivenAnswer
from apps.ml.services.predictions.record import Row, prediction_row, record_predictions
from apps.ml.services.predictions.switch import texts_erased_at
from apps.ml.services.predictions.whose_record import issues_to_score
from apps.projects.models import Issue

if TYPE_CHECKING:
    from apps.accounts.models import User


#: What can be said of an issue.
_FACTS = frozenset(field.name for field in fields(IssueFacts))


def known_of(issue: Issue) -> dict[str, Any]:
    """The facts of an issue by name; what is asked overrides them."""
    facts = facts_of(issue)
    return {name: getattr(facts, name) for name in facts.__slots__}


def facts_asked(said: Mapping[str, Any], project_id: UUID, issue_id: UUID | None) -> IssueFacts:
    """What a question says, and of the issue that it is about what it leaves out; no query where it says all."""
    issue = None
    if issue_id is not None and not said.keys() >= _FACTS:
        issue = Issue.objects.filter(pk=issue_id, project_id=project_id).select_related("issue_type").first()
    facts = {"issue_type": "", **(known_of(issue) if issue else {}), **said}
    return IssueFacts(**facts | {"issue_type": facts["issue_type"].casefold()})


@dataclass(frozen=True, slots=True)
class IssueQuestion:
    """What is asked, of an issue that there is or will be."""

    facts: IssueFacts
    issue_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, about which project, and what had been erased of it before anything was read for the question."""

    project_id: UUID
    user: "User | None"
    erased_at: datetime

    @classmethod
    def of(cls, project_id: UUID, user: "User | None", erased_at: datetime | None = None) -> "Asker":
        """Who asks now; whoever has read issues before says since when, see `texts_erased_at`."""
        return cls(project_id, user, texts_erased_at(project_id) if erased_at is None else erased_at)


def scored(asker: Asker, asked: Sequence[IssueQuestion]) -> list[UUID | None]:
    """Of each question the issue whose outcome is to score the answer, if it has one."""
    return issues_to_score([(each.issue_id, each.facts) for each in asked], asker.project_id, asker.user)


def record_answers(
    kind: str,
    asker: Asker,
    asked: Sequence[IssueQuestion],
    given: Sequence[GivenAnswer[Answer]],
    figures: Callable[[IssueQuestion, GivenAnswer[Answer]], Mapping[str, Any]],
) -> list[Row]:
    """Store answers, each with what will score it; `figures` are further fields of a row."""
    about = zip(asked, scored(asker, asked), given, strict=True)
    rows = [_row(kind, asker, (question, id_), each, **figures(question, each)) for question, id_, each in about]
    record_predictions(asker.project_id, rows, erased_at=asker.erased_at)
    return rows


def _row(
    kind: str, asker: Asker, about: tuple[IssueQuestion, UUID | None], given: GivenAnswer[Answer], **figures: Any
) -> Row:
    question, issue_id = about
    return prediction_row(
        kind=kind,
        method=given.answer.method,
        project_id=asker.project_id,
        user=asker.user,
        input=_remembered(question.facts),
        interval=given.answer.interval,
        confidence=given.answer.confidence,
        issue_id=issue_id,
        model_id=given.model.id if given.model else None,
        model_version=given.model.version if given.model else "",
        **figures,
    )


def _remembered(facts: IssueFacts) -> dict[str, Any]:
    """What was known, of a long description the part that was read."""
    read = cut_between_words(facts.description, MAX_DESCRIPTION_CHARACTERS)
    known = {name: getattr(facts, name) for name in facts.__slots__} | {"description": read}
    return {name: value for name, value in known.items() if value not in ("", None, ())}
