"""A team's own vocabulary: tf-idf words compressed to topics, and text features put on a like scale (training side)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import StandardScaler

from apps.ml.core.arrays import Floats, Integers
from apps.ml.core.points.features import NAMESPACES, RawFeatures
from apps.ml.core.points.vectors import counts, shapes

#: Topics; 50 to 200 measured the same on validation rows.
N_TOPICS = 60
#: No more topics than a quarter of the issues: beyond that each topic is one issue.
_ISSUES_PER_TOPIC = 4
#: A word in one issue only tells of no other.
MIN_DOCUMENTS = 2
#: Of all projects: text features are believed so many standard deviations from their mean; the very ends are of one
#: issue.
USUAL_DEVIATIONS = 4.0
#: Vocabulary and topics are learned anew when the history has grown by this factor; between, only the experts are.
BASIS_GROWTH = 1.1


@dataclass(frozen=True, slots=True)
class Basis:
    """Fitted scikit-learn transformers from raw features to the design matrix."""

    #: Per namespace the buckets that are read, shape (n_columns,).
    columns: tuple[Integers, ...]
    words: tuple[TfidfTransformer, ...]
    topics: TruncatedSVD | None
    shape: StandardScaler
    #: Between which values the prior's score and each text feature are believed, shape (2, 1 + n_shape_features).
    bounds: Floats

    @property
    def n_topics(self) -> int:
        """Number of topics, 0 where there are too few words."""
        return 0 if self.topics is None else int(self.topics.components_.shape[0])

    def design(self, raw: Sequence[RawFeatures], scores: Floats) -> Floats:
        """The prior's score, the text features and the topics, shape (n_issues, 1 + n_shape + n_topics).

        Score and text features are held to what was seen: a team that always wrote a page is asked about a bare title,
        and nothing learned from pages says how far to extrapolate.
        """
        dense = np.clip(np.hstack([scores[:, None], shapes(raw)]), *self.bounds)
        parts = [dense[:, :1], self.shape.transform(dense[:, 1:])]
        if self.topics is not None:
            parts.append(self.topics.transform(self.tfidf(raw)))
        return np.hstack(parts)

    def components(self) -> Floats:
        """Topics over the words that are read, shape (n_topics, n_columns)."""
        if self.topics is None:
            return np.zeros((0, sum(map(len, self.columns))))
        components: Floats = self.topics.components_
        return components

    def idf(self) -> Floats:
        """Inverse document frequencies of all columns, shape (n_columns,)."""
        known = [word.idf_ for word, kept in zip(self.words, self.columns, strict=True) if len(kept)]
        return np.concatenate([np.zeros(0), *known])

    def tfidf(self, raw: Sequence[RawFeatures]) -> sparse.csr_matrix:
        """Words of the issues, each namespace of unit length, shape (n_issues, n_columns)."""
        return _tfidf(raw, self.columns, self.words)


def fit_basis(raw: Sequence[RawFeatures], scores: Floats, *, seed: int, of_all: bool = False) -> Basis:
    """Learn vocabulary, topics and scales; no points are looked at. `of_all` projects, no bound is of one issue."""
    tables = [counts(raw, namespace) for namespace in range(len(NAMESPACES))]
    columns = tuple(np.flatnonzero(table.getnnz(axis=0) >= MIN_DOCUMENTS) for table in tables)
    words = tuple(TfidfTransformer(sublinear_tf=True) for _ in NAMESPACES)
    for transformer, table, kept in zip(words, tables, columns, strict=True):
        if len(kept):
            transformer.fit(table[:, kept])
    n_topics = min(N_TOPICS, len(raw) // _ISSUES_PER_TOPIC, sum(map(len, columns)) - 1)
    topics = None
    if n_topics > 0:
        topics = TruncatedSVD(n_topics, n_iter=3, random_state=seed).fit(_tfidf(raw, columns, words))
    dense = np.hstack([scores[:, None], shapes(raw)])
    usual, far = dense.mean(axis=0), USUAL_DEVIATIONS * dense.std(axis=0)
    bounds = np.stack([usual - far, usual + far] if of_all else [dense.min(axis=0), dense.max(axis=0)])
    return Basis(columns, words, topics, StandardScaler().fit(dense[:, 1:]), bounds)


def _tfidf(
    raw: Sequence[RawFeatures], columns: Sequence[Integers], words: Sequence[TfidfTransformer]
) -> sparse.csr_matrix:
    blocks = [
        transformer.transform(counts(raw, namespace)[:, kept])
        for namespace, (kept, transformer) in enumerate(zip(columns, words, strict=True))
        if len(kept)
    ]
    return sparse.hstack([sparse.csr_matrix((len(raw), 0)), *blocks]).tocsr()
