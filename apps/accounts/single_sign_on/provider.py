"""What the provider says, within a time and a size, and of itself: its addresses (OpenID Connect Discovery 1.0)."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from mozilla_django_oidc.utils import import_from_settings

from apps.common.addresses import NameNotAnswered, reachable_addresses, target_of
from apps.common.exceptions import ApplicationError
from apps.common.exchanges import FAULTS, asked
from apps.common.lookups import Lookup
from apps.common.operations.slips import slip_in_url

#: Addresses change once in years; a provider that moves is found within the hour.
KEPT_SECONDS = 3600
#: Too deep an answer is no ValueError.
BROKEN_ANSWERS = (ValueError, RecursionError)
#: Many times what any provider says.
MOST_BYTES = 256 * 1024
#: For one answer in all, from its name to its last byte; providers take a fraction of a second. A log-in asks three
#: or four times.
EXCHANGE_SECONDS = 5.0
CONNECT_SECONDS = 2.0
#: Half the threads that a web process has unless it is told otherwise (WEB_THREADS).
MOST_AT_ONCE = 2
#: A provider that has let somebody wait in vain lets nobody else wait for that long.
SILENT_SECONDS = 10.0
#: The operator has named it, so it may stand anywhere.
EVERYWHERE = ("0.0.0.0/0", "::/0")
#: Of the library's settings, those that the provider tells.
TOLD = {
    "OIDC_OP_AUTHORIZATION_ENDPOINT": "authorization_endpoint",
    "OIDC_OP_TOKEN_ENDPOINT": "token_endpoint",
    "OIDC_OP_USER_ENDPOINT": "userinfo_endpoint",
    "OIDC_OP_JWKS_ENDPOINT": "jwks_uri",
}
#: And those that are not for anybody to choose.
FIXED: dict[str, Any] = {
    "OIDC_USE_NONCE": True,
    "OIDC_USE_PKCE": True,
    "OIDC_RP_SCOPES": "openid email profile",
    "OIDC_AUTHENTICATION_CALLBACK_URL": "dashboard:single-sign-on-back",
}
_LOOKUP = Lookup(seconds=CONNECT_SECONDS, most_at_once=MOST_AT_ONCE)
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
#: Both by issuer.
_kept: dict[str, tuple[float, dict[str, str]]] = {}
_silent_until: dict[str, float] = {}


class ProviderFault(ApplicationError):
    """The provider does not answer, or not as a provider does."""


class ProviderBusy(ProviderFault):
    """So many wait for the provider already; a moment later there is a place."""


def setting(name: str, *default: Any) -> Any:
    """A setting as the library asks for it."""
    if name in TOLD:
        return addresses()[TOLD[name]]
    return FIXED[name] if name in FIXED else import_from_settings(name, *default)


def addresses() -> dict[str, str]:
    """The provider's addresses; asked for once an hour."""
    issuer = settings.OIDC_ISSUER
    read_at, found = _kept.get(issuer, (0.0, {}))
    if not found or time.monotonic() - read_at > KEPT_SECONDS:
        with one_of_few():
            found = _read(issuer)
        _kept[issuer] = time.monotonic(), found
    return found


@contextmanager
def one_of_few() -> Iterator[None]:
    """Whoever may wait for the provider: a few in this process, so that everybody else is answered meanwhile.

    Raises
    ------
    ProviderBusy
        If there are enough already.
    ProviderFault
        If the provider was silent a moment ago.
    """
    if time.monotonic() < _silent_until.get(settings.OIDC_ISSUER, 0.0):
        raise ProviderFault("The provider did not answer a moment ago.")
    if not _places.acquire(blocking=False):
        raise ProviderBusy("Too many others wait for the provider.")
    try:
        yield
    finally:
        _places.release()


def answer_of(url: str, *, form: Mapping[str, str] | None = None, bearer: str = "") -> tuple[str, bytes]:
    """The kind and the body of the provider's answer; whoever fails to give one in time is not asked for a while."""
    until = time.monotonic() + EXCHANGE_SECONDS
    headers = {"Accept": "application/json, application/jwt", "User-Agent": "Scrum-ML"}
    headers |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
    headers |= {} if form is None else {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        target = target_of(url)
        places = reachable_addresses(target, allowed=EVERYWHERE, resolve=_LOOKUP)
        with asked(
            "GET" if form is None else "POST", target, places, headers=headers,
            body=None if form is None else urlencode(form).encode(),
            connect_seconds=CONNECT_SECONDS, seconds=max(until - time.monotonic(), 0.0),
        ) as answer:  # fmt: skip
            status, kind, body = answer.status, answer.headers.get_content_type(), answer.read(MOST_BYTES + 1)
    except (ApplicationError, *FAULTS) as error:
        is_silent = isinstance(error, TimeoutError | NameNotAnswered) or time.monotonic() >= until
        raise (_silence() if is_silent else ProviderFault(f"No answer: {type(error).__name__}.")) from error
    if time.monotonic() >= until:
        raise _silence()
    if status != HTTPStatus.OK:
        raise ProviderFault(f"The provider answered {status}.")
    if len(body) > MOST_BYTES:
        raise ProviderFault(f"The provider's answer is longer than {MOST_BYTES // 1024} KiB.")
    return kind, body


def _silence() -> ProviderFault:
    _silent_until[settings.OIDC_ISSUER] = time.monotonic() + SILENT_SECONDS
    return ProviderFault(f"The provider did not answer within {EXCHANGE_SECONDS:.0f} s.")


def _read(issuer: str) -> dict[str, str]:
    try:
        said = json.loads(answer_of(f"{issuer.rstrip('/')}/.well-known/openid-configuration")[1])
    except BROKEN_ANSWERS as error:
        raise ProviderFault(f"The provider does not say where it is: {type(error).__name__}.") from error
    # Otherwise another provider could speak for it (section 4.3).
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise ProviderFault("The provider names another issuer than OIDC_ISSUER; they are equal to the letter.")
    schemes = ("https",) if issuer.startswith("https:") else ("https", "http")
    for name in TOLD.values():
        if slip := slip_in_url(str(said.get(name, "")), schemes=schemes):
            raise ProviderFault(f"The provider's {name} {slip}.")
    return {name: said[name] for name in TOLD.values()}
