"""People whom earlier imports named: marked, and their real addresses put where nobody logs in by them."""

from django.db import migrations
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat


def mark(apps, schema_editor):
    # Without a password, never here, and switched off: made by an import. Who was erased is nobody's to become.
    made = (
        apps.get_model("accounts", "User")
        .objects.filter(is_active=False, is_staff=False, is_superuser=False, last_login=None, password__startswith="!")
        .exclude(email__endswith="@erased.invalid")
    )
    nowhere = Concat(Cast("pk", CharField()), Value("@imported.invalid"))
    made.exclude(email__endswith=".imported.invalid").update(named_address=F("email"), email=nowhere)
    made.update(is_placeholder=True)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_placeholders")]

    operations = [migrations.RunPython(mark, migrations.RunPython.noop)]
