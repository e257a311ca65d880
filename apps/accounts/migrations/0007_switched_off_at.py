from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_hosts_one_to_one")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="switched_off_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
