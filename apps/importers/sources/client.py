"""One thin client for all trackers: one host over TLS, bounded in everything, patient where it is asked to be.

It asks only the host it was made for, at addresses that were checked before (as those of webhooks are), follows no
redirect that leaves it, and stops with a clear problem instead of waiting or reading without end. What only reads is
repeated, a POST of a search or of GraphQL too. What writes is sent once: by the time it could be repeated a person may
have written there, so that whoever wants it written looks again first.
"""

import ipaddress
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from apps.common.addresses import Resolver, UrlParts, reachable_addresses, target_of
from apps.common.exceptions import ApplicationError
from apps.common.exchanges import WholeAnswer
from apps.common.lookups import Lookup
from apps.common.operations.deadlines import Deadline, Ending
from apps.common.texts.cutting import cut_between_words
from apps.importers.records import ImportRefused
from apps.importers.sources.bounded_json import TooManyValues, parsed
from apps.importers.sources.budget import Budget, growing_pause, told_wait
from apps.importers.sources.headers import next_link, without_tokens

CONNECT_SECONDS = 5.0
_LOOKUP = Lookup(seconds=10.0, most_at_once=16)
#: Between two pieces of an answer; large pages of Jira take a while to begin.
READ_SECONDS = 60.0
#: For one answer, from the connection to its last byte, however slowly it drips.
ANSWER_SECONDS = 180.0
#: The largest page seen of a tracker is 9 MB; a hundred issues with long descriptions and histories stay below this.
MOST_ANSWER_BYTES = 64 * 2**20
READ_BYTES = 64 * 2**10
MOST_REDIRECTS = 3
#: Attempts at one request when the connection breaks or the server stumbles; limits of rate do not count here.
MOST_ATTEMPTS = 5
#: A limit without a time: GitHub's advice is to wait at least a minute.
PAUSE_WITHOUT_A_TIME_SECONDS = 60.0
STUMBLES = frozenset({500, 502, 503, 504})
#: GitHub tells by 410 of an issue that was deleted.
GONE = frozenset({404, 410})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What may be repeated when a connection breaks.
_FAULTS = (HTTPError, HTTPException, OSError)
#: Those of trackers have some hundred characters; the library takes a hundred lines of 64 KiB.
MOST_LINK_CHARACTERS = 16 * 2**10
#: Of what a tracker says of its refusal, and of a place it names.
MOST_TOLD = 300


class TrackerRefused(ImportRefused):
    """The tracker does not let us in, or does not have what was asked for."""

    code = "tracker_refused"


class NotThere(TrackerRefused):
    """The tracker does not have what was asked for, or not for us."""


class TrackerUnreachable(ImportRefused):
    """The tracker did not answer, for as long as was allowed."""

    code = "tracker_unreachable"


class AnswerUnusable(ImportRefused):
    """The tracker's answer is not what its documentation promises."""

    code = "answer_unusable"


class AnswerTooLarge(AnswerUnusable):
    """More than we read at once: of a page less is to be asked for."""


class WriteCutOff(TrackerUnreachable):
    """Nobody knows what became of a write: whoever writes it again, after `seconds` if so told, looks first."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


class WritePutOff(WriteCutOff):
    """A limit of rate: nothing was written."""


class WriteNotTold(AnswerUnusable):
    """What was said of a write is no answer of this tracker: of a wall before it, say."""


class _Connection(Ending, HTTPConnection):
    """Of which every exchange ends in time, and every chunk where it says."""

    response_class = WholeAnswer


class _TlsConnection(Ending, HTTPSConnection):
    """Likewise, over TLS."""

    response_class = WholeAnswer


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What the tracker said, read whole."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: bytes

    @property
    def data(self) -> Any:
        """The body as JSON."""
        try:
            return parsed(self.body)
        except TooManyValues as error:
            raise AnswerTooLarge(f"{_place(self.url)} answered too much: {error}.") from error
        except ValueError as error:
            # A page of HTML with status 200 is a log-in page, as a rule.
            told = "a web page" if self.body.lstrip()[:1] == b"<" else "what cannot be read as JSON"
            told = f"{_place(self.url)} answered {told}. Is the address right, and the token valid?"
            raise AnswerUnusable(told) from error

    @property
    def next_url(self) -> str:
        """Where the next page is, by the header Link; empty on the last one."""
        header = self.headers.get("link", "")
        if len(header) > MOST_LINK_CHARACTERS:
            raise AnswerUnusable(f"{_place(self.url)} names other pages in {len(header)} characters.")
        return next_link(header)


#: Whether an answer is a limit of rate in a tracker's own way; raises for what is no use to ask for again.
IsLimit = Callable[[HttpAnswer], bool]


@dataclass(slots=True)
class Client:
    """Asks one tracker.

    Parameters
    ----------
    base_url : str
        Where its API begins; only this scheme, host and port are ever asked.
    headers : mapping
        Sent with every request; holds the token, which is never shown.
    allowed : iterable of str
        Private networks that the operator lets it reach; only there plain HTTP is taken.
    """

    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    allowed: Iterable[str] = ()
    budget: Budget = field(default_factory=Budget)
    resolve: Resolver = _LOOKUP
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    most_answer_bytes: int = MOST_ANSWER_BYTES
    ca_file: str | None = None
    _pool: urllib3.HTTPConnectionPool | None = field(default=None, init=False, repr=False)
    _deadline: Deadline = field(default_factory=Deadline, init=False, repr=False)

    def get(self, path: str, **params: Any) -> HttpAnswer:
        """GET a path below the base, or a whole URL of the same host (a link to the next page)."""
        query = urlencode({name: value for name, value in params.items() if value is not None}, doseq=True)
        url = self._inside(path)
        return self._asked("GET", f"{url}{'&' if '?' in url else '?'}{query}" if query else url, None)

    def post(self, path: str, body: Mapping[str, Any], is_limit: IsLimit = lambda answer: False) -> HttpAnswer:
        """POST a question as JSON."""
        return self._asked("POST", self._inside(path), json.dumps(body).encode(), is_limit)

    def put(self, path: str, body: Mapping[str, Any], **params: Any) -> HttpAnswer:
        """PUT what is to be, as JSON; once, as all that writes; raises `WriteCutOff`."""
        url = self._inside(path)
        return self._written("PUT", f"{url}?{urlencode(params)}" if params else url, json.dumps(body).encode())

    def add(self, path: str, body: Mapping[str, Any]) -> HttpAnswer:
        """POST what is to be there as well, once."""
        return self._written("POST", self._inside(path), json.dumps(body).encode())

    def delete(self, path: str) -> HttpAnswer:
        """DELETE a thing below the base, once."""
        return self._written("DELETE", self._inside(path), None)

    # --- One request -----------------------------------------------------------------------------------------------
    def _inside(self, path: str) -> str:
        """The whole URL; raises where it leaves the configured host."""
        url = path if "://" in path else f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"
        if self._origin(url) != self._origin(self.base_url):
            raise AnswerUnusable(
                f"{self._named(self.base_url)} leads to another host ({self._named(url)}), which is not followed."
            )
        return url

    def _asked(self, method: str, url: str, body: bytes | None, is_limit: IsLimit = lambda answer: False) -> HttpAnswer:
        """One answer of use: repeated after stumbles, and after limits for as long as the budget lasts."""
        failures = 0
        while True:
            try:
                answer = self._once(method, url, body)
            except _FAULTS as error:
                failures += 1
                if failures == MOST_ATTEMPTS:
                    raise TrackerUnreachable(f"No answer from {self._named(url)}: {type(error).__name__}.") from error
                self.pause(growing_pause(failures))
                continue
            wanted = self._wait_wanted(answer, is_limit(answer))
            if wanted is None:
                return self._checked(answer)
            if answer.status in STUMBLES:
                failures += 1
                if failures == MOST_ATTEMPTS:
                    raise TrackerUnreachable(f"{self._named(url)} answered {answer.status} {MOST_ATTEMPTS} times.")
                wanted = wanted or growing_pause(failures)
            self.pause(wanted)

    def _written(self, method: str, url: str, body: bytes | None) -> HttpAnswer:
        """What is said of a write, which is sent once."""
        try:
            answer = self._exchanged(method, url, body)
        except _FAULTS as error:
            raise WriteCutOff(f"No answer from {self._named(url)}: {type(error).__name__}.") from error
        if answer.status in REDIRECTS:
            raise TrackerRefused(f"{self._named(url)} is elsewhere by now: nothing is written.")
        wanted = self._wait_wanted(answer)
        if wanted is None:
            return self._checked(answer)
        kind = WriteCutOff if answer.status in STUMBLES else WritePutOff
        raise kind(f"{self._named(url)} answered {answer.status}.", wanted)

    def _once(self, method: str, url: str, body: bytes | None) -> HttpAnswer:
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._exchanged(method, url, body)
            if answer.status not in REDIRECTS:
                return answer
            url = self._inside(self._joined(url, answer.headers.get("location", "")))
        raise AnswerUnusable(f"{self._named(url)} redirects without end.")

    def _exchanged(self, method: str, url: str, body: bytes | None) -> HttpAnswer:
        self.budget.ask()
        target = target_of(url)
        headers = {"Accept": "application/json", "User-Agent": "Scrum-ML", "Accept-Encoding": "gzip", **self.headers}
        headers["Host"] = target.host_header
        if body is not None:
            headers["Content-Type"] = "application/json"
        pool = self._connected(target)
        with self._ending(url):
            response = pool.urlopen(
                method, target.path, body=body, headers=headers, retries=False, redirect=False, preload_content=False
            )
            with response:
                read = self._read(response, url)
                # Several headers of one name are joined, as HTTP says.
                told = {name.lower(): response.headers[name] for name in response.headers}
        return HttpAnswer(response.status, told, self._hidden(url), read)

    @contextmanager
    def _ending(self, url: str) -> Iterator[None]:
        """An exchange that ends in time; what was cut off then is no answer, though nothing else may tell."""
        told = f"An answer of {self._named(url)} took longer than {ANSWER_SECONDS:.0f} s."
        with self._deadline.within(ANSWER_SECONDS):
            try:
                yield
            except _FAULTS as error:
                if self._deadline.is_over:
                    raise TrackerUnreachable(told) from error
                raise
        if self._deadline.is_over:
            raise TrackerUnreachable(told)

    def _connected(self, target: UrlParts) -> urllib3.HTTPConnectionPool:
        """Connections to the first checked address; the name is not asked again, it might answer differently."""
        if self._pool is None:
            address = reachable_addresses(target, allowed=self.allowed, resolve=self.resolve)[0]
            timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
            if target.scheme == "https":
                self._pool = _TlsPool(
                    address, target.port, timeout=timeout, maxsize=1, ca_certs=self.ca_file,
                    server_hostname=target.host, assert_hostname=target.host, cert_reqs="CERT_REQUIRED",
                )  # fmt: skip
            elif _is_in(address, self.allowed):
                self._pool = _Pool(address, target.port, timeout=timeout, maxsize=1)
            else:
                raise TrackerRefused("A token is sent over https:// only; write the address so.")
        return self._pool

    def _read(self, response: urllib3.BaseHTTPResponse, url: str) -> bytes:
        """The body, unpacked, as far as it is not larger than an answer may be."""
        body = bytearray()
        for part in response.stream(READ_BYTES, decode_content=True):
            body += part
            self.budget.read(len(part))
            if len(body) > self.most_answer_bytes:
                most = self.most_answer_bytes / 2**20
                raise AnswerTooLarge(f"An answer of {self._named(url)} is larger than {most:.0f} MiB.")
        return bytes(body)

    def _wait_wanted(self, answer: HttpAnswer, is_limit: bool = False) -> float | None:
        """How long the tracker wants us to wait before we ask again; None for an answer that is one."""
        if is_limit or answer.status == 429 or _says_limit(answer):
            return told_wait(answer.headers, self.clock()) or PAUSE_WITHOUT_A_TIME_SECONDS
        if answer.status in STUMBLES:
            return told_wait(answer.headers, self.clock()) or 0.0
        return None

    def pause(self, seconds: float) -> None:
        """Wait as the tracker asks for it, for as long as the budget lasts."""
        self.budget.wait(seconds)
        self.sleep(seconds)

    def _checked(self, answer: HttpAnswer) -> HttpAnswer:
        if 200 <= answer.status < 300:
            return answer
        place = _place(answer.url)
        if answer.status == 401:
            raise TrackerRefused(f"{place} does not accept the token (401): it is wrong, has expired or was revoked.")
        if answer.status == 403:
            raise TrackerRefused(
                f"The token may not do that at {place} (403): to read, it needs the right to read issues and projects, "
                "to write back, that to edit issues."
            )
        if answer.status in GONE:
            raise NotThere(f"{place} is not there ({answer.status}), or the token may not see it.")
        raise AnswerUnusable(f"{place} answered {answer.status}: {self.quoted(_message(answer))}")

    # --- What is told of it ----------------------------------------------------------------------------------------
    def quoted(self, said: Any) -> str:
        """What the tracker says, in short: it may quote our request, which the token came with."""
        return cut_between_words(self._hidden(str(said)), MOST_TOLD)

    def _hidden(self, text: str) -> str:
        return without_tokens(text, self.headers)

    def _named(self, url: str) -> str:
        return _place(self._hidden(url))

    def _joined(self, url: str, place: str) -> str:
        try:
            return urljoin(url, place)
        except ValueError as error:
            raise AnswerUnusable(f"{self._named(url)} leads to what is no address: {self.quoted(place)!r}.") from error

    def _origin(self, url: str) -> tuple[str, str, int]:
        try:
            target = target_of(url)
        except ApplicationError as error:
            raise AnswerUnusable(f"This is no address: {self.quoted(url)}") from error
        return target.scheme, target.host, target.port


def _says_limit(answer: HttpAnswer) -> bool:
    """A refusal that is a limit, told by its headers: the text may say anything ("Must have push access")."""
    if answer.status != 403:
        return False
    told = answer.headers
    return "retry-after" in told or "gh-limited-by" in told or told.get("x-ratelimit-remaining") == "0"


def _message(answer: HttpAnswer) -> str:
    """What the tracker says of its refusal."""
    try:
        told = parsed(answer.body)
    except ValueError:
        return "no reason given"
    if isinstance(told, dict):
        found = told.get("message") or told.get("errorMessages") or told.get("error") or told.get("errors")
        return str(found)
    return "no reason given"


def _place(url: str) -> str:
    """Host and path: a query may hold what is nobody's business."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"[:MOST_TOLD]


def _is_in(address: str, networks: Iterable[str]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(network) for network in networks)
