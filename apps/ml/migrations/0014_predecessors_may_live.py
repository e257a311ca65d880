"""Before, a restore named the backup's installation a predecessor although it may go on beside its copy."""

from django.db import migrations


def forget(apps, schema_editor):
    apps.get_model("ml", "Installation").objects.update(predecessors=[])


class Migration(migrations.Migration):
    dependencies = [("ml", "0013_kept_pasts")]
    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
