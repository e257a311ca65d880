"""Who can lead a project (somebody who can log in), how many one makes, and how long what a lead made holds."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.projects.models import Project, TeamMember

#: More than anybody looks after. The clock goes through all of them every quarter of an hour, beside everybody's.
MOST_PROJECTS = 100


class TooManyProjects(Conflict):
    """You have made a hundred projects that are there still: delete some, or have a colleague make this one."""

    code = "too_many_projects"


def require_room_for_one_more(by: User) -> None:
    """Refuse one project too many of those that a person made, in the transaction that makes it; `TooManyProjects`.

    Administrators of the installation make them for others.
    """
    # What two at once meet at: each counts the other's.
    User.objects.select_for_update(no_key=True).filter(pk=by.pk).first()
    if not by.is_superuser and Project.objects.filter(made_by=by).count() >= MOST_PROJECTS:
        raise TooManyProjects


def require_account(user: User) -> None:
    """Refuse whom only an import named: the project would have a lead whom nobody can ask."""
    if user.is_placeholder:
        raise ValidationError(
            {"role": "An import named this person, who has no account: invite them, or give their work to a member."}
        )


def require_another_lead(member: TeamMember) -> None:
    """`Conflict` where nobody who can log in would lead the project without this member."""
    leads = TeamMember.objects.filter(project=member.project, role=TeamMember.Role.LEAD, user__is_active=True)
    if leads.filter(pk=member.pk).exists() and not leads.exclude(pk=member.pk).exists():
        raise Conflict("A project keeps at least one lead: make somebody else lead first.")


def made_by_a_lead(maker: str) -> Q:
    """Rows of a project that somebody made who leads it, or runs the service, still now.

    Whoever is removed, switched off or no lead any more lets nobody in, not even by what they made before.
    """
    leads = TeamMember.objects.filter(
        project=OuterRef("project"), user=OuterRef(maker), role=TeamMember.Role.LEAD, user__is_active=True
    )
    return Q(Exists(leads)) | Q(**{f"{maker}__is_active": True, f"{maker}__is_superuser": True})


def set_going_by_a_lead() -> Q:
    """What does something by itself goes on for who leads its project still, and for the operator, who is nobody."""
    return made_by_a_lead("created_by") | Q(created_by=None)


def in_use(rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Those that are on and go on, whether or not anybody has stopped the others yet."""
    return rows.filter(set_going_by_a_lead(), is_active=True)
