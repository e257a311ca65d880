"""API keys: made, shown once, recognised, withdrawn."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from apps.access.models import ApiKey
from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.common.heartbeat import CLOCKS_DIFFER, silent
from apps.projects.models import Project
from apps.projects.rows import all_or_nothing, enter, insert

#: So that secret scanners, logs and people tell a key from a token.
MARK = "sml_"
#: 48 bits to look it up by, 256 to guess: a fast digest suffices for what is random.
PREFIX_BYTES, SECRET_BYTES = 6, 32
#: Nobody remembers what older keys are for.
MOST_DAYS, USUAL_DAYS = 366, 90
MOST_KEYS = 50
_LAST_USED_EVERY = timedelta(minutes=1)


@all_or_nothing()
def create_key(
    user: User, *, name: str, scopes: Sequence[str], project: Project | None, days: int, now: datetime
) -> tuple[ApiKey, str]:
    """A key and its text, which is known to nobody afterwards; raises `ValidationError` of a name that is none."""
    if project is not None:
        enter(project.pk)
    # What two at once meet at: each counts the other's.
    if User.objects.select_for_update(no_key=True).filter(pk=user.pk, is_active=True).first() is None:
        raise Conflict("This account was switched off, or is gone.")
    if ApiKey.objects.filter(user=user).count() >= MOST_KEYS:
        raise Conflict(f"You have {MOST_KEYS} keys: withdraw those that are not used any more.")
    prefix = MARK + secrets.token_hex(PREFIX_BYTES)
    text = f"{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
    key = insert(
        ApiKey(
            user=user, name=name, project=project, scopes=list(scopes), prefix=prefix, digest=digest_of(text),
            created_at=now, expires_at=now + timedelta(days=days),
        )
    )  # fmt: skip
    return key, text


def keys_of(user: User) -> QuerySet[ApiKey]:
    return ApiKey.objects.filter(user=user).select_related("project")


def key_with(text: str, *, now: datetime) -> ApiKey | None:
    """The key of this text, if it is one that still opens something; notes that it was used."""
    prefix = text[: len(MARK) + 2 * PREFIX_BYTES]
    key = ApiKey.objects.select_related("user").filter(prefix=prefix, user__is_active=True).first()
    if key is None or not hmac.compare_digest(key.digest, digest_of(text)) or key.expires_at <= now:
        return None
    not_lately = Q(last_used_at=None) | silent("last_used_at", now=now, after=_LAST_USED_EVERY)
    if key.last_used_at is None or not -CLOCKS_DIFFER <= now - key.last_used_at <= _LAST_USED_EVERY:
        ApiKey.objects.filter(not_lately, pk=key.pk).update(last_used_at=now)
    return key


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
