"""Addresses are stored as their mailbox: small letters, composed, the host in its own letters."""

import logging
from collections import defaultdict

from django.db import migrations

from apps.accounts.mailboxes import MailboxField, mailbox

logger = logging.getLogger(__name__)


def keep_mailboxes(apps, schema_editor):
    User = apps.get_model("accounts", "User")
    for pk, named in User.objects.exclude(named_address="").values_list("pk", "named_address"):
        if mailbox(named) != named:
            User.objects.filter(pk=pk).update(named_address=named)
    accounts = defaultdict(list)
    for account in User.objects.order_by("date_joined", "pk").values_list("pk", "email", "is_active", "last_login"):
        accounts[mailbox(account[1])].append(account)
    for own, alike in accounts.items():
        winner, stored, *_ = max(alike, key=_claim)
        for pk in (pk for pk, *_ in alike if pk != winner):
            # One that no mail reaches and that can be stored again, by a restore above all; found by erasures.
            User.objects.filter(pk=pk).update(email=f"double-{pk.hex}@double.invalid", named_address=own)
            logger.warning("An account opens by no address, since it has another one's account=%s other=%s", pk, winner)
        if stored != own:
            User.objects.filter(pk=winner).update(email=own)


def _claim(account):
    """Who uses a mailbox has it, of several the last one; then whose it was in this spelling already, then the first."""
    _, email, is_active, last_login = account
    return is_active, last_login.timestamp() if last_login else 0, email == mailbox(email)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_placeholders_of_before")]

    operations = [
        migrations.RemoveConstraint(model_name="user", name="accounts_email_unique_without_case"),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=MailboxField(max_length=254, unique=True),
        ),
        migrations.AlterField(
            model_name="user",
            name="named_address",
            field=MailboxField(blank=True, default="", editable=False, max_length=254),
        ),
        migrations.RunPython(keep_mailboxes, migrations.RunPython.noop),
    ]
