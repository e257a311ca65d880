"""Who is to be told, and what was told to whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Case, Min, Q, QuerySet, When
from django.db.models.expressions import OrderBy

from apps.accounts.models import User
from apps.common.heartbeat import CLOCKS_DIFFER
from apps.common.models import Severity
from apps.notifications.models import Channel, Delivery, Event, Notification, Preference, Webhook
from apps.notifications.waits import MAX_ATTEMPTS, longest_wait
from apps.projects.models import Project, TeamMember
from apps.projects.selectors import is_administrator, projects_visible_to

_DEFAULT = Preference()
#: Of webhooks and connections, which only leads see.
OF_LEADS = (Event.STOPPED,)
_LEAD = TeamMember.Role.LEAD


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person of the project who is told in the app, and from which severity on by e-mail; None: never."""

    user_id: UUID
    email_from: str | None
    is_lead: bool


def rank(severity: str) -> int:
    """Larger is worse."""
    return Severity.values.index(severity)


def severest_first(field: str) -> OrderBy:
    """What is of one moment, as all findings of one look are, in the order in which it is to be read."""
    return Case(*(When(**{field: severity}, then=rank(severity)) for severity in Severity.values)).desc()


def recipients(project: Project) -> list[Recipient]:
    """The project's leads, and members who asked for it, who can still log in."""
    asked = Q(role=_LEAD) | Q(user__notification_preference__as_member=True)
    team = TeamMember.objects.filter(asked, project=project, user__is_active=True)
    columns = team.order_by("id").values_list(
        "user_id", "role", "user__notification_preference__email", "user__notification_preference__least_severity"
    )
    return [
        Recipient(user_id, None if email is False else least_severity or _DEFAULT.least_severity, role == _LEAD)
        for user_id, role, email, least_severity in columns
    ]


def may_still_be_told(user: User, told: Notification) -> bool:
    """Whether the person is in the team, and leads it where only leads are told."""
    place = TeamMember.objects.filter(project=told.project_id, user=user)
    return (place.filter(role=_LEAD) if told.event in OF_LEADS else place).exists()


def preference_of(user: User) -> Preference:
    """What this person chose, or the defaults."""
    return Preference.objects.filter(user=user).first() or Preference(user=user)


def webhooks_of(project: Project) -> QuerySet[Webhook]:
    return Webhook.objects.filter(project=project).order_by("created_at", "id")


def announced(
    project: Project, *, abouts: Iterable[str], topics: Iterable[str], within: timedelta, now: datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """The worst rank that was announced of each thing ever, and of each topic lately."""
    # What lies ahead a clock told that was set back since: it says nothing of when.
    topics_asked, since, until = set(topics), now - within, now + CLOCKS_DIFFER
    of_topic = Q(topic__in=topics_asked, created_at__range=(since, until))
    rows = Notification.objects.filter(Q(about__in=set(abouts)) | of_topic, project=project)
    worst_of: dict[str, int] = {}
    worst_lately: dict[str, int] = {}
    for about, topic, severity, created_at in rows.order_by().values_list("about", "topic", "severity", "created_at"):
        worst_of[about] = max(worst_of.get(about, -1), rank(severity))
        if topic in topics_asked and since <= created_at <= until:
            worst_lately[topic] = max(worst_lately.get(topic, -1), rank(severity))
    return worst_of, worst_lately


def inbox_of(user: User | AnonymousUser) -> QuerySet[Delivery]:
    """A person's notifications, the latest first; those of a project that the person left are gone with it.

    So are those for leads, once the person is none.
    """
    if isinstance(user, AnonymousUser):
        return Delivery.objects.none()
    mine = Delivery.objects.filter(user=user, channel=Channel.IN_APP)
    seen = mine.filter(notification__project__in=projects_visible_to(user))
    if not is_administrator(user):
        led = TeamMember.objects.filter(user=user, role=_LEAD).values("project")
        seen = seen.filter(~Q(notification__event__in=OF_LEADS) | Q(notification__project__in=led))
    return seen.select_related("notification").order_by("-created_at", severest_first("notification__severity"), "id")


def log_of(webhook: Webhook) -> QuerySet[Delivery]:
    """What was sent to a webhook, the latest first, with every try."""
    sent = Delivery.objects.filter(webhook=webhook).select_related("notification")
    return sent.prefetch_related("log").order_by("-created_at", "id")


def due(now: datetime) -> QuerySet[Delivery]:
    """What a worker may send; what is due further ahead than it can be a clock told that has been set back since."""
    latest, is_due = now + CLOCKS_DIFFER, Q(due_at__lte=now)
    for attempts in range(MAX_ATTEMPTS + 2):
        is_due |= Q(attempts=attempts, due_at__gt=latest + longest_wait(attempts))
    return Delivery.objects.filter(is_due, state=Delivery.State.WAITING)


def failed(*, since: datetime) -> QuerySet[Delivery]:
    """What was given up since then, the latest first."""
    rows = Delivery.objects.filter(state=Delivery.State.FAILED, finished_at__gte=since)
    return rows.order_by("-finished_at", "id")


def longest_overdue_seconds(now: datetime) -> float:
    """How long the delivery that has been due for longest has found no worker."""
    oldest = due(now).aggregate(oldest=Min("due_at"))["oldest"]
    return max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
