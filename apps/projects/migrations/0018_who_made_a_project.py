import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def tell_who_made_them(apps, schema_editor):
    """Whoever makes a project is in it from its first moment."""
    project, member = apps.get_model("projects", "Project"), apps.get_model("projects", "TeamMember")
    makers = member.objects.filter(
        project=models.OuterRef("pk"), joined_at=models.OuterRef("created_at"), user__is_placeholder=False
    )
    project.objects.update(made_by=models.Subquery(makers.order_by("id").values("user")[:1]))


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("projects", "0017_lists_by_title"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="made_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="made_projects",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(tell_who_made_them, migrations.RunPython.noop, elidable=True),
    ]
