"""What lists can be narrowed to. A value that cannot be read is an error, not a filter that is ignored."""

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Left
from django_filters.fields import IsoDateTimeField

from apps.common.plausible import date_fault
from apps.common.texts.searching import search_in_turn
from apps.projects.models import Issue, Project, Sprint, WorkflowStatus

MAX_SEARCH_LENGTH = 200
#: Of a description: PostgreSQL's index of words holds so much (a migration says it again), and whatever changes an
#: issue writes its words anew. 2,000 random letters cost 4 ms and 170 kB of log, 100,000 a third of a second and 28 MB.
SEARCHED_CHARACTERS = 2_000


class InstantField(IsoDateTimeField):
    """A date, or a date and time; UTC unless it says otherwise."""

    def clean(self, value: Any) -> datetime | None:
        moment = super().clean(value)
        try:
            # Here, because a database would fail on a moment that has no year in UTC.
            moment = moment.astimezone(UTC) if isinstance(moment, datetime) else None
        except OverflowError as error:
            raise forms.ValidationError("This date is out of range.", code="invalid") from error
        if moment is not None and (fault := date_fault(moment)):
            raise forms.ValidationError(fault, code="invalid")
        return moment


class InstantFilter(django_filters.IsoDateTimeFilter):
    field_class = InstantField


class YesNoField(forms.Field):
    """True or false; django-filter's own takes every other word for 'not asked'."""

    WORDS = {"true": True, "1": True, "false": False, "0": False}

    def to_python(self, value: str | None) -> bool | None:
        if value in self.empty_values:
            return None
        try:
            return self.WORDS[str(value).lower()]
        except KeyError as error:
            raise forms.ValidationError("Write true or false.", code="invalid") from error


class YesNoFilter(django_filters.BooleanFilter):
    field_class = YesNoField


class StableOrderingFilter(django_filters.OrderingFilter):
    """Unknown values last on every database, and ties always in the same order: pages never overlap."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        if not value:
            return qs
        # A name that comes again orders nothing any more, and each is a level of what the database is asked.
        first: dict[str, str] = {}
        for name in filter(None, value):
            first.setdefault(name.removeprefix("-"), name)
        return qs.order_by(*(self._term(qs.model, name) for name in first.values()), "id")

    def _term(self, table: type[Any], name: str) -> Any:
        path = self.get_ordering_value(name.removeprefix("-"))
        # Said of a column that is always known, it would keep SQLite from its index.
        last = {"nulls_last": True} if table._meta.get_field(path).null else {}
        return F(path).desc(**last) if name.startswith("-") else F(path).asc(**last)


class ProjectFilter(django_filters.FilterSet):
    search = django_filters.CharFilter(method="find", max_length=MAX_SEARCH_LENGTH, label="In key or name.")

    class Meta:
        model = Project
        fields: list[str] = []

    def find(self, rows: QuerySet[Project], name: str, value: str) -> QuerySet[Project]:
        return rows.filter(Q(key__icontains=value) | Q(name__icontains=value))


class SprintFilter(django_filters.FilterSet):
    ordering = StableOrderingFilter(fields=["start_date", "end_date", "completed_at", "created_at", "name"])

    class Meta:
        model = Sprint
        fields = ["status"]


class IssueTypeFilter(django_filters.FilterSet):
    ordering = StableOrderingFilter(fields=["name"])


class StatusFilter(django_filters.FilterSet):
    ordering = StableOrderingFilter(fields=["position", "name"])


class DayOffFilter(django_filters.FilterSet):
    ordering = StableOrderingFilter(fields=["day"])


class IssueFilter(django_filters.FilterSet):
    status = django_filters.CharFilter("status__name", max_length=64)
    status_category = django_filters.ChoiceFilter(method="of_category", choices=WorkflowStatus.Category.choices)
    type = django_filters.CharFilter("issue_type__name", max_length=64)
    assignee = django_filters.UUIDFilter("assignee_id")
    unassigned = YesNoFilter("assignee_id", lookup_expr="isnull")
    sprint = django_filters.UUIDFilter("sprint_id")
    backlog = YesNoFilter("sprint_id", lookup_expr="isnull", label="In no sprint.")
    component = django_filters.CharFilter("component", max_length=200)
    created_after = InstantFilter("created_at", lookup_expr="gte", label="At this time or later.")
    resolved_after = InstantFilter("resolved_at", lookup_expr="gte", label="At this time or later.")
    search = django_filters.CharFilter(
        method="find",
        max_length=MAX_SEARCH_LENGTH,
        label=f"In title, external id or the first {SEARCHED_CHARACTERS:,} characters of the description.",
    )
    ordering = StableOrderingFilter(
        fields={
            "created_at": "created_at", "started_at": "started_at", "resolved_at": "resolved_at",
            "updated_at": "updated_at", "due_date": "due_date", "priority": "priority",
            "story_points": "story_points", "title": "title",
        }
    )  # fmt: skip

    class Meta:
        model = Issue
        fields: list[str] = []

    def of_category(self, rows: QuerySet[Issue], name: str, value: str) -> QuerySet[Issue]:
        """By the few statuses of the project: joined, a database reads all of its issues."""
        project = self.request.parser_context["view"].project
        return rows.filter(status__in=WorkflowStatus.objects.filter(project=project, category=value).values("pk"))

    def find(self, rows: QuerySet[Issue], name: str, value: str) -> QuerySet[Issue]:
        search_in_turn(rows, value)
        found = Q(title__icontains=value) | Q(beginning__icontains=value) | Q(external_id__icontains=value)
        return rows.alias(beginning=Left("description", SEARCHED_CHARACTERS)).filter(found)
