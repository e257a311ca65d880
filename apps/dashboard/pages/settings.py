"""What a project's leads decide: days, board, people, what is told to whom, and what is not shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from rest_framework.serializers import Serializer

from apps.access import invitations
from apps.access.serializers import InvitationRequest
from apps.common.texts.searching import search_in_turn
from apps.dashboard.types import Project, User
from apps.notifications.selectors import preference_of, webhooks_of
from apps.notifications.serializers import PreferenceSerializer, WebhookSerializer
from apps.notifications.services import inbox, webhooks
from apps.projects import days_off, placeholders, selectors, services
from apps.projects.serializers import (
    DayOffSerializer,
    MemberSerializer,
    ProjectUpdateSerializer,
)

ROLES: Mapping[str, str | Promise] = {
    "viewer": gettext_lazy("viewer"),
    "member": gettext_lazy("member"),
    "lead": gettext_lazy("lead"),
}
SEVERITIES: Mapping[str, str | Promise] = {
    "low": gettext_lazy("low"),
    "medium": gettext_lazy("medium"),
    "high": gettext_lazy("high"),
    "critical": gettext_lazy("critical"),
}
#: An import names any number of people: each has a row with forms of a kilobyte and a half. A team
#: mostly fits on one page.
PEOPLE_A_PAGE = 20
#: As in the backlog.
LONGEST_SEARCH = 200
BOARD_LISTS = ("waiting_statuses", "blocked_statuses")
LABEL_LISTS = ("blocked_labels", "agent_labels")
#: What of a project is a line of text, with its name on the page: those that a project of this version has.
TEXTS: Mapping[str, str | Promise] = {
    "name": gettext_lazy("Name"),
    "time_zone": gettext_lazy("Time zone"),
    "holiday_country": gettext_lazy("Country of the public holidays"),
    "holiday_region": gettext_lazy("Region of the public holidays"),
}
#: What is on or off, with what that means; likewise.
SWITCHES: Mapping[str, tuple[str | Promise, str | Promise]] = {
    "predictions_enabled": (
        gettext_lazy("Predictions"),
        gettext_lazy("Off: nothing is predicted for this project, recorded of it or learned from it."),
    ),
    "hides_until_voted": (
        gettext_lazy("Hide points until the vote is over"),
        gettext_lazy("Points are recommended only for issues that the team has sized itself."),
    ),
    "hides_names": (
        gettext_lazy("Hide people's names in suggestions"),
        gettext_lazy("Suggestions of who could take an issue name nobody."),
    ),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """Something of a project that can be set, with what stands in the form."""

    name: str
    title: str | Promise
    value: Any
    note: str | Promise = ""


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What somebody asked to be changed."""

    project: Project
    values: QueryDict
    by: User
    now: datetime

    def text(self, name: str) -> str:
        """A field of the form."""
        return self.values.get(name, "").strip()

    def day(self, name: str) -> str | None:
        """A day; None for an empty field."""
        return self.text(name) or None


class SettingsPage:
    """Everything that can be set, as it is."""

    def __init__(
        self, project: Project, user: User, values: Mapping[str, str], *, may_change: bool, now: datetime
    ) -> None:
        self.may_change = may_change
        self.roles, self.severities, self.time_zones = ROLES, SEVERITIES, sorted(available_timezones())
        self.search = values.get("q", "").strip()[:LONGEST_SEARCH]
        self.team = Paginator(_people(project, self.search), PEOPLE_A_PAGE).get_page(values.get("page"))
        #: Whose work can be given to a member, of those that are shown, and to whom.
        self.named = [each for each in self.team if may_change and _is_only_named(each)]
        self.with_account = selectors.team_of(project).filter(user__is_placeholder=False) if self.named else []
        self.types = list(selectors.types_of(project))
        self.statuses = list(selectors.statuses_of(project))
        self.days_off = list(selectors.days_off_of(project))
        self.preference = preference_of(user)
        self.webhooks = list(webhooks_of(project)) if may_change else []
        self.invitations = list(invitations.invitations_of(project, now=now)) if may_change else []
        self.labels = {name: ", ".join(getattr(project, name)) for name in LABEL_LISTS}
        known = ProjectUpdateSerializer().fields
        self.texts = [Setting(name, title, getattr(project, name)) for name, title in TEXTS.items() if name in known]
        self.switches = [
            Setting(name, title, getattr(project, name), note)
            for name, (title, note) in SWITCHES.items()
            if name in known
        ]


def _people(project: Project, search: str) -> QuerySet[Any]:
    """The team: who has an account before whom an import named, who may be any number."""
    team = selectors.team_of(project).order_by("user__is_placeholder", "joined_at", "id")
    if not search:
        return team
    search_in_turn(team, search)
    # The address of a placeholder is ours, and tells nothing.
    by_address = Q(user__email__icontains=search, user__is_placeholder=False)
    return team.filter(Q(user__full_name__icontains=search) | Q(user__named_address__icontains=search) | by_address)


def _is_only_named(member: Any) -> bool:
    return bool(member.user.is_placeholder and not member.user.named_address)


# --- The project itself -------------------------------------------------------------------------------------------
def _general(change: SettingsChange) -> None:
    texts = {name: change.text(name) for name in TEXTS if name in change.values}
    _update_project(change, {**texts, "target_date": change.day("target_date")})


def _board(change: SettingsChange) -> None:
    lists = {name: change.values.getlist(name) for name in BOARD_LISTS}
    labels = {name: _parted(change.text(name)) for name in LABEL_LISTS if name in change.values}
    _update_project(change, lists | labels)


def _parted(text: str) -> list[str]:
    return [name for part in text.split(",") if (name := part.strip())]


def _shown(change: SettingsChange) -> None:
    known = ProjectUpdateSerializer().fields
    # A box that is not ticked is not sent.
    _update_project(change, {name: name in change.values for name in SWITCHES if name in known})


def _update_project(change: SettingsChange, fields: Mapping[str, Any]) -> None:
    form = ProjectUpdateSerializer(change.project, data=fields, partial=True)
    services.update_project(change.project, **_checked(form))


def _types(change: SettingsChange) -> None:
    counted = set(change.values.getlist("counts"))
    for each in selectors.types_of(change.project):
        if each.counts != (str(each.pk) in counted):
            services.update_issue_type(each, counts=not each.counts)


# --- People -------------------------------------------------------------------------------------------------------
def _invite(change: SettingsChange) -> str:
    form = InvitationRequest(data={"email": change.text("email"), "role": change.text("role")})
    invitations.invite(change.project, by=change.by, now=change.now, **_checked(form))
    return _("Whoever reads this address is in the team once the invitation is accepted.")


def _withdraw(change: SettingsChange) -> None:
    waiting = invitations.invitations_of(change.project, now=change.now)
    get_object_or_404(waiting, pk=_uuid(change, "invitation")).delete()


def _change_member(change: SettingsChange) -> None:
    member = get_object_or_404(selectors.team_of(change.project), pk=_number(change, "member"))
    fields = {
        "role": change.text("role"),
        "available_for_assignment": "available_for_assignment" in change.values,
        "absent_from": change.day("absent_from"),
        "absent_until": change.day("absent_until"),
    }
    services.change_member(member, **_checked(MemberSerializer(member, data=fields, partial=True)))


def _join(change: SettingsChange) -> str:
    team = selectors.team_of(change.project)
    placeholder = get_object_or_404(team, pk=_number(change, "member")).user
    member = get_object_or_404(team, pk=_number(change, "with"))
    taken = placeholders.join(placeholder, member, by=change.by)
    told = ngettext("%(n)s issue is now this member's.", "%(n)s issues are now this member's.", taken)
    return told % {"n": taken}


def _remove_member(change: SettingsChange) -> None:
    member = get_object_or_404(selectors.team_of(change.project), pk=_number(change, "member"))
    services.remove_member(member, by=change.by, now=timezone.now)


# --- Days off -----------------------------------------------------------------------------------------------------
def _add_day_off(change: SettingsChange) -> None:
    form = DayOffSerializer(data={"day": change.day("day"), "name": change.text("name")})
    days_off.create_day_off(change.project, **_checked(form))


def _remove_day_off(change: SettingsChange) -> None:
    day = get_object_or_404(selectors.days_off_of(change.project), pk=_number(change, "day_off"))
    days_off.delete_day_off(day)


# --- What is told -------------------------------------------------------------------------------------------------
def _notifications(change: SettingsChange) -> None:
    fields = {
        "email": "email" in change.values,
        "as_member": "as_member" in change.values,
        "least_severity": change.text("least_severity"),
    }
    form = PreferenceSerializer(preference_of(change.by), data=fields, partial=True)
    inbox.choose(change.by, **_checked(form))


def _add_webhook(change: SettingsChange) -> str:
    fields = {"url": change.text("url"), "least_severity": change.text("least_severity")}
    _webhook, secret = webhooks.create_webhook(
        change.project, by=change.by, now=change.now, **_checked(WebhookSerializer(data=fields))
    )
    return _("Its secret, shown this once: %(secret)s") % {"secret": secret}


def _switch_webhook(change: SettingsChange) -> None:
    webhook = get_object_or_404(webhooks_of(change.project), pk=change.text("webhook"))
    # What the button said when the page was made: meanwhile somebody, or a rule, may have switched it.
    wanted = {"on": True, "off": False}.get(change.text("to"))
    if wanted is None:
        raise Http404
    if webhook.is_active != wanted:
        webhooks.update_webhook(webhook, by=change.by, is_active=wanted)


def _remove_webhook(change: SettingsChange) -> None:
    get_object_or_404(webhooks_of(change.project), pk=change.text("webhook")).delete()


#: What can be changed, by the last part of the address.
CHANGES: Mapping[str, Callable[[SettingsChange], str | None]] = {
    "general": _general,
    "board": _board,
    "shown": _shown,
    "types": _types,
    "invite": _invite,
    "withdraw": _withdraw,
    "member": _change_member,
    "remove-member": _remove_member,
    "join": _join,
    "add-day-off": _add_day_off,
    "remove-day-off": _remove_day_off,
    "notifications": _notifications,
    "add-webhook": _add_webhook,
    "switch-webhook": _switch_webhook,
    "remove-webhook": _remove_webhook,
}
#: What everybody chooses for oneself.
OWN = frozenset({"notifications"})


def _checked(form: Serializer[Any]) -> dict[str, Any]:
    form.is_valid(raise_exception=True)
    fields: dict[str, Any] = form.validated_data
    return fields


def _uuid(change: SettingsChange, name: str) -> UUID:
    try:
        return UUID(change.text(name))
    except ValueError as error:
        raise Http404 from error


def _number(change: SettingsChange, name: str) -> int:
    text = change.text(name)
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Http404
    return int(text)
