"""Forms of the administration write beside whoever else does: into what is there still, and only what they changed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.common.exceptions import Conflict

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin

_GONE = "Somebody else has just deleted this."
_CHANGED = "Somebody else has just changed the same: look again, then repeat."


def hold_as_read(row: Model, read: Mapping[str, Any]) -> None:
    """Keep other writers out of a row until the transaction ends.

    Raises
    ------
    Conflict
        If it is gone, or is not as it was read: whoever was erased is another by now.
    """
    held = type(row)._default_manager.select_for_update(no_key=True).filter(pk=row.pk).first()
    if held is None:
        raise Conflict(_GONE)
    fields = type(row)._meta.concrete_fields
    if any(field.value_from_object(held) != read[field.name] for field in fields if field.name in read):
        raise Conflict(_CHANGED)


class SavesWhatChanged(_Admin):
    """Django's own writes all columns of a row that it read without a lock, and makes one that is gone anew."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.save(force_insert=True)
            return
        # What is only shown (a password) may change meanwhile, and is not written.
        hold_as_read(obj, {name: form.initial.get(name) for name, field in form.fields.items() if not field.disabled})
        columns = {field.name for field in obj._meta.concrete_fields}
        obj.save(update_fields=columns.intersection(form.changed_data))
