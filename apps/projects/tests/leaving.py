"""All the ways in which somebody leads a project no more."""

from collections.abc import Callable

from apps.projects.models import TeamMember
from apps.projects.services import change_member, remove_member
from apps.projects.tests.factories import TeamMemberFactory
from conftest import NOW


def _remove(lead: TeamMember) -> None:
    other = TeamMemberFactory(project=lead.project, role="lead")
    remove_member(lead, by=other.user, now=NOW)


def _demote(lead: TeamMember) -> None:
    TeamMemberFactory(project=lead.project, role="lead")
    change_member(lead, role="member")


def _switch_off(lead: TeamMember) -> None:
    lead.user.is_active = False
    lead.user.save()


def _delete(lead: TeamMember) -> None:
    lead.user.delete()


WAYS: dict[str, Callable[[TeamMember], None]] = {
    "removed": _remove,
    "no lead any more": _demote,
    "switched off": _switch_off,
    "deleted": _delete,
}
