"""People whom imports name: whose they are, how they become a member's own, and that they go with their project."""

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from django.db import models
from django.db.models.functions import Lower

from apps.accounts.models import User
from apps.projects.models import Issue, IssueChange, Project, TeamMember
from apps.projects.rows import all_or_nothing, lock

#: Changes of these fields name people by id.
PEOPLE = (IssueChange.Field.ASSIGNEE, IssueChange.Field.REPORTER)


#: Told by who erases: of these placeholders' addresses, each with what the source says the person's own is, those of
#: people who were erased, with the pseudonym that stands for each.
ERASED: list[Callable[[Mapping[str, str]], dict[str, str]]] = []


def erased_as(places: Mapping[str, str]) -> dict[str, str]:
    """The pseudonyms of those who were erased, by their placeholder's address."""
    return {place: pseudonym for told in ERASED for place, pseudonym in told(places).items()}


#: RFC 2606 reserves it: no mail can ever reach such an address.
_NOWHERE = "imported.invalid"


def domain_of(project: Project) -> str:
    """Where the placeholders of a project have their addresses: no other project's, now or later, whatever its key."""
    return f"{project.key.lower().replace('_', '-')}-{project.id.hex[-12:]}.{_NOWHERE}"


def placeholders_of(project: Project) -> models.QuerySet[User]:
    """Whom imports into this project named; of an older installation one may stand in further teams."""
    here = models.Q(email__endswith=f"@{domain_of(project)}") | models.Q(memberships__project=project)
    return User.objects.filter(here, is_placeholder=True).distinct()


def forget(placeholders: Collection[UUID]) -> None:
    """Remove those of them that nothing names any more."""
    unnamed = User.objects.filter(
        ~models.Exists(IssueChange.objects.filter(changed_by=models.OuterRef("pk"))),
        pk__in=placeholders, is_placeholder=True, memberships=None, assigned_issues=None, reported_issues=None,
    )  # fmt: skip
    # Past the signals: these are no accounts, and what named them has gone with their project.
    models.QuerySet(User).filter(pk__in=list(unnamed.values_list("pk", flat=True)))._raw_delete(unnamed.db)


@all_or_nothing()
def take_over(member: TeamMember) -> None:
    """Give a new member the work of those of the project's placeholders that the source names by their address."""
    lock(member.project)
    named = User.objects.filter(is_placeholder=True, memberships__project=member.project).alias(
        folded=Lower("named_address")
    )
    for placeholder in named.filter(folded=member.user.email.lower()):
        _hand_over(placeholder, member)


def _hand_over(placeholder: User, member: TeamMember) -> None:
    project, person = member.project, member.user
    issues = Issue.objects.filter(project=project)
    issues.filter(assignee=placeholder).update(assignee=person)
    issues.filter(reporter=placeholder).update(reporter=person)
    # Past the manager: what happened stays as it was told, and it was this person all along.
    changes: models.QuerySet[IssueChange] = models.QuerySet(IssueChange).filter(issue__project=project)
    changes.filter(changed_by=placeholder).update(changed_by=person)
    for column in ("old_value", "new_value"):
        changes.filter(field__in=PEOPLE, **{column: str(placeholder.pk)}).update(**{column: str(person.pk)})
    left = TeamMember.objects.get(project=project, user=placeholder)
    for field in ("is_agent", "available_for_assignment", "absent_from", "absent_until"):
        setattr(member, field, getattr(left, field))
    member.save()
    left.delete()
    # Its row stays, so that the next import knows whose it is; one of an older installation may be in other teams.
    if not placeholder.memberships.exists():
        placeholder.became = person
        placeholder.save(update_fields=["became"])
