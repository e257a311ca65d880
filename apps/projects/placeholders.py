"""People whom imports name: whose they are, how they become a member's own, and that they go with their project."""

import logging
from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone

from apps.accounts.mailboxes import mailbox
from apps.accounts.models import User
from apps.accounts.names.pseudonyms import digest_of
from apps.common.exceptions import Conflict
from apps.projects.models import Issue, IssueChange, Project, TeamMember
from apps.projects.rows import all_or_nothing, in_parts, lock, lock_by_id, lock_issues

logger = logging.getLogger(__name__)

#: Changes of these fields name people by id.
PEOPLE = (IssueChange.Field.ASSIGNEE, IssueChange.Field.REPORTER)

#: What a member has of the place that an import gave them.
_TAKEN_OVER = ("is_agent", "available_for_assignment", "absent_from", "absent_until")

#: Told by who erases: of these placeholders' addresses, each with what the source says the person's own is, those of
#: people who were erased, with the pseudonym that stands for each.
ERASED: list[Callable[[Mapping[str, str]], dict[str, str]]] = []


def erased_as(places: Mapping[str, str]) -> dict[str, str]:
    """The pseudonyms of those who were erased, by their placeholder's address."""
    return {place: pseudonym for told in ERASED for place, pseudonym in told(places).items()}


#: RFC 2606 reserves it: no mail can ever reach such an address.
_NOWHERE = "imported.invalid"
#: With what an address begins that stands for the account of a member in a source.
KNOWN = "known-"


def domain_of(project: Project) -> str:
    """Where the placeholders of a project have their addresses: no other project's, now or later, whatever its key."""
    name = f"{project.key.lower().replace('_', '-')}-{project.id.hex[-12:]}"
    # A host that begins so stands for one in other letters (`apps.accounts.mailboxes`).
    return f"{'key-' if name.startswith('xn--') else ''}{name}.{_NOWHERE}"


def place_kept_of(address: str, key: str = "") -> str:
    """What stands, in its project, for the place by which a source knows a member: who has the place finds it by it."""
    return f"{KNOWN}{digest_of(address, key)}@{address.rpartition('@')[2]}"


def placeholders_of(project: Project) -> models.QuerySet[User]:
    """Whom imports into this project named; of an older installation one may stand in further teams."""
    # Who was erased has another address.
    named = Issue.objects.filter(project=project).order_by().values("reporter")
    team = TeamMember.objects.filter(project=project).values("user")
    here = models.Q(email__endswith=f"@{domain_of(project)}") | models.Q(pk__in=team) | models.Q(pk__in=named)
    return User.objects.filter(here, is_placeholder=True)


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
    theirs = list(waiting_in(member.project).filter(named_address=member.user.email).order_by("pk"))
    places = _places_of(theirs, member.project)
    lock_by_id([member, *places.values()])
    for person in theirs:
        # Who only reported has none.
        if left := places.get(person.pk):
            for field in _TAKEN_OVER:
                setattr(member, field, getattr(left, field))
            member.save(update_fields=_TAKEN_OVER)
        _hand_over(person, left, member)


@all_or_nothing()
def join(placeholder: User, member: TeamMember, *, by: User) -> int:
    """Give a placeholder's work in the project to a member who has an account, for good.

    Returns how many issues name them, as assignee or reporter.

    For whom the source names without an address, so that no invitation could tell whose the work is.
    """
    lock(member.project)
    places = _places_of([placeholder], member.project)
    lock_by_id([member, *places.values()])
    placeholder.refresh_from_db(fields=["named_address", "became"])
    if not placeholder.is_placeholder:
        raise Conflict("This person has an account: only whom an import named is joined to a member.")
    if member.user.is_placeholder:
        raise Conflict("An import named this person, too: choose a member who has an account.")
    if placeholder.became is not None:
        raise Conflict("Somebody else has just given this person's work to a member.")
    address = placeholder.named_address
    if address and mailbox(address) != mailbox(member.user.email):
        raise Conflict("The source names this person by an address: invite it, and what was imported becomes theirs.")
    theirs = models.Q(assignee=placeholder) | models.Q(reporter=placeholder)
    taken = Issue.objects.filter(theirs, project=member.project).count()
    _hand_over(placeholder, places.get(placeholder.pk), member)
    LogEntry.objects.create(
        user=by, content_type=ContentType.objects.get_for_model(TeamMember), object_id=str(member.pk),
        object_repr=str(member.pk), action_flag=CHANGE, change_message=f"Joined {placeholder.pk}.",
    )  # fmt: skip
    logger.info(
        "A placeholder was joined placeholder=%s member=%s project=%s by=%s",
        placeholder.pk, member.user_id, member.project_id, by.pk,
    )  # fmt: skip
    return taken


def waiting_in(project: Project) -> models.QuerySet[User]:
    """Whom imports into this project named, whether they are in the team or only reported, and who is nobody's yet."""
    return placeholders_of(project).filter(became=None)


def _places_of(people: Collection[User], project: Project) -> dict[UUID, TeamMember]:
    return {each.user_id: each for each in TeamMember.objects.filter(project=project, user__in=people)}


def _hand_over(placeholder: User, left: TeamMember | None, member: TeamMember) -> None:
    project, person = member.project, member.user
    touch_work_of([placeholder], within=project)
    issues = Issue.objects.filter(project=project)
    issues.filter(assignee=placeholder).update(assignee=person)
    issues.filter(reporter=placeholder).update(reporter=person)
    # Past the manager: what happened stays as it was told, and it was this person all along.
    changes: models.QuerySet[IssueChange] = models.QuerySet(IssueChange).filter(issue__project=project)
    changes.filter(changed_by=placeholder).update(changed_by=person)
    for column in ("old_value", "new_value"):
        changes.filter(field__in=PEOPLE, **{column: str(placeholder.pk)}).update(**{column: str(person.pk)})
    if left is not None:
        left.delete()
    # Its row stays, so that the next import knows whose it is; one of an older installation may be in other teams.
    if not placeholder.memberships.exists():
        placeholder.became = person
        placeholder.save(update_fields=["became"])


def touch_work_of(people: Collection[User], *, within: Project | None = None) -> None:
    """Mark the issues that name these people, now or in their past: what is told from them is told anew."""
    touched = sorted(lock_issues(work_of(people, within=within)))
    for part in in_parts(touched):
        Issue.objects.filter(pk__in=part).update(updated_at=timezone.now())


def work_of(people: Collection[User], *, within: Project | None = None) -> list[UUID]:
    """The issues that name these people, now or in their past."""
    ids = [str(person.pk) for person in people]
    by_id = models.Q(old_value__in=ids) | models.Q(new_value__in=ids)
    told = IssueChange.objects.filter(models.Q(changed_by__in=people) | models.Q(field__in=PEOPLE) & by_id)
    issues = Issue.objects.all() if within is None else Issue.objects.filter(project=within)
    told = told if within is None else told.filter(issue__project=within)
    named = models.Q(assignee__in=people) | models.Q(reporter__in=people) | models.Q(pk__in=told.values("issue"))
    return list(issues.filter(named).order_by().values_list("pk", flat=True))
