"""A server that waits for its clients, and clients that make it wait, over real sockets."""

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

from tests.processes import ROOT, kept_environment

#: Far more than there are threads.
SLOW_CLIENTS = 24
PATIENCE_SECONDS = 20.0
HEAD = b"POST /in HTTP/1.1\r\nHost: localhost\r\n"


def starting(**limits):
    """A process that serves, once it says on which port."""
    environment = {**kept_environment(), "PATIENT": json.dumps(limits), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "gunicorn", "--config", "tests/patient_server.py"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@contextmanager
def serving(**limits):
    with starting(**limits) as server:
        try:
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def connected(port, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS, source_address=(source, 0))


def asking_for_much(port, n_bytes, *more):
    """A client that takes nothing yet of more than there is room for on the way."""
    client = connected(port)
    head = f"GET /large?{n_bytes} HTTP/1.1\r\nHost: localhost\r\n"
    client.sendall(b"".join(f"{head}{end}\r\n".encode() for end in (*more, "Connection: close\r\n")))
    return client


def answer(client):
    """Everything until the server closes."""
    # Bytes would be copied whole with every piece: of ten million, half a second.
    received = bytearray()
    with suppress(ConnectionResetError):
        while data := client.recv(65536):
            received += data
    return bytes(received)


def asked(port, *parts):
    with connected(port) as client:
        for part in parts:
            client.sendall(part)
            time.sleep(0.01)
        return answer(client)
