"""Who could take an issue: by the seed's formula, or by who would normally take it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.accounts.models import User
from apps.common.api.answers import Joined
from apps.ml.core.assignment.formula import (
    FORMULA_WEIGHTS,
    LEARNED_WEIGHTS,
    RULE_WEIGHTS,
    AssignmentScore,
    MemberHistory,
    Skills,
    Weights,
    learned_skills,
    rank_members,
)
from apps.ml.core.assignment.replay import AUTO, FORMULA, LEARNED, RANDOM, STRATEGIES, AssignmentReplay, HitRates
from apps.ml.core.assignment.rules import MOST_RECENT, REPORTER, RULES, rule_skills
from apps.ml.core.assignment.serving import AssignmentAnswer, AssignmentModel
from apps.ml.core.records import IssueFacts
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.ml.models import ModelType, PredictionHistory
from apps.ml.selectors.assignment import assignable_people, histories_beside, member_histories
from apps.ml.selectors.issues import facts_of, issue_titles
from apps.ml.serializers.assignment import SuggestAssignmentResponse
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models.cache import LoadedModel
from apps.ml.services.predictions.record import record_prediction
from apps.projects.models import Issue

DEFAULT_TOP_N = 3
#: What is told of the replay, in this order; the share that the model alone reaches is for the benchmark.
_TOLD = (FORMULA, LEARNED, RANDOM, MOST_RECENT, REPORTER)
#: What each strategy is called in a sentence.
_CALLED = {
    FORMULA: "the formula",
    LEARNED: "the learned total",
    MOST_RECENT: "whoever was given most lately",
    REPORTER: "whoever does the reporter's issues",
}


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which strategy answers, and why."""

    strategy: str
    reason: str
    model: AssignmentModel | None
    loaded: LoadedModel | None

    @property
    def weights(self) -> Weights:
        """What each score counts in the total."""
        return {FORMULA: FORMULA_WEIGHTS, LEARNED: LEARNED_WEIGHTS}.get(self.strategy, RULE_WEIGHTS)

    @property
    def version(self) -> str | None:
        """Of the model."""
        return self.loaded.version if self.loaded else None

    @property
    def hit_rates(self) -> Mapping[str, int | HitRates | None] | None:
        """How the strategies did in the model's replay."""
        if self.model is None:
            return None
        measured = self.model.replay
        return {"issues": measured.n_issues, **{name: measured.rates.get(name) for name in _TOLD}}


class RecommendationService:
    """Recommends people for work."""

    def suggest_assignment(
        self,
        issue_id: UUID | str,
        project_id: UUID | str,
        top_n: int = DEFAULT_TOP_N,
        *,
        strategy: str = AUTO,
        user: User | None = None,
        now: datetime | None = None,
    ) -> dict[str, Any]:
        """The fields of the API's answer: the `top_n` members who suit an issue best, best first.

        Raises `Issue.DoesNotExist` if the project has no such issue.
        """
        now = now or timezone.now()
        issue = Issue.objects.select_related("issue_type", "project").get(pk=issue_id, project_id=project_id)
        people = assignable_people(project_id, today=issue.project.day_of(now))
        members = member_histories(project_id, people, issue=issue, now=now)
        choice, facts = _choose(strategy, project_id), facts_of(issue)
        skills = _skills(choice, members, facts)
        scores = rank_members(members, issue_type=issue.issue_type.name, top_n=top_n, now=now, skills=skills)
        evidence = _Evidence.of(choice, facts, list(people), scores, issue)
        row = _record(issue, scores, choice, top_n=top_n, candidates=len(people), user=user)
        return SuggestAssignmentResponse.of(
            choice,
            prediction_id=row.pk,
            suggestions=[
                evidence.beside(score, _names(people[score.user_id], number, hidden=issue.project.hides_names))
                for number, score in enumerate(scores, start=1)
            ],
            candidates=len(people),
        )

    def likely_people(
        self, issues: Sequence[Issue], project_id: UUID | str, top_n: int = DEFAULT_TOP_N, *, now: datetime
    ) -> dict[UUID, list[User]]:
        """The people that `suggest_assignment` names for each of a list of issues, by issue and not recorded.

        The issues' types and statuses have to be loaded; it takes the queries of one issue and one more.
        """
        if not issues:
            return {}
        people = assignable_people(project_id, today=issues[0].project.day_of(now))
        choice = _choose(AUTO, project_id)
        histories = histories_beside(project_id, list(people), issues, now=now)
        ranked = {
            issue.pk: rank_members(
                histories[issue.pk],
                issue_type=issue.issue_type.name,
                top_n=top_n,
                now=now,
                skills=_skills(choice, histories[issue.pk], facts_of(issue)),
            )
            for issue in issues
        }
        return {issue_id: [people[score.user_id] for score in scores] for issue_id, scores in ranked.items()}


def _names(person: User, number: int, *, hidden: bool) -> dict[str, str | None]:
    """What to call a person; where the project hides names, only that it is another one."""
    if hidden:
        return {"user_name": f"Person {number}", "user_email": None}
    return {"user_name": str(person), "user_email": person.address}


def _choose(asked: str, project_id: UUID | str) -> _Choice:
    loaded = ModelLoader().load_active_model(ModelType.TASK_ASSIGNMENT, project_id)
    model = loaded.predictor if loaded is not None else None
    if isinstance(model, AssignmentModel):
        if asked == AUTO:
            return _Choice(model.replay.better, _comparison(model.replay), model, loaded)
        return _Choice(asked, "As asked.", model, loaded)
    if asked in RULES:
        return _Choice(asked, "As asked.", None, None)
    reason = (
        "The formula: this project has no trained model of who does what; "
        f"one is trained on Mondays, or by hand, from {MIN_TRAINING_ISSUES} finished issues with an assignee on."
    )
    return _Choice(FORMULA, reason, None, None)


def _skills(choice: _Choice, members: Sequence[MemberHistory], facts: IssueFacts) -> Skills | None:
    """What takes the place of the seed's skill; None for the formula."""
    if choice.strategy in RULES:
        return rule_skills(choice.strategy, members, facts.reporter)
    if choice.strategy == LEARNED and choice.model is not None:
        return learned_skills(choice.model.probabilities(facts, [member.user_id for member in members]))
    return None


def _comparison(measured: AssignmentReplay) -> str:
    rates = {name: measured.rates[name].top_1 for name in STRATEGIES if name in measured.rates}
    if len(rates) < 2:
        return "The formula: too little was finished to compare it with anything."
    best = measured.better
    others = ", ".join(f"{_CALLED[name]} in {rate:.0%}" for name, rate in rates.items() if name != best)
    return (
        f"On the last {measured.n_issues} finished issues {_CALLED[best]} named the right person first in "
        f"{rates[best]:.0%}, {others}."
    )


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What speaks for the people named, with the titles of the issues it rests on."""

    answer: AssignmentAnswer | None
    titles: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(
        cls,
        choice: _Choice,
        facts: IssueFacts,
        candidates: Sequence[str],
        scores: Sequence[AssignmentScore],
        issue: Issue,
    ) -> "_Evidence":
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


def _record(
    issue: Issue,
    scores: Sequence[AssignmentScore],
    choice: _Choice,
    *,
    top_n: int,
    candidates: int,
    user: User | None,
) -> PredictionHistory:
    answered = choice.loaded if choice.strategy == LEARNED else None
    return record_prediction(
        kind=ModelType.TASK_ASSIGNMENT,
        method=choice.strategy,
        project_id=issue.project_id,
        user=user,
        issue_id=issue.pk,
        input={"top_n": top_n},
        # Whom, to see later whether it helped; never how anyone scored.
        details={"suggested": [score.user_id for score in scores], "candidates": candidates},
        model_id=answered.id if answered else None,
        model_version=answered.version if answered else "",
    )
