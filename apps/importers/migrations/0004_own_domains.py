"""Placeholders of each project under a domain of its own: keys that differ in a stroke shared one."""

from django.db import migrations
from django.db.models import Q

NOWHERE = ".imported.invalid"


def shared(key):
    return key.lower().replace("_", "-").rstrip("-") + NOWHERE


def own(project):
    return f"{project.key.lower().replace('_', '-')}-{project.pk.hex[-12:]}{NOWHERE}"


def move(apps, schema_editor):
    users, members = apps.get_model("accounts", "User").objects, apps.get_model("projects", "TeamMember").objects
    issues = apps.get_model("projects", "Issue").objects
    projects = {}
    for project in apps.get_model("projects", "Project").objects.only("key"):
        projects.setdefault(shared(project.key), {})[project.pk] = project
    for user in users.filter(is_placeholder=True, email__endswith=NOWHERE).only("email").iterator():
        local, _, domain = user.email.rpartition("@")
        candidates = projects.get(domain, {})
        if len(candidates) > 1:
            teams = members.filter(user=user, project__in=candidates).values_list("project", flat=True)
            candidates = {team: candidates[team] for team in teams}
        # Whose it is cannot be told of one that two teams share: the next import makes each its own.
        if len(candidates) == 1:
            users.filter(pk=user.pk).update(email=f"{local}@{own(*candidates.values())}")
        elif not (
            candidates
            or members.filter(user=user).exists()
            or issues.filter(Q(assignee=user) | Q(reporter=user)).exists()
        ):
            # Its project was deleted.
            user.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("importers", "0003_write_back"),
        ("accounts", "0004_placeholders_of_before"),
        ("projects", "0016_search_by_trigrams"),
    ]

    operations = [migrations.RunPython(move, migrations.RunPython.noop)]
