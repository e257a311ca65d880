"""What an erasure looks for, and where: addresses everywhere, names where the person was.

Whoever has an account chooses its name, and whoever imports chooses those of placeholders: neither shall change what is
others'. So a name is replaced in the texts of projects that the person had to do with, and there in nothing that works
by its own name; an address is one person's, wherever it stands. Where else the name stands is told.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.names.needles import Left, Needle, Needles, characters_of, is_in_characters
from apps.accounts.names.reading import folded, plain
from apps.common.texts.composing import normalized
from apps.importers.writing.workflow import category_of
from apps.projects.models import IssueChange, Project, TeamMember
from apps.projects.placeholders import PEOPLE, domain_of
from apps.upkeep.addresses import spellings_of
from apps.upkeep.texts import Within, way_to_project, with_rows

#: A single word ("Grace") is nobody's alone, and two of three letters ("A Do") stand in many a sentence.
_FEWEST_LETTERS = 5
#: Chinese, Japanese and Korean names have two to four, mostly, whole and without blanks; one may be any word.
_FEWEST_CHARACTERS = 2
_KEYS_PER_QUERY = 500
#: What only leads name and what works by its name: the team would find its board, its tracker, its receivers no more.
NAMES_OF_THINGS = frozenset(
    {
        "projects.project.name", "projects.project.waiting_statuses", "projects.project.blocked_statuses",
        "projects.project.unknown_past", "projects.issuetype.name", "projects.workflowstatus.name",
        "projects.sprint.source", "projects.sprint.external_id", "projects.issue.source", "projects.issue.external_id",
        "projects.issue.source_id", "projects.issuelink.source", "importers.connection.base_url",
        "importers.connection.scope", "importers.connection.source", "importers.importrun.source",
        "importers.importrun.mapping", "importers.writeback.place", "importers.writeback.field",
        "importers.writeback.label", "importers.writtenvalue.external_id", "importers.writtenvalue.source_id",
        "importers.writtenvalue.value", "notifications.webhook.url",
    }
)  # fmt: skip
#: The history tells of them by their names.
_NAMED_IN_HISTORY = (IssueChange.Field.STATUS, IssueChange.Field.ISSUE_TYPE)


@dataclass(frozen=True, slots=True)
class Sought:
    """Names to erase: everywhere, or where these people were."""

    names: Sequence[str]
    people: tuple[UUID, ...] = ()
    projects: frozenset[UUID] | None = None
    #: Whether they name nobody but the person, so that they are no names of things.
    are_addresses: bool = True
    #: Names that stay, since they may as well be words; where these people were it is told how often.
    left: Sequence[str] = ()
    #: All rows of the person: how they are called is no other's name.
    own: tuple[UUID, ...] = field(default=(), compare=False)

    @property
    def others(self) -> list[str]:
        """Names of others there, which the texts keep; as of now: who comes before the end has a name, too."""
        names = [name for name in self.names if "@" not in name]
        return sorted({each for name in names for each in _others_named_like(name, self.own, self.projects)})

    @property
    def within(self) -> Within | None:
        """Where it is replaced, by who is there now."""
        if self.projects is None:
            return Within(lambda _: Q(), others=others) if (others := self.others) else None
        return Within(self.rows, frozenset() if self.are_addresses else NAMES_OF_THINGS, self.others)

    def rows(self, model: type[models.Model]) -> Q | None:
        """The rows of their projects, and what is of no project and they did."""
        by = [Q(**{f"{name}__in": self.people}) for each, name in _naming_people() if each is model]
        if model is LogEntry:
            # Of accounts the administration's log tells the name.
            by.append(Q(content_type__app_label="accounts", object_id__in=[str(pk) for pk in self.people]))
            by.append(Q(content_type__app_label="projects", content_type__model="teammember"))
        elif model is User:
            return Q(pk__in=self._placeholders())
        elif way := way_to_project(model):
            by.append(Q(**{f"{way}__in": self.projects}))
        rows = Q()
        for each in by:
            rows |= each
        if model is IssueChange and not self.are_addresses:
            rows &= ~Q(field__in=_NAMED_IN_HISTORY)
        return rows if by else None

    def _placeholders(self) -> set[UUID]:
        """Whom imports named there, whether or not they are in the team still."""
        theirs = Project.objects.filter(pk__in=self.projects or ()).only("key")
        domains = {domain_of(project) for project in theirs}
        team = TeamMember.objects.filter(project__in=self.projects or ()).values_list("user", flat=True)
        named = User.objects.filter(is_placeholder=True).values_list("pk", "email")
        return {pk for pk, email in named if email.rpartition("@")[2] in domains} | set(team)


def addresses_of(user: User) -> list[str]:
    """Each however its domain is written; what an account is named by besides is somebody else's mailbox (0005)."""
    told = [user.email, user.named_address] if user.is_placeholder and user.named_address else [user.email]
    return [spelling for address in told for spelling in spellings_of(address)]


def name_of(user: User) -> str:
    """The whole name, if it cannot be mistaken for a word or for a state of work; else nothing."""
    name = _full_name(user)
    told = plain(name).strip()
    if is_in_characters(name):
        is_whole = len(characters_of(name)) >= _FEWEST_CHARACTERS
    else:
        is_whole = len(told) >= _FEWEST_LETTERS and len(told.split()) > 1
    return name if is_whole and not _is_a_state(folded(told, in_codes=False).split()) else ""


def _is_a_state(words: list[str]) -> bool:
    """Whether these words are one of work, in any order in which they are looked for."""
    orders = (words[at:] + words[:at] for at in range(len(words)))
    return any(category_of(normalized("NFC", " ".join(each))) for each in orders)


def _full_name(user: User) -> str:
    """As it is, if it has a letter."""
    name = user.full_name.strip()
    return name if any(map(str.isalnum, plain(name))) else ""


def names_of(user: User) -> list[str]:
    """What names a person in a text."""
    return [*addresses_of(user), *filter(None, [name_of(user)])]


def sought_for(email: str, people: Iterable[User], *, everywhere: bool = False) -> list[Sought]:
    """What names these rows: the account's addresses everywhere, all else where they were; the former first.

    Parameters
    ----------
    everywhere : bool
        Take an account's name for a name wherever it stands.
    """
    people = list(people)
    own, all_over, limited = tuple(person.pk for person in people), [*spellings_of(email)], []
    for person in people:
        projects = projects_of(person)
        addresses = [] if person.is_placeholder else addresses_of(person)
        name = name_of(person)
        if everywhere and name and not person.is_placeholder:
            addresses.append(name)
        all_over += [person.email, *addresses]
        told = [each for each in addresses_of(person) if each not in all_over]
        limited.append(Sought(told, (person.pk,), projects))
        if name and name not in all_over:
            limited.append(Sought([name], (person.pk,), projects, are_addresses=False, own=own))
        elif (full := _full_name(person)) and full not in all_over:
            limited.append(Sought([], (person.pk,), projects, are_addresses=False, left=[full]))
    everybodys = Sought(list(dict.fromkeys(all_over)), own=own)
    return [everybodys, *(each for each in limited if any(each.names) or each.left)]


def _others_named_like(name: str, erased: Collection[UUID], projects: Collection[UUID] | None) -> list[str]:
    """Names of others, there or anywhere, that share a word with this one and are not this one.

    Whoever has an account keeps its name; a placeholder's that has this one in it is changed.
    """
    needle, changed = Needle(name), Needles([name]).named
    people = User.objects.exclude(full_name="").exclude(pk__in=erased).order_by()
    alike = {
        person.pk: person
        for person in people.only("full_name", "is_placeholder", "email").iterator()
        if needle.shares_a_word_with(person.full_name)
        and not needle.is_one_with(person.full_name)
        and not (person.is_placeholder and changed.search(person.full_name))
    }
    there = set(alike) if projects is None else _people_of(alike, projects)
    return sorted({alike[pk].full_name for pk in there})


def _people_of(among: Mapping[UUID, User], projects: Collection[UUID]) -> set[UUID]:
    """Who of these had to do with any of these projects, or whom an import named there."""
    domains = {domain_of(project) for project in Project.objects.filter(pk__in=projects).only("key")}
    found = {pk for pk, person in among.items() if person.email.rpartition("@")[2] in domains}
    left = [pk for pk in among if pk not in found]
    for part in (left[start : start + _KEYS_PER_QUERY] for start in range(0, len(left), _KEYS_PER_QUERY)):
        for model, name in _naming_people():
            if way := way_to_project(model):
                told = {f"{name}__in": part, f"{way}__in": projects}
                rows: models.QuerySet[models.Model] = models.QuerySet(model).filter(**told)
                found.update(rows.order_by().values_list(name, flat=True).distinct())
        stood = _named_by_id(part).filter(project__in=projects).values_list("old_value", "new_value").distinct()
        by_id = {value for values in stood for value in values}
        found.update(pk for pk in part if str(pk) in by_id)
    return found


def left_of(sought: Iterable[Sought], people: Iterable[User]) -> dict[str, int]:
    """Where a name stands after all: how often, by place.

    An account's as the name of a thing or of others' things, anywhere; what is replaced nowhere, where the person was;
    an address, where a longer one may begin; and a name, within somebody else's.
    """
    accounts = {person.pk for person in people if not person.is_placeholder}
    left: Counter[str] = Counter()
    words: dict[str, Sought] = {}
    for each in sought:
        is_told_anyway = not each.are_addresses and bool(accounts.intersection(each.people))
        others = () if is_told_anyway else each.others
        if names := [name for name in each.names if others or "@" in name]:
            left.update(_places_of(Left(names, others), each.within))
        if each.names and is_told_anyway:
            left.update(_places_of(Needles(each.names)))
        for word in each.left:
            known = words.get(word.casefold(), Sought([word], projects=frozenset(), are_addresses=False))
            among = (known.projects or frozenset()) | (each.projects or frozenset())
            words[word.casefold()] = replace(known, people=(*known.people, *each.people), projects=among)
    for each in words.values():
        left.update(_places_of(Needles(each.names), Within(each.rows)))
    return dict(sorted(left.items()))


def _places_of(needles: Needles, within: Within | None = None) -> Iterator[str]:
    """For each text that holds one, its project's key and its table."""
    for texts in with_rows():
        found, way = [pk for pk, *_ in texts.holding(needles, within)], way_to_project(texts.model)
        keys: dict[object, str] = {}
        for start in range(0, len(found) if way else 0, _KEYS_PER_QUERY):
            rows = texts.rows.filter(pk__in=found[start : start + _KEYS_PER_QUERY])
            keys |= dict(rows.order_by().values_list("pk", f"{way.removesuffix('pk')}key" if way else "pk"))
        yield from (" ".join(filter(None, (keys.get(pk), texts.table))) for pk in found)


def projects_of(person: User) -> frozenset[UUID]:
    """Where somebody works or worked, did or asked for anything, or where an import named the placeholder."""
    domain = person.email.rpartition("@")[2]
    found = {project.pk for project in Project.objects.only("key") if domain_of(project) == domain}
    for model, name in _naming_people():
        if way := way_to_project(model):
            rows: models.QuerySet[models.Model] = models.QuerySet(model).filter(**{name: person.pk})
            found.update(rows.order_by().values_list(way, flat=True).distinct())
    found.update(_named_by_id([person.pk]).values_list("project_id", flat=True).distinct())
    return frozenset(found - {None})


def _named_by_id(people: Collection[UUID]) -> "models.QuerySet[IssueChange]":
    """Changes of who does or reported an issue, from or to one of them."""
    ids = [str(pk) for pk in people]
    return IssueChange.objects.filter(Q(old_value__in=ids) | Q(new_value__in=ids), field__in=PEOPLE).order_by()


@cache
def _naming_people() -> tuple[tuple[type[models.Model], str], ...]:
    """Every table with a column that says who, and that column."""
    # Those without a way back, too.
    relations = User._meta.get_fields(include_hidden=True)
    found = [each for each in relations if isinstance(each, models.ManyToOneRel) and each.related_model is not User]
    return tuple((each.related_model, each.field.name) for each in found)
