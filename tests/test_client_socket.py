"""Whatever is written and however little is taken at a time: a client gets all of it, in order."""

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.answers import ClientSocket


@settings(deadline=None)
@given(
    pieces=st.lists(st.integers(0, 400_000), min_size=1, max_size=8),
    takes=st.lists(st.integers(1, 300_000), min_size=1, max_size=20),
)
def test_a_client_gets_what_was_written_whatever_it_takes_when(pieces, takes):
    ours, theirs = socket.socketpair()
    written = [bytes([number + 1]) * size for number, size in enumerate(pieces)]
    with ClientSocket.of(ours) as client, theirs:
        theirs.setblocking(False)
        taken = bytearray()

        def take(n_bytes):
            try:
                taken.extend(theirs.recv(n_bytes))
            except BlockingIOError:
                return

        for piece, n_bytes in zip(written, [*takes, *takes * 8], strict=False):
            client.sendall(piece)
            take(n_bytes)
        while client.left:
            assert client.n_left == sum(len(each) for each in client.left)
            client.send_left()
            # A byte at a time would be millions of them.
            take(max(*takes, 20_000))
        while len(taken) < sum(pieces):
            take(1_000_000)

    assert bytes(taken) == b"".join(written)
    assert client.n_left == 0


def test_nothing_that_is_done_with_it_waits_for_the_client():
    ours, theirs = socket.socketpair()
    with ClientSocket.of(ours) as client, theirs:
        client.setblocking(True)
        client.settimeout(None)

        # Far more than a kernel keeps for a client that takes nothing.
        assert client.send(bytes(8_000_000)) == 8_000_000
        assert client.n_left > 0
        with pytest.raises(BlockingIOError):
            client.recv(1)
