"""Train the assignment model: a multinomial logistic regression, tempered and measured on the project's last issues."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from apps.common.exceptions import NotEnoughData
from apps.ml.core.arrays import Floats
from apps.ml.core.assignment.features import TEXT_GROUPS, read
from apps.ml.core.assignment.replay import (
    FORMULA,
    LEARNED,
    AssignmentReplay,
    Ledger,
    SuggestionRanks,
    replay,
    suggested,
)
from apps.ml.core.assignment.rules import MOST_RECENT
from apps.ml.core.assignment.serving import AssignmentModel, Vocabulary, tempered, to_bytes
from apps.ml.core.reading import IssueReading
from apps.ml.core.records import CompletedIssue, chronological
from apps.ml.core.similarity import SimilarIssueIndex
from apps.ml.core.training.retraining import MIN_TRAINING_ISSUES

Progress = Callable[[str, float], None]
#: Inverse strength of the penalty: chosen on SiP tasks of 2007, flat between 1 and 5.
INVERSE_PENALTY = 2.0
#: After so many newer issues an old one counts half. In issues, not days: teams differ in pace. Chosen on SiP tasks of
#: 2007 and on the last fifth of the training part of JDT.
HALF_LIFE_ISSUES = 1000
#: A word that occurs once tells only who did that one issue.
MIN_OCCURRENCES = 2
#: The most frequent features that are kept, which bounds an artefact: 20,000 x 200 people are 16 MB.
MAX_FEATURES = 20_000
#: The people with most recent work that are told apart.
MAX_PEOPLE = 200
#: The last fifth, but no more than this, is replayed: enough for a hit rate to two points, little enough to be recent.
REPLAY_SHARE, MAX_REPLAYED = 0.2, 300
#: The model is fitted anew for each block of the replay, so that it is about as fresh as the one that serves.
REPLAY_BLOCKS, MIN_BLOCK = 3, 20
#: Temperatures that are considered: below, the data speak for a wrong model, not for a surer one.
TEMPERATURES = (0.3, 5.0)
#: Issues that went to a newcomer and to others before any was seen: newcomers are few, and given little at first.
PRIOR_NEWCOMER = (1, 19)
#: For scikit-learn's solver: the largest gradient it may leave, and a bound that is never met in practice.
_TOLERANCE, _MAX_ITERATIONS = 1e-3, 2000


@dataclass(frozen=True, slots=True)
class TrainedAssignmentModel:
    """A training: estimators for joblib, arrays for serving, what was measured."""

    estimators: dict[str, Any]
    serving: bytes
    metrics: dict[str, Any]
    #: Whether it names the right person first more often than the seed's formula and the most recent assignee do.
    beats_baseline: bool
    training_samples: int
    #: What was suggested for each replayed issue, by a model that knew only what was finished before.
    replayed: tuple[SuggestionRanks, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Issues in the order in which they were finished, each read once."""

    issues: list[CompletedIssue]
    readings: dict[str, IssueReading]


@dataclass(frozen=True, slots=True)
class _Fit:
    """One fitted classifier with its vocabulary."""

    vocabulary: Vocabulary
    classifier: LogisticRegression


def train_assignment_model(
    issues: Sequence[CompletedIssue], *, now: datetime, version: str = "", progress: Progress | None = None
) -> TrainedAssignmentModel:
    """Train on who did which issue.

    Parameters
    ----------
    issues : sequence of CompletedIssue
        Finished issues; `facts.assignee` is who did it, `known_at` when it was given away. Those of nobody and those
        finished after `now` are left out.
    now : datetime
        The moment of the training.
    version : str
        Told with every answer.
    progress : callable, optional
        Told what is done and the share of the work that is behind, in [0, 1].

    Raises
    ------
    NotEnoughData
        If fewer than MIN_TRAINING_ISSUES have a person, or all are one person's.
    """
    report = progress or (lambda text, share: None)
    table = _table(issues, now)
    report("Replaying the last finished issues", 0.0)
    measured = _replayed(table, lambda share: report("Replaying the last finished issues", 0.7 * share))
    report("Fitting", 0.7)
    fit = _fit(table, table.issues)
    model = replace(_model(fit), temperature=measured.temperature, newcomer_share=measured.newcomer_share)
    found = replay(measured.suggested)
    return TrainedAssignmentModel(
        estimators={"classifier": fit.classifier, "keys": list(fit.vocabulary.rows), "rarity": fit.vocabulary.rarity},
        serving=_serving(model, table, found, version),
        metrics=_metrics(found, measured, len(table.issues)),
        beats_baseline=_beats(found),
        training_samples=len(table.issues),
        replayed=tuple(measured.suggested),
    )


def _table(issues: Sequence[CompletedIssue], now: datetime) -> _Table:
    usable = [issue for issue in chronological(issues) if issue.facts.assignee and issue.completed_at <= now]
    if len(usable) < MIN_TRAINING_ISSUES:
        raise NotEnoughData(have=len(usable), needed=MIN_TRAINING_ISSUES, what="finished issues with a person")
    people = {issue.facts.assignee for issue in usable}
    if len(people) < 2:
        raise NotEnoughData(have=len(people), needed=2, what="people with finished issues")
    return _Table(usable, {issue.issue_id: read(issue.facts) for issue in usable})


def _fit(table: _Table, issues: Sequence[CompletedIssue]) -> _Fit:
    """Fit on issues in the order in which they were finished, the newest weighing most."""
    weights = 0.5 ** (np.arange(len(issues) - 1, -1, -1) / HALF_LIFE_ISSUES)
    kept = _people(issues, weights)
    chosen = [row for row, issue in enumerate(issues) if issue.facts.assignee in kept]
    readings = [table.readings[issues[row].issue_id] for row in chosen]
    vocabulary = _vocabulary(readings)
    classifier = LogisticRegression(C=INVERSE_PENALTY, tol=_TOLERANCE, max_iter=_MAX_ITERATIONS)
    persons = np.array([issues[row].facts.assignee for row in chosen])
    classifier.fit(matrix(vocabulary, readings), persons, sample_weight=weights[chosen])
    return _Fit(vocabulary, classifier)


def _people(issues: Sequence[CompletedIssue], weights: Floats) -> set[str]:
    recent: Counter[str] = Counter()
    for issue, weight in zip(issues, weights.tolist(), strict=True):
        recent[issue.facts.assignee] += weight
    return {person for person, _ in recent.most_common(MAX_PEOPLE)}


def _vocabulary(readings: Sequence[IssueReading]) -> Vocabulary:
    counts = Counter(key for reading in readings for key in {feature.key for feature in reading.features})
    of_text = {feature.key for reading in readings for feature in reading.features if feature.group in TEXT_GROUPS}
    frequent = [key for key, count in counts.most_common(MAX_FEATURES) if count >= MIN_OCCURRENCES]
    keys = sorted(frequent)
    rarity = [math.log((1 + len(readings)) / (1 + counts[key])) + 1 if key in of_text else 1.0 for key in keys]
    return Vocabulary({key: row for row, key in enumerate(keys)}, np.array(rarity))


def matrix(vocabulary: Vocabulary, readings: Sequence[IssueReading]) -> csr_matrix:
    """What scikit-learn sees: shape (n_issues, n_features), the rows that serving computes one at a time."""
    encoded = [vocabulary.encode(reading.features)[1:] for reading in readings]
    ends = np.cumsum([0, *(len(rows) for rows, _ in encoded)])
    rows = np.concatenate([rows for rows, _ in encoded])
    values = np.concatenate([values for _, values in encoded])
    return csr_matrix((values, rows, ends), shape=(len(readings), len(vocabulary.rows)))


def _model(fit: _Fit) -> AssignmentModel:
    """The fitted classifier as it serves, before it is tempered, without evidence."""
    classes = [str(person) for person in fit.classifier.classes_]
    coefficients, intercepts = fit.classifier.coef_, fit.classifier.intercept_
    if len(classes) == 2:
        # Of two people scikit-learn keeps one difference: half of it for the one, half against the other.
        coefficients = np.vstack([-coefficients[0], coefficients[0]]) / 2
        intercepts = np.array([-intercepts[0], intercepts[0]]) / 2
    weights = np.ascontiguousarray(coefficients.T, dtype=np.float32)
    return AssignmentModel(
        people={person: column for column, person in enumerate(classes)},
        vocabulary=fit.vocabulary,
        coefficients=weights,
        intercepts=np.asarray(intercepts, dtype=np.float64),
        temperature=1.0,
        newcomer_share=0.0,
        index=SimilarIssueIndex.from_token_sets([], issue_ids=[], hours=[], points=[]),
        owners=np.zeros(0, dtype=np.int32),
        replay=AssignmentReplay(0, {}),
        version="",
        nbytes=weights.nbytes,
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    suggested: list[SuggestionRanks]
    temperature: float
    newcomer_share: float


def _replayed(table: _Table, report: Callable[[float], None]) -> _Measured:
    """Walk through the last issues in blocks, each with a model that knew only what was finished before the block."""
    asked = sorted(table.issues, key=lambda issue: (issue.known_at, issue.issue_id))
    asked = asked[-min(round(len(asked) * REPLAY_SHARE), MAX_REPLAYED) :]
    ledger = Ledger(table.issues)
    n_blocks = max(min(REPLAY_BLOCKS, len(asked) // MIN_BLOCK), 1)
    answered: list[tuple[CompletedIssue, AssignmentModel | None]] = []
    for block in np.array_split(np.arange(len(asked)), n_blocks):
        model = _as_of(table, asked[block[0]].known_at)
        answered += [(asked[row], model) for row in block]
        report(len(answered) / len(asked))
    temperature, newcomer_share = _temperature(table, ledger, answered), _newcomer_share(ledger, answered)
    told = [
        suggested(
            issue,
            ledger,
            None
            if model is None
            else replace(model, temperature=temperature, newcomer_share=newcomer_share).probabilities,
        )
        for issue, model in answered
    ]
    return _Measured(told, temperature, newcomer_share)


def _as_of(table: _Table, moment: datetime) -> AssignmentModel | None:
    """A model of what was finished before a moment; None if that was all one person's, or nothing."""
    known = [issue for issue in table.issues if issue.completed_at < moment]
    if len({issue.facts.assignee for issue in known}) < 2:
        return None
    return _model(_fit(table, known))


def _temperature(
    table: _Table, ledger: Ledger, answered: Sequence[tuple[CompletedIssue, AssignmentModel | None]]
) -> float:
    """The temperature under which the persons of the replay were least surprising; 1 if nothing can be compared."""
    pairs = []
    for issue, model in answered:
        people = {} if model is None else model.people
        candidates = [person for person in ledger.given_lately(issue.known_at) if person in people]
        if model is not None and issue.facts.assignee in candidates:
            scores = model.scores(table.readings[issue.issue_id])[[people[person] for person in candidates]]
            pairs.append((scores, candidates.index(issue.facts.assignee)))
    if not pairs:
        return 1.0

    def surprise(log_temperature: float) -> float:
        chances = [tempered(scores, math.exp(log_temperature))[own] for scores, own in pairs]
        return -float(np.log(np.maximum(chances, 1e-12)).mean())

    return math.exp(minimize_scalar(surprise, bounds=np.log(TEMPERATURES), method="bounded").x)


def _newcomer_share(ledger: Ledger, answered: Sequence[tuple[CompletedIssue, AssignmentModel | None]]) -> float:
    """How often an issue went to a candidate without finished work, where there was one; pulled towards the prior."""
    had_newcomers = [
        issue.facts.assignee not in model.people
        for issue, model in answered
        if model is not None and set(ledger.given_lately(issue.known_at)) - set(model.people)
    ]
    return (sum(had_newcomers) + PRIOR_NEWCOMER[0]) / (len(had_newcomers) + sum(PRIOR_NEWCOMER))


def _serving(model: AssignmentModel, table: _Table, found: AssignmentReplay, version: str) -> bytes:
    index = SimilarIssueIndex.build(table.issues)
    arrays: dict[str, NDArray[Any]] = {
        "keys": np.fromiter(model.vocabulary.rows, dtype=np.uint32, count=len(model.vocabulary.rows)),
        "rarity": model.vocabulary.rarity,
        "coefficients": model.coefficients,
        "intercepts": model.intercepts,
        "owners": np.array([model.people.get(issue.facts.assignee, -1) for issue in table.issues], dtype=np.int32),
    }
    meta = {
        "people": list(model.people),
        "temperature": model.temperature,
        "newcomer_share": model.newcomer_share,
        "replay": found.to_json(),
        "version": version,
    }
    return to_bytes(arrays | index.to_arrays(), meta)


def _beats(found: AssignmentReplay) -> bool:
    learned = found.rates.get(LEARNED)
    return learned is not None and all(
        (learned.top_1, learned.top_3) > (other.top_1, other.top_3)
        for name in (FORMULA, MOST_RECENT)
        if (other := found.rates.get(name)) is not None
    )


def _metrics(found: AssignmentReplay, measured: _Measured, n_issues: int) -> dict[str, Any]:
    """The row's figures: the learned total, beside the formula and, as the naive baseline, the most recent assignee."""
    named = (("", LEARNED), ("baseline_", MOST_RECENT), ("formula_", FORMULA))
    rates = {
        f"{prefix}{figure}": value
        for prefix, method in named
        if method in found.rates
        for figure, value in asdict(found.rates[method]).items()
    }
    counts = {"n_test": found.n_issues, "n_train": n_issues - found.n_issues}
    return counts | rates | {"temperature": measured.temperature, "replay": found.to_json()}
