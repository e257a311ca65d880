"""Signing what webhooks are sent, with a secret that is nowhere stored.

A webhook's secret is derived from one of the server's keys (ML_SIGNING_KEYS) and the webhook's own random salt. So a
copy of the database is worth nothing, and there is nothing to encrypt.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from apps.common.exceptions import ApplicationError

#: What is derived says what it is for: the same key signs models.
_PURPOSE = b"scrum-ml webhook secret "
#: Shown before every secret, so that scanners of repositories can recognise one.
_PREFIX = "whsec_"


class SecretLost(ApplicationError):
    """The server key that this webhook's secret came from is no longer in ML_SIGNING_KEYS: rotate the secret."""

    code = "secret_lost"


def new_salt() -> str:
    return secrets.token_hex(32)


def derived_secret(salt: str, *, key: str) -> str:
    """The secret that a server key and a webhook's salt make."""
    mac = hmac.new(key.encode(), _PURPOSE + salt.encode(), hashlib.sha256).digest()
    return _PREFIX + base64.urlsafe_b64encode(mac).decode().rstrip("=")


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_with(salt: str, digest: str, *, keys: Sequence[str]) -> str:
    """The secret that the receiver was given, whichever of the server's keys it came from; raises `SecretLost`."""
    for key in keys:
        secret = derived_secret(salt, key=key)
        if hmac.compare_digest(digest_of(secret), digest):
            return secret
    raise SecretLost


def signature(body: bytes, *, secret: str, at: datetime) -> str:
    """The value of `X-Scrum-ML-Signature`: when it was signed, and the HMAC-SHA256 of that, a dot and the body."""
    moment = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={mac}"
