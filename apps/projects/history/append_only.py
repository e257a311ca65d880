"""Rows that are written once."""

from typing import Any, NoReturn

from django.db import models


class AppendOnlyQuerySet(models.QuerySet[Any]):
    """History is written once; only the deletion of what it is about takes it along."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise TypeError("History cannot be changed.")

    def delete(self) -> NoReturn:
        raise TypeError("History cannot be deleted.")


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
