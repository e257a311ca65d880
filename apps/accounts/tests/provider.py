"""A provider of OpenID Connect for tests, on a socket; another library than ours makes its tokens and challenges."""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "scrum-ml", "a-secret-of-the-provider"


class TestProvider:
    """Says who `person` is to whoever comes with a good code; `twist` spoils what an ID token says."""

    __test__ = False

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        # Whoever is kept waiting by it does not keep the end of a test waiting.
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.forget()

    def forget(self) -> None:
        """As at the beginning."""
        self.person: dict[str, Any] = {}
        self.twist: Callable[[dict[str, Any]], dict[str, Any]] = lambda claims: claims
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.said_of_itself: dict[str, Any] = {}
        self.userinfo: Any = None
        self.names_its_key, self.other_keys = True, list[dict[str, Any]]()
        #: By path, what it answers in place of what it should: headers, and the body as it is sent.
        self.broken: dict[str, tuple[dict[str, str], bytes]] = {}
        #: By path, what it does with the connection in place of an answer.
        self.talks: dict[str, Callable[[BinaryIO], None]] = {}
        #: The paths that it was asked for.
        self.asked: list[str] = []
        #: Of a provider whose answer about the person is a token (section 5.3.2).
        self.sign_userinfo: Callable[[dict[str, Any]], str] | None = None
        self.codes: dict[str, dict[str, str]] = {}

    def signed(self, claims: dict[str, Any], key: Any = None, algorithm: str = "RS256") -> str:
        header = {"alg": algorithm} | ({"kid": "one"} if self.names_its_key else {})
        return jwt.encode(header, claims, key or self.key, algorithms=[algorithm])

    def described(self) -> dict[str, Any]:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
        places |= {"userinfo_endpoint": "userinfo", "jwks_uri": "jwks"}
        return {"issuer": self.issuer, **{name: f"{self.issuer}/{place}" for name, place in places.items()}}

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes next: back, with a code."""
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        assert asked["nonce"]
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Tokens for a code: once, with the secret and with the verifier of its challenge (RFC 7636)."""
        asked = self.codes.pop(sent["code"], None)
        if (
            asked is None
            or (sent["client_id"], sent["client_secret"]) != (CLIENT_ID, CLIENT_SECRET)
            or sent["redirect_uri"] != asked["redirect_uri"]
            or create_s256_code_challenge(sent["code_verifier"]) != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "7", "iat": now, "exp": now + 300}
        claims["nonce"] = asked["nonce"]
        return 200, {
            "access_token": "opens-userinfo",
            "token_type": "Bearer",
            "id_token": self.sign(self.twist(claims)),
        }

    def answer(self, path: str, asked: dict[str, str], sent: dict[str, str], bearer: str) -> tuple[int, Any]:
        match path:
            case "/.well-known/openid-configuration":
                return 200, {**self.described(), **self.said_of_itself}
            case "/jwks":
                return 200, {"keys": [self.key.as_dict(private=False), *self.other_keys]}
            case "/token":
                return self.token(sent)
            case "/userinfo" if bearer == "Bearer opens-userinfo":
                return 200, {"sub": "7", **self.person} if self.userinfo is None else self.userinfo
            case "/authorize":
                return 302, self.authorize(asked)
        return 404, {}


def _handler(provider: TestProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, sent: str = "") -> None:
            place = urlsplit(self.path)
            asked, fields = (
                {name: values[0] for name, values in parse_qs(text).items()} for text in (place.query, sent)
            )
            provider.asked.append(place.path)
            if place.path in provider.talks:
                self.close_connection = True
                with suppress(OSError):
                    provider.talks[place.path](self.wfile)
                return
            status, said = provider.answer(place.path, asked, fields, self.headers.get("Authorization", ""))
            kind, body = "application/json", json.dumps(said).encode()
            if place.path == "/userinfo" and provider.sign_userinfo and status == 200:
                kind, body = "application/jwt; charset=utf-8", provider.sign_userinfo(said).encode()
            if place.path in provider.broken:
                headers, body = provider.broken[place.path]
                self.send_response(200)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", said)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


@contextmanager
def running_provider() -> Iterator[TestProvider]:
    provider = TestProvider()
    thread = threading.Thread(target=provider.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        provider.server.shutdown()
        provider.server.server_close()
        thread.join()
