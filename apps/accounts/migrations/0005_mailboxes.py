"""Addresses are stored as their mailbox: small letters, composed, the host in its own letters."""

import logging

from django.db import migrations
from django.db.models import F

from apps.accounts.mailboxes import MailboxField, mailbox

logger = logging.getLogger(__name__)


def keep_mailboxes(apps, schema_editor):
    User = apps.get_model("accounts", "User")
    for pk, named in User.objects.exclude(named_address="").values_list("pk", "named_address"):
        if mailbox(named) != named:
            User.objects.filter(pk=pk).update(named_address=named)
    # Whose it was in this spelling already, then who logged in last: of two accounts of one mailbox one can have it.
    order = ("-is_active", F("last_login").desc(nulls_last=True), "date_joined", "pk")
    stored = list(User.objects.order_by(*order).values_list("pk", "email"))
    taken, left = {email for _, email in stored if mailbox(email) == email}, 0
    for pk, email in stored:
        if (own := mailbox(email)) == email:
            continue
        if own in taken:
            left += 1
            # One that no mail reaches and that can be stored again, by a restore above all; found by erasures.
            User.objects.filter(pk=pk).update(email=f"double-{pk.hex}@double.invalid", named_address=own)
            continue
        taken.add(own)
        User.objects.filter(pk=pk).update(email=own)
    if left:
        logger.warning("Accounts whose address is another's, spelled otherwise, open by no address: %d", left)


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
