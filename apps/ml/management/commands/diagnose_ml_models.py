"""`./run manage diagnose_ml_models [--project KEY] [--json]`."""

import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.common.console import add_json_option, as_json, only_warnings
from apps.ml.management.scope import project_by_key
from apps.ml.services.upkeep.diagnosis import diagnose

_MARKS = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}


class Command(BaseCommand):
    """Check migrations, store, credentials, active models and fallbacks; exit 1 if anything is broken."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="KEY", help="only the models and predictions of one project")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_by_key(options["project"]) if options["project"] else None
        with only_warnings(options["verbosity"]):
            findings = diagnose(project.id if project else None)
        if options["json"]:
            self.stdout.write(as_json([asdict(finding) for finding in findings]))
        for finding in [] if options["json"] else findings:
            self.stdout.write(f"{_MARKS[finding.level]} {finding.check}: {finding.message}")
        if any(finding.level == "error" for finding in findings):
            sys.exit(1)
