"""The scripts that make the word table, with an encoder of a few random numbers."""

import json

import numpy as np
import pytest

from apps.ml.core.meaning import DIMENSIONS
from scripts.sentence_encoder import SentenceEncoder, read_safetensors
from scripts.train_meaning import fitted, leading_axes, word_weights

SIZE, HEADS, INNER = 160, 4, 32
PIECES = ["[UNK]", "[CLS]", "[SEP]", "log", "##in", "##s", "page", "fix", "sign", "."]


def shapes():
    yield "embeddings.word_embeddings.weight", (len(PIECES), SIZE)
    yield "embeddings.position_embeddings.weight", (64, SIZE)
    yield "embeddings.token_type_embeddings.weight", (2, SIZE)
    layer = "encoder.layer.0"
    for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        yield f"{layer}.{name}.weight", (SIZE, SIZE)
        yield f"{layer}.{name}.bias", (SIZE,)
    yield f"{layer}.intermediate.dense.weight", (INNER, SIZE)
    yield f"{layer}.intermediate.dense.bias", (INNER,)
    yield f"{layer}.output.dense.weight", (SIZE, INNER)
    yield f"{layer}.output.dense.bias", (SIZE,)
    for name in ("embeddings", f"{layer}.attention.output", f"{layer}.output"):
        yield f"{name}.LayerNorm.weight", (SIZE,)
        yield f"{name}.LayerNorm.bias", (SIZE,)


@pytest.fixture
def folder(tmp_path):
    rng, header, data = np.random.default_rng(0), {"__metadata__": {"format": "pt"}}, b""
    for name, shape in shapes():
        values = rng.normal(size=shape).astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    encoded = json.dumps(header).encode()
    (tmp_path / "model.safetensors").write_bytes(len(encoded).to_bytes(8, "little") + encoded + data)
    config = {"num_attention_heads": HEADS, "num_hidden_layers": 1, "layer_norm_eps": 1e-12}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    return tmp_path


def test_arrays_are_read_by_their_names_and_shapes(folder):
    found = read_safetensors(folder / "model.safetensors")

    assert {name: array.shape for name, array in found.items()} == dict(shapes())


def test_texts_in_a_batch_are_encoded_as_each_alone(folder):
    encoder = SentenceEncoder(folder)
    texts = ["login", "fix page", "Logins", "sign page", "page"]

    together = encoder.encode(texts)

    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(row, encoder.encode([text])[0], rtol=1e-4, atol=1e-5)


def test_a_word_is_cut_into_its_longest_known_pieces_whatever_its_case_and_accents(folder):
    encoder = SentenceEncoder(folder)

    assert encoder._ids("Lógins.") == [1, 3, 4, 5, 9, 2]
    assert encoder._ids("zzz") == [1, 0, 2]


def test_leading_axes_are_those_along_which_vectors_differ_most():
    rng = np.random.default_rng(0)
    spread = np.linspace(3, 0.1, SIZE)
    rows = (rng.normal(size=(4000, SIZE)) * spread).astype(np.float32)

    axes = leading_axes(rows)

    np.testing.assert_allclose(axes.T @ axes, np.eye(DIMENSIONS), atol=1e-4)
    assert np.linalg.norm(axes[:10]) ** 2 > 9


def test_words_move_towards_the_titles_they_stand_in(folder):
    rng = np.random.default_rng(1)
    words = [f"word{letter}" for letter in "abcdefghijklmnop"]
    titles = [" ".join(rng.choice(words, 3)) for _ in range(400)]
    encoded = rng.normal(size=(len(words), SIZE)).astype(np.float32)
    meant = rng.normal(size=(len(words), SIZE)).astype(np.float32)
    of_titles = np.array([sum(meant[words.index(word)] for word in title.split()) for title in titles])
    weights = word_weights(words, {}, n_issues=400)

    table = fitted(words, weights, encoded, titles, of_titles)
    unmoved = fitted(words, weights, encoded, titles[:1], of_titles[:1])

    def agreement(found):
        directions = np.array([found.direction(title) for title in titles])
        likeness = of_titles @ of_titles.T
        return np.corrcoef((directions @ directions.T).ravel(), likeness.ravel())[0, 1]

    assert agreement(table) > agreement(unmoved) + 0.05
