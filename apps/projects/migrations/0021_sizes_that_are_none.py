"""Points that are next to nothing, or of a fraction without end, are unknown from now on: endpoints, files and trackers
let them in, and forecasts of the project could not be worked out."""

from django.db import migrations
from django.utils import timezone

#: As whatever writes them has it now.
LEAST_POINTS, MOST_POINTS = 0.001, 10_000


def forget_traces(apps, schema_editor):
    """Whatever remembers such an issue looks again."""
    issues = apps.get_model("projects", "Issue").objects
    for wrong in ({"story_points__gt": 0, "story_points__lt": LEAST_POINTS}, {"story_points__gt": MOST_POINTS}):
        issues.filter(**wrong).update(story_points=None, updated_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("projects", "0020_plausible_sizes")]

    operations = [migrations.RunPython(forget_traces, migrations.RunPython.noop, elidable=True)]
