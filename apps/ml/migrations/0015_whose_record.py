"""Whose answers are scored stands in the row from now on: of open ones it is decided once, by who is in the team now."""

from django.db import migrations
from django.db.models import Exists, OuterRef

_JUDGED = ("task_assignment", "sprint_duration", "sprint_risk", "forecast", "what_if")
_BATCH_ROWS = 500


def decide(apps, schema_editor):
    team = apps.get_model("projects", "TeamMember").objects.filter(
        project=OuterRef("project"), user=OuterRef("requested_by"), role__in=("member", "lead")
    )
    history = apps.get_model("ml", "PredictionHistory").objects
    others = history.filter(
        ~Exists(team), prediction_type__in=_JUDGED, actual_value__isnull=True, requested_by__is_superuser=False,
        details__unscored__isnull=True,
    ).order_by("id")  # fmt: skip
    after = None
    while rows := list((others.filter(id__gt=after) if after else others).only("details")[:_BATCH_ROWS]):
        for row in rows:
            row.details["unscored"] = "It was not asked by the team."
        history.bulk_update(rows, ["details"])
        after = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("ml", "0014_predecessors_may_live"),
        ("projects", "0019_who_was_in_a_project"),
    ]

    operations = [
        # Backwards the rows keep it, as they keep every other reason.
        migrations.RunPython(decide, migrations.RunPython.noop),
    ]
