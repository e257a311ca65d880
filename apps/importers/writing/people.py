"""People whom a source names: found in the team by address or name, else made as users who cannot log in.

Whoever can log in joins a team by accepting an invitation: an import takes nobody in and shows nobody's name.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.db.models.functions import Lower
from django.utils.text import slugify

from apps.accounts.models import User
from apps.importers.records import Person
from apps.projects.models import Project, TeamMember

#: RFC 2606 reserves `.invalid`: no mail can ever reach such an address.
DOMAIN = "{key}.imported.invalid"
LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1


class Team:
    """The people of one project, growing while a file is read."""

    def __init__(self, project: Project, *, now: datetime) -> None:
        self._project, self._now = project, now
        self._by_address: dict[str, User] = {}
        self._by_name: dict[str, User | None] = {}
        for member in TeamMember.objects.filter(project=project).select_related("user"):
            self._remember(member.user)
        self.added = 0

    def learn(self, people: Iterable[Person | None]) -> None:
        """Make sure that everybody named is in the team: at most three queries, however many they are."""
        strangers = {self.address_of(one): one for one in people if one and self.find(one) is None}
        if not strangers:
            return
        users = self._users(list(strangers))
        for address in [address for address, user in users.items() if user.is_active]:
            del users[address]
            one = strangers.pop(address)
            strangers[self._placeholder_of(one)] = one
        new = [
            _without_login(address, one.name, self._now) for address, one in strangers.items() if address not in users
        ]
        users |= {user.email: user for user in User.objects.bulk_create(new)}
        TeamMember.objects.bulk_create(
            TeamMember(project=self._project, user=user, role=TeamMember.Role.MEMBER, joined_at=self._now)
            for user in users.values()
        )
        for user in users.values():
            self._remember(user)
        self.added += len(users)

    def _users(self, addresses: list[str]) -> dict[str, User]:
        """Who of these has an account here, in this team or not."""
        found = User.objects.annotate(address=Lower("email")).filter(address__in=addresses)
        known: dict[str, User] = {user.email.lower(): user for user in found}
        return known

    def find(self, one: Person) -> User | None:
        """The member with this address, else the only one with this name."""
        named = self._by_name.get(one.name.casefold()) if one.name else None
        if named is not None and one.account and named.email.endswith(f"@{self._domain}"):
            # Made for another account of the same name.
            named = None
        known = self._by_address
        return known.get(self.address_of(one)) or known.get(self._placeholder_of(one)) or named

    def address_of(self, one: Person) -> str:
        """The person's own address, or one made of the account or name within this project."""
        return one.email or self._placeholder_of(one)

    def _placeholder_of(self, one: Person) -> str:
        """An address within this project, to which no mail can go."""
        return f"{_local_part(one.account or one.name or one.email)}@{self._domain}"

    @property
    def _domain(self) -> str:
        return DOMAIN.format(key=_domain_label(self._project.key))

    def _remember(self, user: User) -> None:
        self._by_address[user.email.lower()] = user
        name = user.full_name.casefold()
        # Two of the same name cannot be told apart by it.
        self._by_name[name] = None if name in self._by_name and self._by_name[name] != user else user


def _without_login(address: str, name: str, now: datetime) -> User:
    user = User(email=address, full_name=name, date_joined=now, is_active=False)
    user.set_unusable_password()
    return user


def _local_part(name: str) -> str:
    """'42' stays '42'; a name that loses letters on the way gets a digest, so that two names stay two people."""
    plain = slugify(name)
    if plain == name.casefold() and len(plain) <= LONGEST_LOCAL_PART:
        return plain
    digest = hashlib.sha256(name.casefold().encode()).hexdigest()[:8]
    return f"{plain[: LONGEST_LOCAL_PART - 9]}-{digest}".lstrip("-")


def _domain_label(key: str) -> str:
    return key.lower().replace("_", "-").rstrip("-")
