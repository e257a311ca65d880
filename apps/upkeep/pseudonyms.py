"""Who was erased: whom an address means, and the row without name, log-in or right that stays in their place."""

import re
from collections.abc import Callable, Iterator, Mapping

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import ERASED, LONGEST_NAME, User
from apps.accounts.names.pseudonyms import digest_of
from apps.projects.placeholders import place_kept_of
from apps.upkeep.models import ErasureRecord
from apps.upkeep.records import subject_of

_PERSON = ErasureRecord.Kind.PERSON
#: What a pseudonym's row has of its own.
_OF_A_PERSON = (
    "email", "full_name", "last_login", "named_address", "became", "is_active", "is_staff", "is_superuser", "password"
)  # fmt: skip
_BEGINNING = re.compile(r"erased-[0-9a-f]{0,12}(@[a-z.]*)?\Z")
_HOLDS_NO_NAME = re.compile(r"erased-[0-9a-f]{12}@")


def rows_of(email: str) -> "models.QuerySet[User]":
    """The account with this address, and those whom imports named by it or by whatever the person has become."""
    # All, since one of before may have the address in another spelling.
    wanted, rows = mailbox(email), User.objects.values_list("pk", "email", "named_address", "became__email")
    found = [pk for pk, *names in rows if wanted in {mailbox(name) for name in names if name}]
    return User.objects.filter(pk__in=found).order_by("is_placeholder", "pk")


def pseudonym_of(email: str, key: str = "") -> str:
    """What stands in place of whoever has this address, under the first key or a given one."""
    return f"erased-{digest_of(email, key)}{ERASED}"


def _without_a_name(place: str, key: str = "") -> str:
    """What stands in place of an address that we made of a name; its host goes on to tell whose placeholder it is."""
    return f"{pseudonym_of(place, key).partition('@')[0]}@{place.rpartition('@')[2]}"


def named_in_address() -> list[User]:
    """Placeholders whose name was replaced, in all or in part, while the address that we made of it holds it still."""
    replaced = User.objects.filter(is_placeholder=True, full_name__contains="erased-").order_by("pk")
    of_somebody = [user for user in replaced if ERASED in user.full_name or _is_cut(user.full_name)]
    return [user for user in of_somebody if not _HOLDS_NO_NAME.match(user.email)]


def _is_cut(name: str) -> bool:
    """An earlier version cut pseudonyms with the name that they had made too long."""
    return len(name) == LONGEST_NAME and _BEGINNING.search(name) is not None


def take_names_from_addresses() -> dict[str, int]:
    """Of those; an import that goes on naming them finds them by what it makes of the name."""
    named = named_in_address()
    for user in named:
        User.objects.filter(pk=user.pk).update(email=_free(user, _without_a_name))
    return {"accounts.user": len(named)} if named else {}


def _free(user: User, word: Callable[[str], str]) -> str:
    """The row's own; another one where a former account of the same address has it already."""
    own = word(user.email)
    is_taken = User.objects.filter(email=own).exclude(pk=user.pk).exists()
    return word(f"{user.pk} {user.email}") if is_taken else own


def leave_a_pseudonym(user: User) -> dict[str, int]:
    """Remove what would go with the account, and keep a row without name, log-in or right for what stays."""
    if not User.objects.filter(pk=user.pk).exists():
        # It is held by now: before that, it has gone with its project.
        return {}
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
    user.email, user.full_name, user.last_login = _free(user, pseudonym_of), "", None
    user.named_address, user.became = "", None
    user.is_active = user.is_staff = user.is_superuser = False
    user.set_unusable_password()
    # Of what was read before it was held, nothing else is written.
    user.save(update_fields=_OF_A_PERSON)
    return counts | {"accounts.user": 1}


def erased_people(places: Mapping[str, str]) -> dict[str, str]:
    """Which placeholders stand for people who were erased: by their row, or by the address that a source tells."""
    if not ErasureRecord.objects.exists():
        return {}
    rows = {word: place for place in places for word in _words_for(place)}
    left = User.objects.filter(email__in=rows).values_list("email", flat=True)
    told = {
        subject_of(key, _PERSON, own): place for place, own in places.items() if own for key in settings.ML_SIGNING_KEYS
    }
    recorded = ErasureRecord.objects.filter(kind=_PERSON, subject__in=told).values_list("subject", flat=True)
    return {told[each]: pseudonym_of(told[each]) for each in recorded} | {rows[each]: each for each in left}


def _words_for(place: str) -> Iterator[str]:
    """Under which address the placeholder of a place may be now."""
    for key in settings.ML_SIGNING_KEYS:
        yield pseudonym_of(place, key)
        yield (nameless := _without_a_name(place, key))
        # Who lost the name first, and was then found to be the person; and what was kept of a member's place.
        for left in (nameless, place_kept_of(place, key)):
            yield from (pseudonym_of(left, later) for later in settings.ML_SIGNING_KEYS)
