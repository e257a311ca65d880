"""Where notifications arrive: a real HTTP server and a real SMTP server, in threads, which tests may hold or break."""

import contextlib
import smtplib
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class WebhookReceiver:
    """`answer` is called with each request in its own thread; its status, headers and body are sent back."""

    port: int = 0
    received: list[Posted] = field(default_factory=list)
    answer: Callable[[Posted], tuple[int, dict[str, str], bytes]] = lambda posted: (204, {}, b"")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?team=1"

    def ids(self) -> list[str]:
        return [each.headers["X-Scrum-ML-Delivery"] for each in self.received]


@contextmanager
def webhook_receiver(*, port: int = 0, context: ssl.SSLContext | None = None) -> Iterator[WebhookReceiver]:
    receiver = WebhookReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted = Posted(self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])))
            receiver.received.append(posted)
            status, headers, body = receiver.answer(posted)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: what came is in `received`."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads, server.handle_error = True, lambda *_: None
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_address[1]
        with _serving(server):
            yield receiver


@dataclass(slots=True)
class MailServer:
    """`greet` is called before the greeting and may hold it. `reply` may answer otherwise than usual: to the client's
    line, to nothing (the greeting), or to the dot that ends a mail.
    """

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    greet: Callable[[], None] = lambda: None
    reply: Callable[[bytes], bytes | None] = lambda line: None
    #: The connection breaks where the goodbye would come.
    is_rude: bool = False


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """As much of RFC 5321 as a client needs to hand over a mail."""
    mails = MailServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            mails.greet()
            self.say(mails.reply(b"") or b"220 test")
            for line in self.rfile:
                word = line[:4].upper().strip()
                if word == b"DATA":
                    self.say(b"354 go on")
                    self.take(self.mail())
                elif word == b"QUIT" and mails.is_rude:
                    return
                else:
                    self.say(mails.reply(line) or (b"221 bye" if word == b"QUIT" else b"250 OK"))

        def take(self, mail: EmailMessage) -> None:
            refusal = mails.reply(b".")
            if refusal is None:
                mails.received.append(mail)
            self.say(refusal or b"250 OK")

        def say(self, line: bytes) -> None:
            self.wfile.write(line + smtplib.CRLF.encode())

        def mail(self) -> EmailMessage:
            lines = list(iter(self.rfile.readline, b".\r\n"))
            # A line that begins with a dot travels with one more.
            text = b"".join(line.removeprefix(b".") for line in lines)
            return message_from_bytes(text, policy=policy.default)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.handle_error = True, lambda *_: None
        mails.port = server.server_address[1]
        with _serving(server):
            yield mails


#: What is no size of a chunk, though Python reads most of it as a number.
BAD_SIZES = (b"-1", b"-5", b"+5", b"0x5", b"1_0", b" 5", b"", b"ZZ", b"1" * 5000, "\u0665".encode())


def chunked(head: bytes, size: bytes) -> bytes:
    """An answer up to the first chunk, whose size is this."""
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n"


@contextmanager
def speaking(said: bytes) -> Iterator[int]:
    """The port of a server that says this to whoever asks, byte for byte, and hangs up."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            with contextlib.suppress(OSError):  # whoever asked has heard enough
                self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        with _serving(server):
            yield server.server_address[1]


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
