"""Of a connection one process at a time writes figures: who is at it, and gives signs of life."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("importers", "0009_written_by_name")]

    operations = [
        migrations.AddField(
            "connection", name, models.DateTimeField(null=True, blank=True, editable=False)
        )
        for name in ("writing_since", "writing_seen_at")
    ]
