"""What columns take, whoever writes them: an endpoint, a page, the administration, a command."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from apps.common.hours import LEAST_HOURS, LEAST_POINTS, MOST_HOURS, MOST_POINTS
from apps.common.plausible import LONGEST_TEXT, date_fault, readable, text_fault, texts_in
from apps.common.texts.cutting import cut_between_words

#: The largest value of the column on every database; SQLite takes any.
MOST_OF_A_SMALL_NUMBER = 32_767
Validators = Sequence[Callable[[Any], None]]


def not_an_instant(hours: float) -> None:
    """Nothing (0), or an amount of work."""
    if 0 < hours < LEAST_HOURS:
        raise ValidationError(f"Write 0 or at least {LEAST_HOURS} hours.", code="min_value")


def not_a_trace(points: float) -> None:
    """Nothing (0), or a size."""
    if 0 < points < LEAST_POINTS:
        raise ValidationError(f"Write 0 or at least {LEAST_POINTS} points.", code="min_value")


HOURS: Validators = (MinValueValidator(0), MaxValueValidator(MOST_HOURS), not_an_instant)
POINTS: Validators = (MinValueValidator(0), MaxValueValidator(MOST_POINTS), not_a_trace)
SMALL_NUMBER: Validators = (MinValueValidator(0), MaxValueValidator(MOST_OF_A_SMALL_NUMBER))


class NamesField(models.JSONField):
    """A list of names. Of what an earlier version let in, the texts are read: one row breaks nobody's project."""

    #: Also what is empty is looked at, whether it is a list.
    empty_values = ()

    def deconstruct(self) -> Any:
        """To a database it is what it was: SQLite writes no table anew for it."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", args, options

    def from_db_value(self, *column: Any) -> list[str]:
        return texts_in(super().from_db_value(*column))


class _Told:
    """Words that may be others' (a tracker's, a mail server's): kept as far as people can read them and they fit.

    What ended a piece of work is kept whatever it says: else the work would seem to go on.
    """

    max_length: int | None

    def deconstruct(self) -> Any:
        """To a database it is what it was."""
        name, _, args, options = super().deconstruct()  # type: ignore[misc]
        return name, f"django.db.models.{self.get_internal_type()}", args, options  # type: ignore[attr-defined]

    def get_prep_value(self, value: Any) -> Any:
        told = super().get_prep_value(value)  # type: ignore[misc]
        if not isinstance(told, str):
            return told
        told = readable(told, is_line=False)
        return told if self.max_length is None else cut_between_words(told, self.max_length)


# Django's classes take no arguments of type when they run.
class WordsField(_Told, models.CharField):  # type: ignore[type-arg]
    """In short."""


class LongWordsField(_Told, models.TextField):  # type: ignore[type-arg]
    """In full."""


def fault_of(field: "models.Field[Any, Any]", value: object) -> str | None:
    """Why this is no text or date that anybody means; None if it is. Numbers have validators."""
    if isinstance(value, date):
        return date_fault(value)
    if not isinstance(value, str) or not isinstance(field, (models.CharField, models.TextField)):
        return None
    is_line = isinstance(field, models.CharField)
    if not is_line and len(value) > LONGEST_TEXT:
        return f"Ensure this field has no more than {LONGEST_TEXT} characters."
    # A line that is there can be seen; an empty one says so.
    return text_fault(value, is_line=is_line, is_needed=is_line or not field.blank)
