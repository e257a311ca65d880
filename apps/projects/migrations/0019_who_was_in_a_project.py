from collections.abc import Iterator
from uuid import UUID

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def tell_who_was_in_them(apps, schema_editor):
    """Whom a project's issues name by an account was in its team; when they left was kept nowhere.

    Administrators act in all projects and are in none by that. Who left nothing behind is not known.
    """
    accounts = apps.get_model("accounts", "User").objects.filter(is_placeholder=False, is_superuser=False)
    by_text = {str(pk): pk for pk in accounts.values_list("pk", flat=True)}
    member, former = apps.get_model("projects", "TeamMember"), apps.get_model("projects", "FormerMember")
    present = set(member.objects.values_list("project_id", "user_id"))
    named = {(project, by_text[text]) for project, text in _named(apps) if text in by_text}
    former.objects.bulk_create(
        [former(project_id=project, user_id=user) for project, user in sorted(named - present)], batch_size=500
    )


def _named(apps) -> Iterator[tuple[UUID, str]]:
    issue, change = apps.get_model("projects", "Issue"), apps.get_model("projects", "IssueChange")
    for model, column in [(issue, "assignee_id"), (issue, "reporter_id"), (change, "changed_by_id")]:
        for project, user in model.objects.order_by().values_list("project_id", column).distinct():
            yield project, str(user)
    stood = change.objects.filter(field__in=["assignee", "reporter"]).order_by()
    for column in ("old_value", "new_value"):
        yield from stood.values_list("project_id", column).distinct()


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("accounts", "0004_placeholders_of_before"),
        ("projects", "0018_who_made_a_project"),
    ]

    operations = [
        migrations.CreateModel(
            name="FormerMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("left_at", models.DateTimeField(null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_team",
                        to="projects.project",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["left_at", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("project", "user"), name="projects_former_member_once")
                ],
            },
        ),
        migrations.RunPython(tell_who_was_in_them, migrations.RunPython.noop, elidable=True),
    ]
