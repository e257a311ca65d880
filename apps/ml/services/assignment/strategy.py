"""Which strategy names people for an issue, and why: as asked, or what named the right person more often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.ml.core.assignment.formula import (
    FORMULA_WEIGHTS,
    LEARNED_WEIGHTS,
    RULE_WEIGHTS,
    MemberHistory,
    Skills,
    Weights,
    learned_skills,
)
from apps.ml.core.assignment.replay import AUTO, FORMULA, LEARNED, RANDOM, STRATEGIES, AssignmentReplay, HitRates
from apps.ml.core.assignment.rules import MOST_RECENT, REPORTER, RULES, rule_skills
from apps.ml.core.assignment.serving import AssignmentModel
from apps.ml.core.records import IssueFacts
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES
from apps.ml.models import ModelType
from apps.ml.services.model_loader import ModelLoader
from apps.ml.services.models.cache import LoadedModel

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
class Choice:
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


def choose(asked: str, project_id: UUID | str) -> Choice:
    """What answers: as asked, or of `auto` what did better in the model's replay."""
    loaded = ModelLoader().load_active_model(ModelType.TASK_ASSIGNMENT, project_id)
    model = loaded.predictor if loaded is not None else None
    if isinstance(model, AssignmentModel):
        if asked == AUTO:
            return Choice(model.replay.better, _comparison(model.replay), model, loaded)
        return Choice(asked, "As asked.", model, loaded)
    if asked in RULES:
        return Choice(asked, "As asked.", None, None)
    reason = (
        "The formula: this project has no trained model of who does what; "
        f"one is trained on Mondays, or by hand, from {MIN_TRAINING_ISSUES} finished issues with an assignee on."
    )
    return Choice(FORMULA, reason, None, None)


def skills_of(choice: Choice, members: Sequence[MemberHistory], facts: IssueFacts) -> Skills | None:
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
