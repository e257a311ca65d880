"""Webhooks of a project: the secret is told when it is made, and never again."""

import contextlib
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings

from apps.common.addresses import NameNotAnswered, Resolver, reachable_addresses, target_of
from apps.common.exceptions import Conflict
from apps.common.lookups import Lookup
from apps.notifications.channels.signature import derived_secret, digest_of, new_salt
from apps.notifications.models import Webhook
from apps.notifications.services.left_going import becomes_theirs
from apps.projects.models import Project
from apps.projects.rows import all_or_nothing, insert, lock, update

if TYPE_CHECKING:
    from apps.accounts.models import User

logger = logging.getLogger(__name__)

#: Each is posted to at every news; a project with more wants a relay of its own.
MOST_WEBHOOKS = 10
_EDITABLE = {"url", "is_active", "least_severity"}


class TooManyWebhooks(Conflict):
    """A project has ten webhooks at most."""

    code = "too_many_webhooks"


#: A request waits for it, with a thread that others need: name servers of use answer in a tenth of this.
_LOOKUP = Lookup(seconds=1.0, most_at_once=1)


def require_reachable(url: str, *, resolve: Resolver = _LOOKUP) -> None:
    """Refuse what no delivery would reach; raises `UrlRefused`, `AddressRefused` or `NameUnknown`.

    A name that nobody answers for in time is taken: each delivery looks it up again before it connects.
    """
    target = target_of(url)
    with contextlib.suppress(NameNotAnswered):
        reachable_addresses(target, allowed=settings.WEBHOOK_ALLOWED_NETWORKS, resolve=resolve)


def create_webhook(project: Project, *, by: "User", now: datetime, **fields: Any) -> tuple[Webhook, str]:
    """A new webhook and its secret; raises `TooManyWebhooks`."""
    with all_or_nothing():
        lock(project)
        if Webhook.objects.filter(project=project).count() >= MOST_WEBHOOKS:
            raise TooManyWebhooks
        webhook = Webhook(project=project, created_by=by, created_at=now, **fields)
        secret = _give_secret(webhook)
        insert(webhook)
    logger.info("Webhook made webhook=%s project=%s by=%s", webhook.id, project.id, by.id)
    return webhook, secret


def update_webhook(webhook: Webhook, *, by: "User", **fields: Any) -> Webhook:
    """Change it; whoever gives another address, or sets it going again, has made it from now on."""
    with all_or_nothing():
        lock(webhook)
        is_new = fields.get("url", webhook.url) != webhook.url
        theirs = becomes_theirs(webhook, by, is_new=is_new) if is_new or fields.get("is_active") else {}
        return update(webhook, fields | theirs, allowed=_EDITABLE | {"created_by"})


def rotate_secret(webhook: Webhook, *, by: "User") -> str:
    """A new secret, which signs from now on, also what waits already."""
    with all_or_nothing():
        lock(webhook)
        secret = _give_secret(webhook)
        webhook.save(update_fields=["salt", "secret_digest"])
    logger.info("Secret of a webhook rotated webhook=%s by=%s", webhook.id, by.id)
    return secret


def _give_secret(webhook: Webhook) -> str:
    webhook.salt = new_salt()
    secret = derived_secret(webhook.salt, key=settings.ML_SIGNING_KEYS[0])
    webhook.secret_digest = digest_of(secret)
    return secret
