"""What was written into a tracker is known by the tracker's name of the issue, and outlives the connection."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat


def name_them(apps, schema_editor):
    write_backs = apps.get_model("importers", "WriteBack").objects
    connection = apps.get_model("importers", "Connection").objects.filter(pk=OuterRef("connection"))
    place = connection.annotate(told=Concat("kind", Value(" "), "base_url", Value(" "), "scope"))
    write_backs.update(
        project=Subquery(connection.values("project")[:1]), place=Subquery(place.values("told")[:1])
    )  # fmt: skip
    issue = apps.get_model("projects", "Issue").objects.filter(pk=OuterRef("issue"))
    apps.get_model("importers", "WrittenValue").objects.update(
        external_id=Subquery(issue.values("external_id")[:1]), source_id=Subquery(issue.values("source_id")[:1])
    )
    _check_now(schema_editor)


def find_them(apps, schema_editor):
    """Of what has no issue and no connection an earlier version knows nothing."""
    apps.get_model("importers", "WriteBack").objects.filter(connection=None).delete()
    same = Q(source_id=OuterRef("source_id")) & ~Q(source_id="") | Q(external_id=OuterRef("external_id"))
    issue = apps.get_model("projects", "Issue").objects.filter(
        same, project=OuterRef("write_back__project"), source=OuterRef("write_back__connection__source")
    )  # fmt: skip
    written = apps.get_model("importers", "WrittenValue").objects
    found = written.annotate(found=Subquery(issue.order_by(F("source_id").desc()).values("pk")[:1]))
    for pk, issue_id in list(found.values_list("pk", "found")):
        written.filter(pk=pk).update(issue=issue_id)
    written.filter(issue=None).delete()
    _check_now(schema_editor)


def _check_now(schema_editor):
    """PostgreSQL alters no table of which a row is to be checked at the end."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        schema_editor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [
        ("importers", "0008_taking_back"),
        ("projects", "0020_plausible_sizes"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="writtenvalue", name="importers_written_once"),
        migrations.AddField(
            model_name="writtenvalue",
            name="external_id",
            field=models.CharField(default="", max_length=200),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="writtenvalue",
            name="source_id",
            field=models.CharField(blank=True, default="", max_length=200),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="writeback",
            name="place",
            field=models.CharField(default="", max_length=720),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="writeback",
            name="project",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
            ),
        ),
        migrations.AlterField(
            model_name="writeback",
            name="connection",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="write_backs",
                to="importers.connection",
            ),
        ),
        migrations.AlterField(
            model_name="writtenvalue",
            name="issue",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.issue"
            ),
        ),
        migrations.RunPython(name_them, find_them),
        migrations.AlterField(
            model_name="writeback",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="projects.project"
            ),
        ),
        migrations.RemoveField(model_name="writtenvalue", name="issue"),
        migrations.AddConstraint(
            model_name="writtenvalue",
            constraint=models.UniqueConstraint(
                condition=Q(("source_id", ""), _negated=True),
                fields=("write_back", "source_id"),
                name="importers_written_once_by_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="writtenvalue",
            constraint=models.UniqueConstraint(
                condition=Q(("source_id", "")),
                fields=("write_back", "external_id"),
                name="importers_written_once_by_key",
            ),
        ),
    ]
