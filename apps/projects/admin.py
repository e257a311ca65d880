"""The domain for administrators: what has rules is shown here and written over the API, where they may all.

That is most of it, and every deletion. History is never edited, by anybody.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.signed_in import signed_in
from apps.common.administration.forms import PlausibleForm
from apps.common.administration.lists import FilteredAsOffered
from apps.projects.models import (
    DayOff,
    FormerMember,
    Issue,
    IssueChange,
    IssueType,
    Project,
    Sprint,
    SprintSnapshot,
    TeamMember,
    WorkflowStatus,
)
from apps.projects.services import update_issue, update_project


class OnlyChanged(FilteredAsOffered):
    """Neither added nor deleted here: what hangs on a row, its service knows."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


class ReadOnly(OnlyChanged):
    """Nor changed."""

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        return False


def all_but(model: type[Model], *changed: str) -> list[str]:
    """Fields that are shown only: also those that the table gets later."""
    return [field.name for field in model._meta.fields if field.editable and field.name not in changed]


class TeamInline(ReadOnly, admin.TabularInline):
    model = TeamMember
    extra = 0


class FormerTeamInline(ReadOnly, admin.TabularInline):
    model = FormerMember
    extra = 0


class DayOffInline(ReadOnly, admin.TabularInline):
    model = DayOff
    extra = 0


class IssueTypeInline(ReadOnly, admin.TabularInline):
    model = IssueType
    extra = 0


class StatusInline(ReadOnly, admin.TabularInline):
    model = WorkflowStatus
    extra = 0


@admin.register(Project)
class ProjectAdmin(OnlyChanged, admin.ModelAdmin):
    """Name and description; all else has rules that the API keeps."""

    list_display = ["key", "name", "created_at"]
    search_fields = ["key", "name"]
    form = PlausibleForm
    readonly_fields = all_but(Project, "name", "description")
    inlines = [TeamInline, FormerTeamInline, DayOffInline, IssueTypeInline, StatusInline]

    def save_model(self, request: HttpRequest, obj: Project, form: Any, change: bool) -> None:
        """Save through the service, beside whoever else changes it."""
        update_project(obj, **{name: form.cleaned_data[name] for name in form.changed_data})


@admin.register(Sprint)
class SprintAdmin(ReadOnly, admin.ModelAdmin):
    """To look at: starting and closing record what they move, which the API does and a form would not."""

    list_display = ["name", "project", "status", "start_date", "end_date"]
    list_filter = ["status"]
    list_select_related = ["project"]
    search_fields = ["name", "project__key"]


@admin.register(SprintSnapshot)
class SprintSnapshotAdmin(ReadOnly, admin.ModelAdmin):
    """What a sprint came to, frozen when it was closed."""

    list_display = ["sprint", "frozen_at", "committed_issues", "completed_issues", "carried_over_issues"]
    list_select_related = ["sprint"]
    exclude = ["standings", "pasts"]


class ChangeInline(ReadOnly, admin.TabularInline):
    model = IssueChange
    extra = 0
    fields = ["changed_at", "field", "old_value", "new_value", "changed_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[IssueChange]:
        return super().get_queryset(request).select_related("changed_by")


@admin.register(Issue)
class IssueAdmin(OnlyChanged, admin.ModelAdmin):
    """Texts and sizes, for slips of the pen."""

    list_display = ["title", "project", "issue_type", "status", "assignee", "story_points", "created_at"]
    list_select_related = ["project", "issue_type", "status", "assignee"]
    list_filter = ["status__category", "project"]
    search_fields = ["title", "external_id", "project__key"]
    form = PlausibleForm
    readonly_fields = all_but(
        Issue, "title", "description", "story_points", "estimated_hours", "actual_hours", "component"
    )
    inlines = [ChangeInline]

    def save_model(self, request: HttpRequest, obj: Issue, form: Any, change: bool) -> None:
        """Save through the service, so that a change of points or estimate goes on record here too."""
        given = {name: form.cleaned_data[name] for name in form.changed_data}
        update_issue(obj, by=signed_in(request), now=timezone.now, **given)


@admin.register(IssueChange)
class IssueChangeAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["issue", "field", "old_value", "new_value", "changed_at", "changed_by"]
    list_filter = ["field"]
    list_select_related = ["issue", "changed_by"]
    date_hierarchy = "changed_at"
    search_fields = ["issue__external_id", "issue__title"]
