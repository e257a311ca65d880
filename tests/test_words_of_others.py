"""Words that another system said, in columns: kept as far as a database takes them, so that what failed has ended."""

import pytest
from django.apps import apps

from apps.common.columns.kinds import LongWordsField, WordsField
from apps.common.exceptions import ApplicationError

pytestmark = pytest.mark.django_db
#: Names of columns that say why something failed.
REASONS = {"error", "failure_reason", "excerpt", "refusal", "cause", "no_forecast_because", "progress_text"}
OURS = [model for model in apps.get_models() if model.__module__.startswith("apps.")]
COLUMNS = [(model, field) for model in OURS for field in model._meta.concrete_fields if field.name in REASONS]
HOSTILE = "no\0\ud800\udc00pe" + "x" * 1_000


@pytest.mark.parametrize(("model", "field"), COLUMNS, ids=[str(field) for _, field in COLUMNS])
def test_a_reason_is_kept_whatever_it_says(model, field):
    assert isinstance(field, WordsField | LongWordsField)
    # Also where no row is changed a database refuses what it cannot read.
    model.objects.filter(pk=None).update(**{field.name: HOSTILE})
    model.objects.filter(**{field.name: HOSTILE}).exists()
    assert field.get_prep_value(HOSTILE) == ("no   pe" + "x" * 1_000)[: field.max_length]


def test_to_a_database_they_are_what_they_were():
    assert {field.deconstruct()[1] for _, field in COLUMNS} == {
        "django.db.models.CharField",
        "django.db.models.TextField",
    }


def test_an_error_that_quotes_others_can_be_written_anywhere():
    assert ApplicationError("It says: no\0\ud800pe\nnow").message == "It says: no  pe\nnow"
    assert ApplicationError("\0").message == ApplicationError.__doc__
