"""Before, a restore named the backup's installation a predecessor although it may go on beside its copy."""

from django.db import migrations, models


def forget(apps, schema_editor):
    apps.get_model("ml", "Installation").objects.update(predecessors=[])


class Migration(migrations.Migration):
    dependencies = [("ml", "0013_kept_pasts")]
    operations = [
        migrations.AddField("installation", "places", models.JSONField(blank=True, default=list)),
        migrations.RunPython(forget, migrations.RunPython.noop),
    ]
