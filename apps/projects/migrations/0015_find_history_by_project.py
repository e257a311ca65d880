"""Rows of the history know their project, and indexes begin with it: no question reads other projects' history."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery


def name_projects(apps, schema_editor):
    """Each change is of its issue's project; one statement."""
    issues = apps.get_model("projects", "Issue").objects.filter(pk=OuterRef("issue_id")).order_by()
    changes = apps.get_model("projects", "IssueChange").objects.using(schema_editor.connection.alias)
    changes.filter(project=None).update(project_id=Subquery(issues.values("project_id")[:1]))


class Migration(migrations.Migration):

    dependencies = [("projects", "0014_issue_links")]

    operations = [
        migrations.AddField("Project", "issues_removed_at", models.DateTimeField(null=True, editable=False)),
        migrations.AddField(
            "IssueChange",
            "project",
            models.ForeignKey(
                null=True, editable=False, db_index=False, on_delete=django.db.models.deletion.CASCADE,
                related_name="+", db_constraint=False, to="projects.project",
            ),
        ),
        migrations.RunPython(name_projects, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            "IssueChange",
            "project",
            models.ForeignKey(
                editable=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+",
                db_constraint=False,
                to="projects.project",
            ),
        ),
        migrations.AlterField(
            "IssueChange",
            "issue",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="changes",
                to="projects.issue",
            ),
        ),
        migrations.RemoveIndex("IssueChange", "projects_change_by_moment"),
        migrations.AddIndex(
            "IssueChange", models.Index(fields=["project", "changed_at"], name="projects_change_by_moment")
        ),
        migrations.AddIndex(
            "IssueChange", models.Index(fields=["project", "field", "changed_at"], name="projects_change_by_field")
        ),
        migrations.AddIndex(
            "IssueChange",
            models.Index(fields=["new_value"], condition=Q(field="sprint"), name="projects_change_into_sprint"),
        ),
        migrations.AddIndex(
            "IssueChange",
            models.Index(fields=["old_value"], condition=Q(field="sprint"), name="projects_change_out_of_sprint"),
        ),
        migrations.RemoveIndex("Issue", "projects_issue_created"),
        migrations.AddIndex(
            "Issue", models.Index(fields=["project", "-created_at", "id"], name="projects_issue_created")
        ),
        migrations.AddIndex(
            "Issue", models.Index(fields=["project", "assignee", "resolved_at"], name="projects_issue_by_assignee")
        ),
    ]
