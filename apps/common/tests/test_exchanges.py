"""Answers of others in chunks: what their sizes say is believed only where it is a size."""

import http.client

import pytest

from apps.common.addresses import target_of
from apps.common.exchanges import FAULTS, asked
from tests.receivers import BAD_SIZES, chunked, speaking

HEAD = b"HTTP/1.1 200 OK\r\n"


def read(said: bytes, *sizes: int | None) -> list[bytes]:
    """What each `read` of these sizes gives, of an answer that is this."""
    with (
        speaking(said) as port,
        asked(
            "GET", target_of(f"http://127.0.0.1:{port}/"), ["127.0.0.1"], headers={}, connect_seconds=5.0, seconds=20.0
        ) as answer,
    ):
        return [answer.read(size) for size in sizes]


@pytest.mark.parametrize("size", BAD_SIZES)
@pytest.mark.parametrize("how", [None, 10])
def test_of_a_chunk_without_a_size_nothing_is_read(size: bytes, how: int | None) -> None:
    """`-1` was read without end, `-5` was a ValueError."""
    with pytest.raises(FAULTS):
        read(chunked(HEAD, size) + b"x" * 1000, how)


@pytest.mark.parametrize("size", BAD_SIZES)
def test_nor_of_a_later_one(size: bytes) -> None:
    said = chunked(HEAD, b"3") + b"abc\r\n" + size + b"\r\n" + b"x" * 1000

    assert read(said, 3) == [b"abc"]
    with pytest.raises(FAULTS):
        read(said, 3, 10)


@pytest.mark.parametrize(
    "pieces",
    [
        b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        b"03  \r\nabc\r\n4;name=value\r\ndefg\r\n0\r\nA-Trailer: of one line\r\n\r\n",
        b"7\nabcdefg\n0\n",
        b"0000000000000007\r\nabcdefg\r\n0;last\r\n",
    ],
)
def test_chunks_as_http_has_them_are_put_together(pieces: bytes) -> None:
    said = HEAD + b"Transfer-Encoding: Chunked\r\nContent-Length: 2\r\n\r\n" + pieces

    assert read(said, None) == [b"abcdefg"]
    assert read(said, 2, 4, 10, 10) == [b"ab", b"cdef", b"g", b""]


@pytest.mark.parametrize(
    "pieces",
    [
        b"",
        b"3\r\n",
        b"3\r\nab",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\r\n",
        b"FFFFFFFFFFFFFFFF\r\nabc",
        b"FFFFFFFFFFFFFFFFF\r\nabc",
        b"3" + b";" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 200,
        b"3\r\nabc\r\n0\r\nA: " + b"b" * 70_000,
    ],
)
def test_chunks_that_break_off_or_have_no_end_are_a_fault(pieces: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + pieces, None)


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"chunked, chunked", b"chunked\r\nTransfer-Encoding: gzip", b"x"])
def test_another_transfer_encoding_was_not_asked_for(coding: bytes) -> None:
    with pytest.raises(http.client.HTTPException):
        read(HEAD + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n", None)


def test_an_answer_without_chunks_is_what_it_was() -> None:
    for said in (b"Content-Length: 3\r\n\r\nabc", b"\r\nabc", b"Transfer-Encoding: identity\r\n\r\nabc"):
        assert read(HEAD + said, 10) == [b"abc"]
