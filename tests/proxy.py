"""A TCP proxy before a real server: it can fall silent, drip, forget, lie, or tell somebody what is about to pass."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal

_CHUNK_BYTES = 65_536
#: What drips: slower than any artefact can wait for, though never silent.
_DRIP_SECONDS = 0.1

Mode = Literal["open", "silent", "dripping"]


class Proxy:
    """Passes bytes on, as `mode` says; `before` sees what a client sends before the server does.

    `instead` may answer a request in the server's place, `change` what the server answers.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.mode: Mode = "open"
        #: How many pieces of requests have come.
        self.requests = 0
        self.before: Callable[[bytes], None] = lambda data: None
        self.instead: Callable[[bytes], bytes | None] = lambda data: None
        self.change: Callable[[bytes], bytes] = lambda data: data
        self._forgotten = threading.Event()
        self._begin(self._accept)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def forget(self) -> None:
        """Nothing more passes over the connections of now, which stay; those made later are like any."""
        self._forgotten.set()
        self._forgotten = threading.Event()

    def close(self) -> None:
        """Cut every connection and end every thread."""
        _shut(self._listener)
        for each in self._open:
            _shut(each)
        for thread in self._threads:
            thread.join(10)

    def _begin(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            try:
                server = self._connected()
            except OSError:
                _shut(client)
                continue
            self._open.append(server)
            self._begin(self._pass, client, server, partial(self._send_request, client), self._forgotten)
            self._begin(self._pass, server, client, self._send_answer, self._forgotten)

    def _connected(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self._target))
        return server

    def _pass(
        self,
        source: socket.socket,
        target: socket.socket,
        send: Callable[[socket.socket, bytes], None],
        forgotten: threading.Event,
    ) -> None:
        with suppress(OSError):  # either end may go at any moment: that is what this is for
            while data := source.recv(_CHUNK_BYTES):
                if not forgotten.is_set():
                    send(target, data)
        _shut(source)
        _shut(target)

    def _send_request(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        self.requests += 1
        self.before(data)
        answer = self.instead(data)
        if answer is None:
            server.sendall(data)
        else:
            client.sendall(answer)

    def _send_answer(self, client: socket.socket, data: bytes) -> None:
        if self.mode == "open":
            client.sendall(self.change(data))
        elif self.mode == "dripping":
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(_DRIP_SECONDS)


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


@contextmanager
def proxy_to(target: int | Path) -> Iterator[Proxy]:
    """Before a port of this machine, or a socket in a folder."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
