"""What an erasure looks for, and where: addresses everywhere, names as far as they are names.

Whoever has an account chooses its name, and whoever imports chooses those of placeholders: neither shall change the
texts of teams that the person had nothing to do with. There a phrase ("Code review", "in the") stays a phrase.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.accounts.models import User
from apps.importers.writing.workflow import category_of
from apps.projects.models import Issue, IssueChange, Project
from apps.projects.placeholders import PEOPLE, domain_of
from apps.upkeep.texts import Within, count_outside

logger = logging.getLogger(__name__)

#: A single short word ("Ann") is in too many others ("annual") to be replaced blindly.
_FEWEST_LETTERS = 5
#: Nobody is named more often by teams that they never worked with; what is, is a phrase.
MOST_ELSEWHERE = 20


#: What a team gives names to, as seen from its project; of states and kinds those that it works with.
_NAMED = (
    "name", "issues__status__name", "issues__issue_type__name", "sprints__name", "issues__component", "issues__title",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sought:
    """Names to erase, in these projects or everywhere."""

    names: Sequence[str]
    projects: Within = None


def addresses_of(user: User) -> list[str]:
    return [address for address in (user.email, user.named_address) if address]


def name_of(user: User) -> str:
    """The whole name, if it cannot be mistaken for a word or for a state of work; else nothing."""
    name = user.full_name.strip()
    return name if len(name) >= _FEWEST_LETTERS and " " in name and not category_of(name) else ""


def names_of(user: User) -> list[str]:
    """What names a person in a text."""
    return [*addresses_of(user), *filter(None, [name_of(user)])]


def sought_for(email: str, people: Iterable[User], *, everywhere: bool = False) -> list[Sought]:
    """What names these rows: the account everywhere, what an import said of a placeholder in that import's project.

    Parameters
    ----------
    everywhere : bool
        Take an account's name for a name wherever it stands.
    """
    all_over, limited = [email], []
    for person in people:
        if person.is_placeholder:
            all_over.append(person.email)
            names = [name for name in names_of(person) if name not in all_over]
            limited.append(Sought(names, _projects_of(person)))
            continue
        all_over += addresses_of(person)
        if name := name_of(person):
            # What is of no project, as the administration's log, is the person's too.
            own = {*_projects_of(person), None}
            if everywhere or not _is_phrase(name, own):
                all_over.append(name)
            else:
                limited.append(Sought([name], frozenset(own)))
    unique = {name.lower(): name for name in reversed(all_over)}
    return [Sought(list(reversed(unique.values()))), *(each for each in limited if each.names and each.projects)]


def _is_phrase(name: str, own: Within) -> bool:
    """Whether teams that the person had nothing to do with call something of theirs so, or say it often."""
    mine = [each for each in own or () if each]
    others = Project.objects.exclude(pk__in=mine)
    called = (f"{way}__iexact" for way in _NAMED)
    is_name = any(others.filter(**{way: name}).exists() for way in called)
    is_phrase = is_name or count_outside([name], own, most=MOST_ELSEWHERE + 1) > MOST_ELSEWHERE
    if is_phrase:
        logger.warning("A name is a phrase in projects that the person had nothing to do with: there it stays")
    return is_phrase


def _projects_of(person: User) -> frozenset[UUID]:
    """Where somebody works or worked, or where an import named the placeholder."""
    domain = person.email.rpartition("@")[2]
    made = [project.pk for project in Project.objects.only("key") if domain_of(project) == domain]
    stands = Issue.objects.filter(Q(assignee=person) | Q(reporter=person)).order_by()
    by_id = Q(field__in=PEOPLE) & (Q(old_value=str(person.pk)) | Q(new_value=str(person.pk)))
    stood = IssueChange.objects.filter(Q(changed_by=person) | by_id).order_by()
    return frozenset(
        [
            *made,
            *person.memberships.values_list("project_id", flat=True),
            *stands.values_list("project_id", flat=True).distinct(),
            *stood.values_list("project_id", flat=True).distinct(),
        ]
    )
