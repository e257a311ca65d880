"""People whom a source names: found in the team by address or name, else made as users who cannot log in.

Whoever can log in joins a team by accepting an invitation: an import takes nobody in and shows nobody's name. Who has
or had an issue is in the team; who only reported is known, and no member: in a public tracker that is anybody.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db.models import Count, Max
from django.db.models.functions import Coalesce
from django.utils.text import slugify

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import User
from apps.common.texts.composing import normalized
from apps.importers.records import Person
from apps.importers.telling.spellings import spellings_of
from apps.importers.writing.traces import Traces
from apps.projects.models import Issue, Project, TeamMember
from apps.projects.placeholders import KNOWN, domain_of, erased_as, place_kept_of

LONGEST_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1
_NOBODY = Person("")
#: Accounts of a source by which it may know one member: each makes an erasure longer.
MOST_PLACES = 20


class Team:
    """The people of one project, growing while a file is read."""

    def __init__(self, project: Project, *, now: datetime, traces: Traces | None = None) -> None:
        self._project, self._now, self._traces = project, now, traces or Traces()
        self.added = 0
        #: How the source spells those who were erased, with the pseudonym that stands for each.
        self.erased: dict[str, str] = {}
        self._look()

    def _look(self) -> None:
        self._by_address: dict[str, User] = {}
        self._by_name: dict[str, User | None] = {}
        #: Places of whom it is known whether they were erased.
        self._asked: set[str] = set()
        self._state = self._present_state()
        members = User.objects.filter(memberships__project=self._project)
        self._members = {user.pk for user in members}
        reporters = Issue.objects.filter(project=self._project).order_by().values("reporter")
        only_named = User.objects.filter(is_placeholder=True, became=None, pk__in=reporters)
        for user in (*members, *only_named.exclude(pk__in=members.values("pk"))):
            self._remember(user)
        # Whoever joined took over what was imported of them: the source goes on naming them as before.
        for was in User.objects.filter(became__in=members).select_related("became"):
            if was.became is not None:
                self._by_address.setdefault(mailbox(was.email), was.became)

    def _present_state(self) -> tuple[int, int, int]:
        """Differs once somebody was taken in, left or became a member in place of whom an import named."""
        members = TeamMember.objects.filter(project=self._project).order_by()
        joined = Count("user__was", distinct=True)
        found = members.aggregate(n=Count("pk", distinct=True), last=Coalesce(Max("pk"), 0), joined=joined)
        return found["n"], found["last"], found["joined"]

    def learn(self, assigned: Iterable[Person | None], *, reporters: Iterable[Person | None] = ()) -> None:
        """Make sure that everybody named is known, and who has or had an issue in the team.

        At most ten queries, however many they are. Who was erased stays a pseudonym, whatever the source goes on
        calling them. An import takes a while: who joined or left since the last batch is looked at anew.
        """
        if self._present_state() != self._state:
            self._look()
        working = [one for one in assigned if one]
        named = (*working, *filter(None, reporters))
        if strangers := {self._known_as(one): one for one in named if not self._is_known(one)}:
            self._make(strangers)
        self._take_in(working)
        self._keep_places(working)

    def _make(self, strangers: Mapping[str, Person]) -> None:
        places = {self._placeholder_of(one): one for one in strangers.values()}
        erased = self._learn_erased(places)
        # Whoever is called like one who was erased is another.
        new_here = {
            place: one
            for place, one in places.items()
            if (self._in_place(one) if place in erased else self.find(one)) is None
        }
        named = {erased.get(place, place): one for place, one in new_here.items()}
        # Of this project, since the address is: who left the team comes back.
        users = {user.email: user for user in User.objects.filter(is_placeholder=True, email__in=named)}
        pseudonyms = set(erased.values())
        new = [
            _placeholder(email, _NOBODY if email in pseudonyms else one, self._now)
            for email, one in named.items()
            if email not in users
        ]
        users |= {user.email: user for user in User.objects.bulk_create(new)}
        self._traces.made(User, *(user.pk for user in new))
        for user in users.values():
            self._remember(user)
        self._by_address |= {place: users[pseudonym] for place, pseudonym in erased.items() if pseudonym in users}

    def _take_in(self, working: Iterable[Person]) -> None:
        found = {user.pk: user for one in working if (user := self.find(one)) and user.pk not in self._members}
        if not found:
            return
        TeamMember.objects.bulk_create(
            TeamMember(project=self._project, user=user, role=TeamMember.Role.MEMBER, joined_at=self._now)
            for user in found.values()
        )
        self._members |= found.keys()
        pseudonyms = set(self.erased.values())
        self.added += sum(user.email not in pseudonyms for user in found.values())
        self._state = self._present_state()

    def _keep_places(self, named: Iterable[Person]) -> None:
        """By which accounts or other addresses the source knows members who log in: an erasure takes these in.

        Nobody is found by them before that: it was told by the name, which another may have, too. So may any number of
        strangers who only report, of whom none is kept.
        """
        found = {self._placeholder_of(one): user for one in named if (user := self._found_elsewhere(one))}
        kept = {place_kept_of(place): user for place, user in found.items() if self._by_address.get(place) != user}
        of_each = Counter(user.pk for address, user in self._by_address.items() if address.startswith(KNOWN))
        new: dict[str, User] = {}
        for address, user in kept.items():
            if self._by_address.get(address) != user and of_each[user.pk] < MOST_PLACES:
                of_each[user.pk] += 1
                new[address] = user
        if not new:
            return
        # Without a trace: it stays where the import is taken back.
        User.objects.bulk_create(
            (_placeholder(address, _NOBODY, self._now, became=user) for address, user in sorted(new.items())),
            update_conflicts=True, unique_fields=["email"], update_fields=["became"],
        )  # fmt: skip
        self._by_address |= new
        self._state = self._present_state()

    def _found_elsewhere(self, one: Person) -> User | None:
        """A member who logs in, whom the source knows by more than name or own address."""
        is_told = one.account or (one.email and mailbox(one.email) not in self._by_address)
        user = self.find(one) if is_told else None
        return None if user is None or user.is_placeholder else user

    def _is_known(self, one: Person) -> bool:
        """By place; by name alone only after it was asked whether a pseudonym stands for whoever had the place."""
        return self._in_place(one) is not None or (
            self._placeholder_of(one) in self._asked and self.find(one) is not None
        )

    def _learn_erased(self, places: Mapping[str, Person]) -> dict[str, str]:
        """By their places, the pseudonyms of those who were erased."""
        erased = erased_as({place: one.email for place, one in places.items()})
        self._asked |= places.keys()
        self.erased |= spellings_of(places, erased)
        # Here already, or joined by a member since.
        here = {place: self._by_address.get(pseudonym) for place, pseudonym in erased.items()}
        self._by_address |= {place: user for place, user in here.items() if user is not None}
        return erased

    def find(self, one: Person) -> User | None:
        """The member with this address, else the only one with this name."""
        named = self._by_name.get(one.name.casefold()) if one.name else None
        if named is not None and one.account and named.email.endswith(f"@{self._domain}"):
            # Made for another account of the same name.
            named = None
        return self._in_place(one) or named

    def _in_place(self, one: Person) -> User | None:
        return self._by_address.get(self._known_as(one)) or self._by_address.get(self._placeholder_of(one))

    def as_found(self, one: Person | None) -> Person | None:
        """Whom the source means by their row, not by its own words; of who was erased that is the pseudonym."""
        user = self.find(one) if one else None
        if user is None:
            return None
        address = user.named_address if user.is_placeholder else user.email
        return Person(user.full_name, address) if user.full_name else Person(address or user.email)

    def _known_as(self, one: Person) -> str:
        """The person's own address, or one made of the account or name within this project."""
        return mailbox(one.email) or self._placeholder_of(one)

    def _placeholder_of(self, one: Person) -> str:
        """An address within this project, to which no mail can go; it does not tell the person's own."""
        return place_of_person(one, self._domain)

    @property
    def _domain(self) -> str:
        return domain_of(self._project)

    def _remember(self, user: User) -> None:
        self._by_address[mailbox(user.email)] = user
        if user.is_placeholder and user.named_address:
            self._by_address[mailbox(user.named_address)] = user
        name = user.full_name.casefold()
        # Two of the same name cannot be told apart by it.
        self._by_name[name] = None if name in self._by_name and self._by_name[name] != user else user


def place_of_person(one: Person, domain: str) -> str:
    """An address within a project's domain, which does not tell the person's own."""
    if one.account or not one.email:
        return f"{_local_part(one.account or one.name)}@{domain}"
    # Two of one name are told apart by their addresses.
    return f"{_with_digest(_slug(one.name), mailbox(one.email))}@{domain}"


def _placeholder(address: str, one: Person, now: datetime, became: User | None = None) -> User:
    user = User(
        email=address, named_address=one.email, full_name=one.name, date_joined=now, is_active=False,
        is_placeholder=True, became=became,
    )  # fmt: skip
    user.set_unusable_password()
    return user


def _local_part(name: str) -> str:
    """'42' stays '42'; a name that loses letters on the way gets a digest, so that two names stay two people."""
    plain = _slug(name)
    if plain == name.casefold() and len(plain) <= LONGEST_LOCAL_PART:
        return plain
    return _with_digest(plain, name.casefold())


def _slug(name: str) -> str:
    # Django decomposes it the same way, and in quadratic time.
    return slugify(normalized("NFKD", name))


def _with_digest(plain: str, whole: str) -> str:
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{plain[: LONGEST_LOCAL_PART - 9]}-{digest}".lstrip("-")
