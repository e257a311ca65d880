"""Which links of a project are open, with their addresses, and the form for another one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.dashboard.pages.sprints import sprint_list
from apps.dashboard.services.sharing import DAYS, links_of, token_of
from apps.dashboard.types import Project

#: The page of the project, among the references of sprints.
WHOLE = "project"


class ShareForm(forms.Form):
    """What is shared, for how long, with or without names."""

    what = forms.ChoiceField()
    days = forms.TypedChoiceField(coerce=int)
    people = forms.BooleanField(required=False)

    def __init__(self, project: Project, data: QueryDict | None = None) -> None:
        super().__init__(data)
        self.sprints = {each.reference: each.sprint for each in sprint_list(project)}
        named = [(reference, sprint.name) for reference, sprint in self.sprints.items()]
        what, days = self.fields["what"], self.fields["days"]
        what.choices = [(WHOLE, _("The project")), *named]  # type: ignore[attr-defined]
        days.choices = [  # type: ignore[attr-defined]
            (days, ngettext("%(days)s day", "%(days)s days", days) % {"days": days}) for days in DAYS
        ]

    def wanted(self) -> dict[str, Any]:
        """Of a valid form, as the service takes it."""
        asked = self.cleaned_data
        return {
            "sprint": self.sprints.get(asked["what"]),
            "days": asked["days"],
            "shows_people": asked["people"],
        }


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link and its whole address."""

    link: Any
    address: str


@dataclass(frozen=True, slots=True)
class SharePage:
    """The open links, and what another one may lead to."""

    links: Sequence[OpenLink]
    form: ShareForm


def share_form(project: Project, data: QueryDict) -> ShareForm:
    """The form as it was sent."""
    return ShareForm(project, data)


def share_page(project: Project, request: HttpRequest) -> SharePage:
    """Two queries: the links, and the sprints that can be chosen."""
    links = [OpenLink(each, _address(request, token_of(each))) for each in links_of(project, now=timezone.now())]
    return SharePage(links, ShareForm(project))


def _address(request: HttpRequest, token: str) -> str:
    return request.build_absolute_uri(reverse("dashboard:shared", kwargs={"token": token}))
