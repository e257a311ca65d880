"""Invitations to a team: nobody is in one without having accepted."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.access.models import Invitation
from apps.accounts.mails import MailKind
from apps.accounts.models import User
from apps.accounts.tasks import mail_soon
from apps.common.exceptions import Conflict
from apps.projects.leads import made_by_a_lead
from apps.projects.models import Project, TeamMember
from apps.projects.placeholders import take_over
from apps.projects.rows import all_or_nothing, insert, lock
from apps.projects.services import add_member

#: Whoever was on holiday still finds it.
OPEN_FOR = timedelta(days=30)
#: More that wait at a time is no team that grows, it is an address book.
MOST_OPEN = 100


@all_or_nothing()
def invite(project: Project, *, email: str, role: str, by: User, now: datetime) -> Invitation:
    """Invite an address, with or without an account: the answer is the same."""
    lock(project)
    Invitation.objects.filter(project=project).exclude(_open(now)).delete()
    if TeamMember.objects.filter(project=project, user__email=email).exists():
        raise Conflict("This person is already in the team.")
    waiting = Invitation.objects.filter(project=project)
    if waiting.filter(email=email).exists():
        raise Conflict("This address is invited already; withdraw that invitation to change it.")
    if waiting.count() >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} invitations wait already: withdraw some first.")
    expires_at = now + OPEN_FOR
    made = insert(
        Invitation(project=project, email=email, role=role, invited_by=by, created_at=now, expires_at=expires_at)
    )
    transaction.on_commit(lambda: mail_soon(MailKind.INVITED, email))
    return made


def invitations_of(project: Project, *, now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(_open(now), project=project)


def _open(now: datetime) -> Q:
    """Those that still lead into a team: of somebody who leads it."""
    return Q(made_by_a_lead("invited_by"), expires_at__gt=now)


def invitations_to(user: User, *, now: datetime) -> QuerySet[Invitation]:
    """What this person was invited to, by address, however it is spelled."""
    mine = Invitation.objects.filter(_open(now), email=user.email)
    return mine.select_related("project", "invited_by")


@all_or_nothing()
def accept(invitation: Invitation, *, by: User, now: datetime) -> TeamMember:
    """Take the place in the team, with what an import knows of this person."""
    lock(invitation.project)
    lock(invitation)
    # Of whom was erased meanwhile no invitation tells any more.
    if not invitations_to(by, now=now).filter(pk=invitation.pk).exists():
        raise Conflict("This invitation does not hold any more: ask for a new one.")
    member = add_member(invitation.project, user=by, role=invitation.role, now=now)
    take_over(member)
    invitation.delete()
    return member
