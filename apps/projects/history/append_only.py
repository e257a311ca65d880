"""Rows that are written once."""

from typing import Any, NoReturn

from django.db import models


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """History is written once; only the deletion of what it is about takes it along."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("History cannot be changed.")

    def delete(self) -> NoReturn:
        raise TypeError("History cannot be deleted.")


class ProjectOfIssue(models.ForeignKey[Any, Any]):
    """The project of a row's issue: nobody says it, whoever writes the row."""

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        """Looked up where it is written; an issue never changes its project."""
        if model_instance.project_id is None:
            model_instance.project_id = model_instance.issue.project_id
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> Any:
        """A plain foreign key to migrations."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class AppendOnlyModel(models.Model):
    """A row of history."""

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; a row that exists is never written again."""
        if not self._state.adding:
            raise TypeError("History cannot be changed.")
        super().save(*args, **kwargs)
