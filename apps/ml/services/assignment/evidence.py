"""What speaks for the people named, with the titles of the issues it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.common.api.answers import Joined
from apps.ml.core.assignment.formula import AssignmentScore
from apps.ml.core.assignment.replay import LEARNED
from apps.ml.core.assignment.serving import AssignmentAnswer
from apps.ml.core.records import IssueFacts
from apps.ml.selectors.issues import issue_titles
from apps.ml.services.assignment.strategy import Choice
from apps.projects.models import Issue


@dataclass(frozen=True, slots=True)
class AssignmentEvidence:
    """What speaks for the people named, with the titles of the issues it rests on."""

    answer: AssignmentAnswer | None
    titles: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(
        cls,
        choice: Choice,
        facts: IssueFacts,
        candidates: Sequence[str],
        scores: Sequence[AssignmentScore],
        issue: Issue,
    ) -> "AssignmentEvidence":
        if choice.model is None or choice.strategy != LEARNED or not scores:
            return cls(None, {})
        answer = choice.model.answer(facts, candidates, explained=[score.user_id for score in scores])
        named = {found.issue_id for similar in answer.similar.values() for found in similar} - {str(issue.pk)}
        return cls(answer, issue_titles(issue.project_id, named))

    def beside(self, score: AssignmentScore, names: Mapping[str, str | None]) -> Joined:
        """A person's scores with what speaks for them."""
        return Joined(
            score,
            **names,
            reasoning=[*score.reasoning, *self._words(score.user_id)],
            similar_issues=self._similar(score.user_id),
        )

    def _words(self, person: str) -> list[str]:
        if self.answer is None or not self.answer.words[person]:
            return []
        return [f"Speaks for it: {', '.join(self.answer.words[person])}"]

    def _similar(self, person: str) -> list[Joined]:
        """Issues that are gone since the training are left out."""
        found = self.answer.similar[person] if self.answer is not None else ()
        return [Joined(each, **self.titles[each.issue_id]) for each in found if each.issue_id in self.titles]
