"""Links for people without an account: made and withdrawn by leads, signed, read-only, never for ever."""

from datetime import datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import QuerySet

from apps.accounts.models import User
from apps.common.exceptions import Conflict
from apps.dashboard.models import ShareLink
from apps.projects.leads import made_by_a_lead
from apps.projects.models import Project, Sprint
from apps.projects.rows import all_or_nothing, lock

#: A link that outlives a quarter is one that everybody has forgotten.
MOST_DAYS = 90
#: What is offered: a sprint, a month, a quarter.
DAYS = (14, 30, MOST_DAYS)
#: More open links than anybody oversees.
MOST_LINKS = 50
_SIGNER = Signer(salt="apps.dashboard.sharing")


class TooManyLinks(Conflict):
    """This project has so many open links that nobody oversees them: withdraw some first."""

    code = "too_many_links"


@all_or_nothing()
def share(
    project: Project, sprint: Sprint | None, *, days: int, shows_people: bool, by: User, now: datetime
) -> ShareLink:
    """A new link to a project's page, or to that of one of its sprints; raises `TooManyLinks`."""
    lock(project)
    if links_of(project, now=now).count() >= MOST_LINKS:
        raise TooManyLinks
    expires_at = now + timedelta(days=min(days, MOST_DAYS))
    return ShareLink.objects.create(
        project=project, sprint=sprint, shows_people=shows_people, made_by=by, made_at=now, expires_at=expires_at
    )


def withdraw(project: Project, link_id: UUID, *, now: datetime) -> bool:
    """Close a link at once; False where the project has no such open one."""
    return bool(ShareLink.objects.filter(project=project, id=link_id, withdrawn_at=None).update(withdrawn_at=now))


def links_of(project: Project, *, now: datetime) -> QuerySet[ShareLink]:
    """Those that still lead somewhere, the latest first."""
    links = ShareLink.objects.filter(made_by_a_lead("made_by"), project=project, withdrawn_at=None, expires_at__gt=now)
    return links.select_related("sprint", "made_by").order_by("-made_at", "id")


def token_of(link: ShareLink) -> str:
    """What its address ends with."""
    return _SIGNER.sign(link.id.hex)


def shared(token: str, *, now: datetime) -> ShareLink | None:
    """The open link of an address; None for one that was never made, expired, was withdrawn or whose maker left."""
    try:
        link_id = UUID(hex=_SIGNER.unsign(token))
    except (BadSignature, ValueError):
        return None
    related = ("project", "sprint__project", "sprint__snapshot")
    link = ShareLink.objects.filter(made_by_a_lead("made_by"), id=link_id).select_related(*related).first()
    return link if link is not None and link.is_open(now) else None
