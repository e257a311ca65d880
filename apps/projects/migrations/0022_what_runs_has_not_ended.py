"""A sprint that runs, or was never begun, has no end and no books that were kept of one.

A tracker that opened it again left both, after which neither its plan nor its tracker could close it.
"""

from django.db import migrations, models


def take_back_ends(apps, schema_editor):
    """Their books are open, and closed at their next end."""
    books, sprints = apps.get_model("projects", "SprintSnapshot").objects, apps.get_model("projects", "Sprint").objects
    _complete_again(books, sprints)
    books.exclude(sprint__status="completed").delete()
    sprints.exclude(status="completed").exclude(completed_at=None).update(completed_at=None)


def _complete_again(books, sprints):
    """Of these a tracker's history told the name alone, which took their end and dates away: what is left is books.

    When they ended nobody knows any more: they are over since their books were closed.
    """
    spoilt = sprints.exclude(source="").filter(
        status="planned", start_date=None, end_date=None, started_at=None, snapshot__isnull=False
    )
    closed_at = books.filter(sprint_id=models.OuterRef("pk")).values("frozen_at")[:1]
    spoilt.update(status="completed", completed_at=models.Subquery(closed_at))


class Migration(migrations.Migration):
    dependencies = [("projects", "0021_sizes_that_are_none")]

    operations = [
        migrations.RunPython(take_back_ends, migrations.RunPython.noop, elidable=True),
        migrations.AddConstraint(
            model_name="sprint",
            constraint=models.CheckConstraint(
                condition=models.Q(completed_at=None) | models.Q(status="completed"),
                name="projects_sprint_ends_once_completed",
            ),
        ),
    ]
