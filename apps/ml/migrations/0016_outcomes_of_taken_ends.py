"""What was judged by books that were opened or closed anew since is open again: the books of now judge it."""

from django.db import migrations
from django.db.models import F, Q

_BY_BOOKS = ("sprint_outcome", "sprint_risk", "what_if")
_REASONS = (
    "What was to be taken out stayed in the sprint.",
    "What was to be added is not in the sprint.",
    "The sprint ended on another day than supposed.",
    "Other issues came in.",
)
_KEPT_BY_JUDGES = ("unscored", "at_least_so_long")
_BATCH_ROWS = 500


def open_again(apps, schema_editor):
    history = apps.get_model("ml", "PredictionHistory").objects
    of_other_books = Q(sprint__snapshot__isnull=True) | Q(sprint__snapshot__frozen_at__gt=F("scored_at"))
    # Nobody knows when these were given up: where the same books say it, they are so once more.
    given_up = Q(details__unscored__in=_REASONS) & ~Q(sprint__source="")
    judged = history.filter(
        given_up | Q(of_other_books, scored_at__isnull=False), prediction_type__in=_BY_BOOKS, sprint__isnull=False
    ).order_by("id")
    while rows := list(judged.only("details")[:_BATCH_ROWS]):
        for row in rows:
            row.actual_value = row.scored_at = None
            row.details = {name: value for name, value in row.details.items() if name not in _KEPT_BY_JUDGES}
        history.bulk_update(rows, ["actual_value", "scored_at", "details"])


class Migration(migrations.Migration):
    dependencies = [
        ("ml", "0015_whose_record"),
        ("projects", "0022_what_runs_has_not_ended"),
    ]

    operations = [
        # Backwards nothing is to do: they are scored as any other.
        migrations.RunPython(open_again, migrations.RunPython.noop),
    ]
