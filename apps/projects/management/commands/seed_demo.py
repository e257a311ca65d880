"""Make the demonstration team: `./run manage seed_demo`."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.projects.demo.story import PASSWORD_FILE, ensure_login, seed_demo_team
from apps.projects.models import Issue


class Command(BaseCommand):
    help = "Make a demonstration team with two years of history up to today. Does nothing where it is there already."
    # The checks import every view: half a second that `./run` need not wait for.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--login-only", action="store_true", help="make the login, not the team")

    def handle(self, *args: Any, **options: Any) -> None:
        user, _ = ensure_login(settings.VAR_DIR)
        self.stdout.write(f"Login: {user.email}, password in {settings.VAR_DIR / PASSWORD_FILE}")
        if options["login_only"]:
            return
        project, made = seed_demo_team(now=timezone.now())
        completed = Issue.objects.filter(project=project, resolved_at__isnull=False).count()
        done = "made" if made else "is there already"
        self.stdout.write(f"{project.key} {project.name}: {done}, {completed:,} completed issues.")
