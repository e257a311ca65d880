"""Sizes beyond all work, which the administration let in, are unknown from now on; the table refuses new ones."""

from django.db import migrations, models
from django.utils import timezone

import apps.common.columns.kinds as columns
import apps.projects.preferences

#: As the endpoints always had it.
MOST_HOURS, MOST_POINTS = 100_000, 10_000


def forget_slips(apps, schema_editor):
    """One such issue broke the answers about its project; whatever remembers it looks again."""
    issues = apps.get_model("projects", "Issue").objects
    most = {
        "story_points": MOST_POINTS, "estimated_hours": MOST_HOURS, "actual_hours": MOST_HOURS,
        "sub_task_hours": MOST_HOURS, "priority": columns.MOST_OF_A_SMALL_NUMBER,
    }  # fmt: skip
    for name, largest in most.items():
        issues.filter(**{f"{name}__gt": largest}).update(**{name: None}, updated_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0019_who_was_in_a_project'),
    ]

    operations = [
        migrations.AlterField(
            model_name='issue',
            name='actual_hours',
            field=models.FloatField(blank=True, null=True, validators=columns.HOURS),
        ),
        migrations.AlterField(
            model_name='issue',
            name='estimated_hours',
            field=models.FloatField(blank=True, null=True, validators=columns.HOURS),
        ),
        migrations.AlterField(
            model_name='issue',
            name='labels',
            field=models.JSONField(blank=True, default=list, validators=[apps.projects.preferences.names_only]),
        ),
        migrations.AlterField(
            model_name='issue',
            name='priority',
            field=models.PositiveSmallIntegerField(blank=True, null=True, validators=columns.SMALL_NUMBER),
        ),
        migrations.AlterField(
            model_name='issue',
            name='story_points',
            field=models.FloatField(blank=True, null=True, validators=columns.POINTS),
        ),
        migrations.AlterField(
            model_name='workflowstatus',
            name='position',
            field=models.PositiveSmallIntegerField(default=0, validators=columns.SMALL_NUMBER),
        ),
        migrations.RunPython(forget_slips, migrations.RunPython.noop, elidable=True),
    ]
