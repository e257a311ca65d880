"""`Idempotency-Key`: what is asked twice is done once, and answered twice with the same answer.

As the IETF's draft has it (draft-ietf-httpapi-idempotency-key-header). The key is claimed in a transaction of its own,
so that others see it; what the request writes and its answer are one further transaction, so that a process that dies
leaves both or neither. It waits for nobody else, since on SQLite nobody else writes meanwhile: what takes a turn, or is
asked of the store or a name server, comes before it (`Asks`, `asks_first`), and what goes to the broker after it
(`transaction.on_commit`). What fails after it is told once; the kept answer is of what was written.
The claim of a dead process is taken over after a while; one that was only slow finds its claim gone then, and takes
back what it wrote.
"""

import base64
import hashlib
import hmac
import json
import re
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.api.throttling import caller_of
from apps.common.heartbeat import CLOCKS_DIFFER, silent
from apps.common.models import FirstAnswer

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
#: A day: whoever tries again later has looked at what became of it.
KEPT_FOR = timedelta(hours=24)
#: Longer than any request is let run.
CLAIMED_FOR = timedelta(seconds=120)
#: Of one caller: the latest. With the limit of requests, it bounds what a caller can have stored.
MOST_KEPT = 10_000
LONGEST_KEY = 255
KEY_PATTERN = r"^[!-~]+$"
#: Answers that say nothing of what was asked: the next try may be answered otherwise.
PASSING = (status.HTTP_401_UNAUTHORIZED, status.HTTP_429_TOO_MANY_REQUESTS)
#: Seconds.
_ASK_AGAIN_AFTER = 1

View = Callable[..., HttpResponseBase]
Act = Callable[..., Response]
_Action = TypeVar("_Action", bound=Act)


class StillRunning(exceptions.APIException):
    """The first request with this key has no answer yet."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The first request with this Idempotency-Key is still being worked on: ask again."
    default_code = "idempotency_key_in_use"
    wait = _ASK_AGAIN_AFTER


class OtherQuestion(exceptions.APIException):
    """A key stands for one request."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was sent with another request: a new request takes a new key."
    default_code = "idempotency_key_reused"


class FirstAnswers:
    """Middleware: sends requests with a key through `Once`; the others pay one look into a dictionary."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Answer in the view's place, by the same view with `Once` before it."""
        if "HTTP_IDEMPOTENCY_KEY" not in request.META or request.method != "POST" or not takes_keys(view):
            return None
        return _once(view)(request, *args, **kwargs)


def takes_keys(view: View) -> bool:
    """Every endpoint, unless it says otherwise; no page."""
    return hasattr(view, "cls") and getattr(view.cls, "takes_keys", True)


class Asks:
    """A view whose POST is worked out first: it writes only by `with_the_answer` and `answered_by`."""


def asks_first(action: _Action) -> _Action:
    """The same for a single action."""
    action.asks_first = True  # type: ignore[attr-defined]
    return action


def is_worked_out_first(view: type, act: Act) -> bool:
    """Whether what a POST does is begun before the transaction that keeps its answer."""
    return issubclass(view, Asks) or hasattr(act, "asks_first")


#: What is kept back for the transaction that keeps the answer; None where no question with a key is worked out.
_KEPT_BACK: ContextVar[list[Callable[[], None]] | None] = ContextVar("kept_back", default=None)


def with_the_answer(write: Callable[[], None]) -> None:
    """Write at once, or where the answer is kept for a key: then both are written or neither."""
    kept_back = _KEPT_BACK.get()
    if kept_back is None:
        write()
    else:
        kept_back.append(write)


def answered_by(write: Callable[[], Response]) -> Response:
    """The answer of what is written last; likewise at once, or where it is kept."""
    return write() if _KEPT_BACK.get() is None else _Unwritten(write)


class _Unwritten(Response):
    """Stands for an answer that its write will give."""

    def __init__(self, write: Callable[[], Response]) -> None:
        super().__init__()
        self.give = write


@contextmanager
def _keeping_back() -> Iterator[list[Callable[[], None]]]:
    kept_back: list[Callable[[], None]] = []
    before = _KEPT_BACK.set(kept_back)
    try:
        yield kept_back
    finally:
        _KEPT_BACK.reset(before)


class Once:
    """A view whose POST is done once for each key of a caller; whoever is not logged in has no keys."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After who asks, what they may and how often: put the key between the request and the act."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        act = getattr(self, "post", None)
        if act is not None and request.user.is_authenticated:
            self.post = partial(first_answer, self, act)


@cache
def _once(view: Any) -> View:
    kind: Any = type(view.cls.__name__, (Once, view.cls), {"__doc__": view.cls.__doc__})
    actions = {"actions": view.actions} if hasattr(view, "actions") else {}
    once: View = kind.as_view(**actions, **view.initkwargs)
    return once


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with its key, and the claim that it makes."""

    caller: str
    key: str
    sent: bytes
    claim: uuid.UUID
    at: datetime

    @property
    def question(self) -> str:
        """What was sent, told from anything else; a mere digest would let a reader of the database try passwords."""
        return hmac.digest(self._secret("question"), self.sent, "sha256").hex()

    @property
    def name(self) -> str:
        """Under which the answer is kept."""
        return self._secret("name").hex()

    @property
    def box(self) -> "Fernet":
        """Nobody opens it who lacks the caller's key or this installation's: answers may show secrets."""
        from cryptography.fernet import Fernet  # noqa: PLC0415 - 6 MiB a process, for those who send keys

        return Fernet(base64.urlsafe_b64encode(self._secret("box")))

    def _secret(self, purpose: str) -> bytes:
        text = f"{__name__}\n{purpose}\n{self.caller}\n{self.key}"
        return hmac.digest(settings.SECRET_KEY.encode(), text.encode(), "sha256")


def first_answer(view: Any, act: Act, request: Request, *args: Any, **kwargs: Any) -> Response:
    """The kept answer where there is one; else act, and keep the answer with what was written.

    Raises
    ------
    rest_framework.exceptions.ValidationError
        If the key is none.
    StillRunning
        If the first request with this key is being worked on.
    OtherQuestion
        If the key came with another request before.
    """
    key = request.headers[HEADER]
    if len(key) > LONGEST_KEY or not re.match(KEY_PATTERN, key):
        raise exceptions.ValidationError({HEADER: f"1 to {LONGEST_KEY} visible characters of ASCII, without blanks."})
    asked = Asked(caller_of(request), key, _sent(request, act), uuid.uuid4(), timezone.now())
    if (kept := _claim(asked)) is not None:
        return _replayed(asked, kept)
    answer = partial(_answered, view, partial(act, request, *args, **kwargs))
    try:
        if is_worked_out_first(type(view), act):
            answer = partial(_answered, view, _worked_out(answer))
        with transaction.atomic():
            response = answer()
            if response.status_code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
                transaction.set_rollback(True)
            elif response.status_code not in PASSING:
                _keep(asked, response)
    finally:
        # Where no answer was kept, the next request is the first.
        FirstAnswer.objects.filter(pk=asked.name, claim=asked.claim, answer=None).delete()
    return response


def forget_old_answers(*, now: datetime) -> int:
    """Remove what is older than `KEPT_FOR`, and of each caller all but the latest `MOST_KEPT`; how many went."""
    gone, _ = FirstAnswer.objects.filter(silent("claimed_at", now=now, after=KEPT_FOR, ahead=KEPT_FOR)).delete()
    crowded = FirstAnswer.objects.values("caller").annotate(n=Count("pk")).filter(n__gt=MOST_KEPT)
    for caller in crowded.values_list("caller", flat=True):
        own = FirstAnswer.objects.filter(caller=caller)
        latest = own.order_by("-claimed_at").values_list("claimed_at", flat=True)[MOST_KEPT - 1]
        gone += own.filter(claimed_at__lt=latest).delete()[0]
    return gone


def _claim(asked: Asked) -> FirstAnswer | None:
    """The answer to replay; None where this request is the first, and the key is claimed for it."""
    rows = FirstAnswer.objects.filter(pk=asked.name)
    mine = {"question": asked.question, "claim": asked.claim, "claimed_at": asked.at, "answer": None}
    found = rows.first()
    if found is None:
        try:
            with transaction.atomic():
                FirstAnswer.objects.create(id=asked.name, caller=asked.caller, **mine)
        except IntegrityError as error:
            # Somebody was faster.
            raise StillRunning from error
        return None
    if _is_over(found, asked.at):
        if rows.filter(claim=found.claim).update(**mine):
            return None
        raise StillRunning
    # The mere digest is what was kept before: such rows are gone a day after the update.
    if found.question not in (asked.question, asked.sent.hex()):
        raise OtherQuestion
    if found.answer is None:
        raise StillRunning
    return found


def _is_over(row: FirstAnswer, now: datetime) -> bool:
    # A claim of the future is none: the clock was set back since. An answer that is there still holds then.
    longest, ahead = (CLAIMED_FOR, CLOCKS_DIFFER) if row.answer is None else (KEPT_FOR, KEPT_FOR)
    return not now - longest <= row.claimed_at <= now + ahead


def _worked_out(answer: Callable[[], Response]) -> Callable[[], Response]:
    """Work an answer out now, holding nothing that others need; what writes it is left to do."""
    with _keeping_back() as kept_back:
        response = answer()

    def write() -> Response:
        for each in kept_back:
            each()
        return response.give() if isinstance(response, _Unwritten) else response

    return write


def _answered(view: Any, act: Callable[[], Response]) -> Response:
    """What the view answers, refusals included; a fault goes on its way."""
    try:
        return act()
    except Exception as error:  # noqa: BLE001 - the view raises again what it does not know
        response: Response = view.handle_exception(error)
        return response


def _keep(asked: Asked, response: Response) -> None:
    headers = {name: value for name, value in response.headers.items() if name != "Content-Type"}
    shown = {
        "status": response.status_code,
        "headers": headers,
        "content_type": response.content_type,
        "body": json.loads(JSONRenderer().render(response.data) or b"null"),
    }
    answer = asked.box.encrypt(zlib.compress(json.dumps(shown).encode()))
    if not FirstAnswer.objects.filter(pk=asked.name, claim=asked.claim).update(answer=answer):
        # Taken over: whoever did answers, and nothing of this stays.
        raise StillRunning


def _replayed(asked: Asked, kept: FirstAnswer) -> Response:
    shown = json.loads(zlib.decompress(asked.box.decrypt(bytes(kept.answer or b""))))
    return Response(
        shown["body"],
        status=shown["status"],
        headers={**shown["headers"], REPLAYED: "true"},
        content_type=shown["content_type"],
    )


def _sent(request: Request, act: Act) -> bytes:
    """A digest of address and body: of JSON what it means, of a form its fields and files, whatever parts them.

    Where no body is taken none is read: an empty one of any type has passed (`has_body_in_vain`).
    """
    sent: Any = None if getattr(act, "takes_no_body", False) else request.data
    if isinstance(sent, MultiValueDict):
        sent = sorted((name, [_plain(value) for value in values]) for name, values in sent.lists())
    return hashlib.sha256(json.dumps([request.get_full_path(), sent], sort_keys=True).encode()).digest()


def _plain(value: Any) -> Any:
    """A field's text; of a file what it is called, which may tell how it is read, and its digest."""
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return [value.name, digest.hexdigest()]
