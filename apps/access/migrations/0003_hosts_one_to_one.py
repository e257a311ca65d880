"""Invitations to hosts whose letters IDNA 2003 took for others are stored in their own letters, too."""

from importlib import import_module

from django.db import migrations

keep_mailboxes = import_module("apps.access.migrations.0002_mailboxes").keep_mailboxes


class Migration(migrations.Migration):
    dependencies = [("access", "0002_mailboxes"), ("accounts", "0006_hosts_one_to_one")]

    operations = [migrations.RunPython(keep_mailboxes, migrations.RunPython.noop)]
