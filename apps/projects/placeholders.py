"""What an import said of a person becomes the person's own, once they have accepted an invitation to the project."""

from django.db import models
from django.db.models.functions import Lower

from apps.accounts.models import User
from apps.projects.models import Issue, IssueChange, TeamMember
from apps.projects.rows import all_or_nothing, lock

#: Changes of these fields name people by id.
_PEOPLE = (IssueChange.Field.ASSIGNEE, IssueChange.Field.REPORTER)


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
        changes.filter(field__in=_PEOPLE, **{column: str(placeholder.pk)}).update(**{column: str(person.pk)})
    left = TeamMember.objects.get(project=project, user=placeholder)
    for field in ("is_agent", "available_for_assignment", "absent_from", "absent_until"):
        setattr(member, field, getattr(left, field))
    member.save()
    left.delete()
    # Its row stays, so that the next import knows whose it is; one of an older installation may be in other teams.
    if not placeholder.memberships.exists():
        placeholder.became = person
        placeholder.save(update_fields=["became"])
