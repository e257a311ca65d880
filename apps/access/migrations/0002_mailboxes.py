"""Invitations name a mailbox, however its address was spelled; of two to one mailbox the newer one stays."""

from django.db import migrations, models

from apps.accounts.mailboxes import MailboxField, mailbox


def keep_mailboxes(apps, schema_editor):
    Invitation = apps.get_model("access", "Invitation")
    seen = set()
    for pk, project, email in Invitation.objects.order_by("-created_at", "pk").values_list("pk", "project", "email"):
        if (project, mailbox(email)) in seen:
            Invitation.objects.filter(pk=pk).delete()
        elif mailbox(email) != email:
            Invitation.objects.filter(pk=pk).update(email=email)
        seen.add((project, mailbox(email)))


class Migration(migrations.Migration):
    dependencies = [("access", "0001_keys_and_invitations"), ("accounts", "0005_mailboxes")]

    operations = [
        migrations.RemoveConstraint(model_name="invitation", name="access_invited_once"),
        migrations.AlterField(model_name="invitation", name="email", field=MailboxField(max_length=254)),
        migrations.RunPython(keep_mailboxes, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.UniqueConstraint(fields=("project", "email"), name="access_invited_once"),
        ),
    ]
