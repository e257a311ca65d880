"""Make the demonstration team: `./run manage seed_demo [--json]`."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json
from apps.projects.demo.story import PASSWORD_FILE, ensure_login, seed_demo_team
from apps.projects.models import Issue


class Command(BaseCommand):
    help = "Make a demonstration team with two years of history up to today. Does nothing where it is there already."
    # The checks import every view: half a second that `./run` need not wait for.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--login-only", action="store_true", help="make the login, not the team")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        user, _ = ensure_login(settings.VAR_DIR)
        password_file = settings.VAR_DIR / PASSWORD_FILE
        if not options["json"]:
            self.stdout.write(f"Login: {user.email}, password in {password_file}")
        shown = {"login": user.email, "password_file": str(password_file)}
        if options["login_only"]:
            if options["json"]:
                self.stdout.write(as_json(shown))
            return
        project, made = seed_demo_team(now=timezone.now())
        completed = Issue.objects.filter(project=project, resolved_at__isnull=False).count()
        if options["json"]:
            self.stdout.write(as_json({**shown, "project": project.key, "is_new": made, "completed_issues": completed}))
            return
        done = "made" if made else "is there already"
        self.stdout.write(f"{project.key} {project.name}: {done}, {completed:,} completed issues.")
