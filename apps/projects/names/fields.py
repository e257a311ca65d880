"""Fields of requests that name a project or an issue, by key or id."""

import re
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from rest_framework import serializers

from apps.projects.models import KEY_SHAPE
from apps.projects.names.ids import id_in

LONGEST_NAME = 200
_NO_PROJECT = "An id, or a key such as SHOP."


class ProjectName(serializers.CharField):
    """A project by id or key; whether the person may see it is asked where it is looked for."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, **{"help_text": "Key or id of the project.", **options})

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not _can_be_a_project(text):
            raise serializers.ValidationError(_NO_PROJECT)
        return text


class IssueName(serializers.CharField):
    """An issue of a project by id or key."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=LONGEST_NAME, **{"help_text": "Key or id of the issue.", **options})


class _ProjectNameField(forms.CharField):
    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text and not _can_be_a_project(text):
            raise forms.ValidationError(_NO_PROJECT, code="invalid")
        return text


class ProjectNameFilter(django_filters.CharFilter):
    """Rows of a project by id or key; `field_name` is the path to the project."""

    field_class = _ProjectNameField

    def filter(self, qs: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        if not value:
            return qs
        known = id_in(value)
        return qs.filter(**({f"{self.field_name}__id": known} if known else {f"{self.field_name}__key": value.upper()}))


def _can_be_a_project(text: str) -> bool:
    return id_in(text) is not None or re.match(KEY_SHAPE, text.upper()) is not None
