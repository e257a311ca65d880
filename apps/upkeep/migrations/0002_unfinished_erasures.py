from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("upkeep", "0001_erasure_records")]

    operations = [
        migrations.AddField("erasurerecord", "unfinished", models.BinaryField(null=True)),
    ]
