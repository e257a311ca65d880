"""Who would normally take an issue: probabilities over the people who could, from plain arrays. No scikit-learn here.

A multinomial logistic model on words, type, component, labels and reporter, folded by `assignment_training`. Its
probabilities are normalised over the candidates of the moment and tempered, so that of the answers given with 80 %
four in five were right on the project's own last finished issues.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.ml.core import artifact
from apps.ml.core.arrays import Floats
from apps.ml.core.assignment.features import TEXT_GROUPS, WEIGHTS, AssignmentGroup, name_of, read
from apps.ml.core.assignment.replay import AssignmentReplay
from apps.ml.core.reading import Feature, IssueReading
from apps.ml.core.records import IssueFacts
from apps.ml.core.results import SimilarIssue
from apps.ml.core.similarity import MINIMUM_SIMILARITY, SimilarIssueIndex

KIND = "task_assignment"
#: As many as a person reads.
MAX_WORDS, MAX_SIMILAR = 3, 3
_GROUP_WEIGHTS = np.array([WEIGHTS[group] for group in AssignmentGroup])
_TEXT = [int(group) for group in TEXT_GROUPS]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Which hashed features the model knows.

    Attributes
    ----------
    rows : dict of int to int
        Hashed feature to its row in the coefficients.
    rarity : ndarray of shape (n_features,)
        Inverse document frequency of words; 1 for everything else.
    """

    rows: dict[int, int]
    rarity: Floats

    def encode(self, features: Sequence[Feature]) -> tuple[list[Feature], NDArray[np.intp], Floats]:
        """The known features of one issue, their rows and values: each text of length one, times its group's weight."""
        known = [feature for feature in features if feature.key in self.rows]
        rows = np.array([self.rows[feature.key] for feature in known], dtype=np.intp)
        groups = np.array([feature.group for feature in known], dtype=np.intp)
        values = self.rarity[rows] * np.array([feature.value for feature in known])
        squares = np.bincount(groups, weights=values * values, minlength=len(AssignmentGroup))
        scale = _GROUP_WEIGHTS.copy()
        scale[_TEXT] /= np.sqrt(np.maximum(squares[_TEXT], 1e-300))
        return known, rows, np.asarray(values * scale[groups])


@dataclass(frozen=True, slots=True)
class AssignmentAnswer:
    """What the model says about one issue and the people who could take it."""

    #: Person -> probability that they would normally take it; sums to 1.
    probabilities: dict[str, float]
    #: Person -> what speaks for them most, strongest first.
    words: dict[str, tuple[str, ...]]
    #: Person -> the finished issues of theirs that are most like it.
    similar: dict[str, tuple[SimilarIssue, ...]]


@dataclass(frozen=True, slots=True)
class AssignmentModel:
    """A trained model as it is served: immutable, safe to share between threads."""

    people: dict[str, int]
    vocabulary: Vocabulary
    #: Shape (n_features, n_people).
    coefficients: NDArray[np.float32]
    #: Shape (n_people,).
    intercepts: Floats
    temperature: float
    #: Share of issues that went to a candidate who was new to the model.
    newcomer_share: float
    index: SimilarIssueIndex
    #: Who did each issue of `index`, as a column of `coefficients`; -1 for people the model left out.
    owners: NDArray[np.int32]
    replay: AssignmentReplay
    version: str
    nbytes: int

    @classmethod
    def from_bytes(cls, data: bytes) -> "AssignmentModel":
        """Read a serving artefact.

        Raises
        ------
        ArtifactCorrupted
            If the bytes are no assignment model, or one of another layout.
        """
        found = artifact.loads(data, kind=KIND)
        try:
            return cls._from_artifact(found)
        except (KeyError, TypeError, ValueError) as error:
            raise artifact.ArtifactCorrupted(f"The assignment model is incomplete: {error}.") from error

    @classmethod
    def _from_artifact(cls, found: artifact.Artifact) -> "AssignmentModel":
        arrays, meta = found.arrays, found.meta
        return cls(
            people={person: column for column, person in enumerate(meta["people"])},
            vocabulary=Vocabulary(
                {key: row for row, key in enumerate(arrays["keys"].tolist())}, arrays["rarity"].astype(np.float64)
            ),
            coefficients=arrays["coefficients"],
            intercepts=arrays["intercepts"],
            temperature=meta["temperature"],
            newcomer_share=meta["newcomer_share"],
            index=SimilarIssueIndex.from_arrays(arrays),
            owners=arrays["owners"],
            replay=AssignmentReplay.from_json(meta["replay"]),
            version=meta["version"],
            nbytes=found.nbytes,
        )

    def probabilities(self, facts: IssueFacts, candidates: Sequence[str]) -> dict[str, float]:
        """P(person | issue) of each candidate; sums to 1, empty without candidates."""
        if not candidates:
            return {}
        _, rows, values = self.vocabulary.encode(read(facts).features)
        return self._normalised(self._scores(rows, values), candidates)

    def answer(
        self, facts: IssueFacts, candidates: Sequence[str], *, explained: Sequence[str] = ()
    ) -> AssignmentAnswer:
        """Probabilities of all candidates, with evidence for those that `explained` names.

        Parameters
        ----------
        facts : IssueFacts
            Unknown words, fields and people add nothing; they are no error. Its assignee is not looked at.
        candidates : sequence of str
            Who could take it; people the model has never seen share `newcomer_share`.
        explained : sequence of str
            Candidates to give reasons for.
        """
        reading = read(facts)
        known, rows, values = self.vocabulary.encode(reading.features)
        chances = self._normalised(self._scores(rows, values), candidates)
        effects = self._effects(rows, values, chances)
        likeness = self.index.similarities(reading.token_set) if explained else np.zeros(0)
        return AssignmentAnswer(
            probabilities=chances,
            words={person: self._words(person, known, effects) for person in explained},
            similar={person: self._similar(person, likeness) for person in explained},
        )

    def scores(self, reading: IssueReading) -> Floats:
        """The linear score of every person of the model, shape (n_people,); equal to scikit-learn's, in a test."""
        _, rows, values = self.vocabulary.encode(reading.features)
        return self._scores(rows, values)

    def _scores(self, rows: NDArray[np.intp], values: Floats) -> Floats:
        return np.asarray(self.intercepts + values @ self.coefficients[rows].astype(np.float64))

    def _normalised(self, scores: Floats, candidates: Sequence[str]) -> dict[str, float]:
        known = [person for person in candidates if person in self.people]
        fresh = [person for person in candidates if person not in self.people]
        if not known:
            return {person: 1.0 / len(fresh) for person in fresh}
        for_fresh = self.newcomer_share if fresh else 0.0
        shares = tempered(scores[[self.people[person] for person in known]], self.temperature) * (1.0 - for_fresh)
        chances = dict(zip(known, shares.tolist(), strict=True))
        return chances | {person: for_fresh / len(fresh) for person in fresh}

    def _effects(self, rows: NDArray[np.intp], values: Floats, chances: Mapping[str, float]) -> Floats:
        """What each feature adds to each person against the expected candidate, shape (n_features, n_people)."""
        known = [person for person in chances if person in self.people]
        added = values[:, None] * self.coefficients[rows].astype(np.float64)
        if not known:
            return added
        weights = np.array([chances[person] for person in known])
        expected = added[:, [self.people[person] for person in known]] @ (weights / weights.sum())
        return np.asarray(added - expected[:, None])

    def _words(self, person: str, known: Sequence[Feature], effects: Floats) -> tuple[str, ...]:
        if person not in self.people:
            return ()
        column = effects[:, self.people[person]]
        strongest = [row for row in np.argsort(-column, kind="stable")[:MAX_WORDS] if column[row] > 0]
        return tuple(name_of(known[row]) for row in strongest)

    def _similar(self, person: str, likeness: Floats) -> tuple[SimilarIssue, ...]:
        if person not in self.people:
            return ()
        own = np.where(self.owners == self.people[person], likeness, 0.0)
        return self.index.best(own, MAX_SIMILAR, MINIMUM_SIMILARITY)


def tempered(scores: Floats, temperature: float) -> Floats:
    """Softmax of scores / temperature; shape kept, sums to 1 over the last axis."""
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def to_bytes(arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> bytes:
    """Write what `AssignmentModel.from_bytes` reads."""
    return artifact.dumps(KIND, arrays, meta)
