"""How words and names become numbers: an artefact holds no word and no person."""

from collections.abc import Iterable
from zlib import crc32


def hashed(name: str) -> int:
    """32 bits that stand for a word or a feature; the same in every process and release."""
    return crc32(name.encode())


def hashed_set(words: Iterable[str]) -> frozenset[int]:
    """The distinct words, hashed."""
    return frozenset(map(hashed, words))
