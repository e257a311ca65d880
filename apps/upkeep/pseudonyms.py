"""Who was erased: whom an address means, and the row without name, log-in or right that stays in their place."""

import hashlib
import hmac
from collections.abc import Mapping

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import User
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import subject_of

_PERSON = ErasureRecord.Kind.PERSON


def rows_of(email: str) -> "models.QuerySet[User]":
    """The account with this address, and those whom imports named by it or by whatever the person has become."""
    # All, since one of before may have the address in another spelling.
    wanted, rows = mailbox(email), User.objects.values_list("pk", "email", "named_address", "became__email")
    found = [pk for pk, *names in rows if wanted in {mailbox(name) for name in names if name}]
    return User.objects.filter(pk__in=found).order_by("is_placeholder", "pk")


def pseudonym_of(email: str, key: str = "") -> str:
    """What stands in place of whoever has this address, under the first key or a given one."""
    digest = hmac.new(
        (key or settings.ML_SIGNING_KEYS[0]).encode(), mailbox(email).encode(), hashlib.sha256
    ).hexdigest()
    return f"erased-{digest[:12]}@erased.invalid"


def _free_pseudonym(user: User) -> str:
    """The row's own; another one where a former account of the same address has it already."""
    pseudonym = pseudonym_of(user.email)
    taken = User.objects.filter(email=pseudonym).exclude(pk=user.pk).exists()
    return pseudonym_of(f"{user.email} {user.pk}") if taken else pseudonym


def leave_a_pseudonym(user: User) -> dict[str, int]:
    """Remove what would go with the account, and keep a row without name, log-in or right for what stays."""
    counts: dict[str, int] = {}
    for relation in user._meta.related_objects:
        if relation.on_delete is models.CASCADE and not relation.many_to_many:
            rows: models.QuerySet[models.Model] = models.QuerySet(relation.related_model).filter(
                **{relation.field.name: user}
            )
            if count := rows.count():
                counts[relation.related_model._meta.label_lower] = count
                rows.delete()
    sessions = [each.pk for each in Session.objects.all() if each.get_decoded().get("_auth_user_id") == str(user.pk)]
    Session.objects.filter(pk__in=sessions).delete()
    user.groups.clear()
    user.user_permissions.clear()
    user.email, user.full_name, user.last_login = _free_pseudonym(user), "", None
    user.named_address, user.became = "", None
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    user.save()
    return counts | {"accounts.user": 1}


def erased_people(places: Mapping[str, str]) -> dict[str, str]:
    """Which placeholders stand for people who were erased: by their row, or by the address that a source tells."""
    if not ErasureRecord.objects.exists():
        return {}
    rows = {pseudonym_of(place, key): place for place in places for key in settings.ML_SIGNING_KEYS}
    left = User.objects.filter(email__in=rows).values_list("email", flat=True)
    told = {
        subject_of(key, _PERSON, own): place for place, own in places.items() if own for key in settings.ML_SIGNING_KEYS
    }
    recorded = ErasureRecord.objects.filter(kind=_PERSON, subject__in=told).values_list("subject", flat=True)
    return {told[each]: pseudonym_of(told[each]) for each in recorded} | {rows[each]: each for each in left}
