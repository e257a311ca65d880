"""Links of two projects are found by the one that waits."""

import django.db.models.deletion
from django.db import migrations, models


def find_those_of_two(apps, schema_editor):
    """By the projects of their issues."""
    links, issues = apps.get_model("projects", "IssueLink").objects, apps.get_model("projects", "Issue").objects
    waiting = issues.filter(pk=models.OuterRef("blocked")).values("project")
    of_two = links.exclude(blocker__project=models.F("blocked__project"))
    of_two.update(waiting_project=models.Subquery(waiting))


class Migration(migrations.Migration):
    dependencies = [("projects", "0023_search_of_beginnings")]

    operations = [
        migrations.AddField(
            model_name="issuelink",
            name="waiting_project",
            field=models.ForeignKey(
                db_constraint=False, db_index=False, editable=False, null=True,
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project",
            ),
        ),
        migrations.AddIndex(
            model_name="issuelink",
            index=models.Index(
                condition=models.Q(("waiting_project__isnull", False)),
                fields=["waiting_project", "blocker"],
                name="projects_link_elsewhere",
            ),
        ),
        migrations.RunPython(find_those_of_two, migrations.RunPython.noop, elidable=True),
    ]
