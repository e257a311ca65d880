"""What was judged by books that were opened or closed anew since is open again: the books of now judge it."""

from django.db import migrations
from django.db.models import F, Q

_BY_BOOKS = ("sprint_outcome", "sprint_risk", "what_if")
_BATCH_ROWS = 500


def open_again(apps, schema_editor):
    history = apps.get_model("ml", "PredictionHistory").objects
    of_other_books = Q(sprint__snapshot__isnull=True) | Q(sprint__snapshot__frozen_at__gt=F("scored_at"))
    scored = history.filter(
        of_other_books, prediction_type__in=_BY_BOOKS, sprint__isnull=False, scored_at__isnull=False
    ).order_by("id")
    while rows := list(scored.only("details")[:_BATCH_ROWS]):
        for row in rows:
            row.actual_value = row.scored_at = None
            row.details.pop("at_least_so_long", None)
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
