"""Hosts whose letters IDNA 2003 took for others (ß, ς, joiners) are stored in their own letters, too."""

from importlib import import_module

from django.db import migrations

keep_mailboxes = import_module("apps.accounts.migrations.0005_mailboxes").keep_mailboxes


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_mailboxes")]

    operations = [migrations.RunPython(keep_mailboxes, migrations.RunPython.noop)]
