"""The administration's log of a project: its entries name project, issues, sprints, and go with them."""

from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from apps.projects.models import Project
from apps.upkeep.texts import way_to_project


def forget_entries(project: Project) -> None:
    """Remove what the log says of a project's rows; while these are there, since they tell whose they are."""
    kinds = ContentType.objects.filter(pk__in=LogEntry.objects.order_by().values("content_type"))
    for kind in kinds:
        model = kind.model_class()
        way = way_to_project(model) if model else None
        if model is None or way is None:
            continue
        entries = LogEntry.objects.filter(content_type=kind)
        logged = {_key(model, text) for text in entries.values_list("object_id", flat=True)} - {None}
        own: models.QuerySet[models.Model] = models.QuerySet(model).filter(pk__in=logged, **{way: project.pk})
        entries.filter(object_id__in=[str(pk) for pk in own.values_list("pk", flat=True)]).delete()
    # Of places in its team that are gone the entry tells the project, and no row.
    named = str(project.pk)
    LogEntry.objects.filter(
        Q(object_id=named) | Q(object_repr__contains=named) | Q(change_message__contains=named)
    ).delete()


def _key(model: type[models.Model], text: str | None) -> Any:
    """As the table has it; None for what can be no key of it, which is no row's."""
    try:
        return model._meta.pk.to_python(text)
    except ValidationError:
        return None
