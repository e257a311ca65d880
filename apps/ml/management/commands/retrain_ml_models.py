"""`./run manage retrain_ml_models [--dry-run] [--json]`."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.common.console import as_json
from apps.ml.services.training.due import models_due, queue_due_trainings
from apps.ml.tasks import send_trainings
from apps.projects.models import Project


class Command(BaseCommand):
    """Queue the trainings that are due, as the schedule does on Mondays; with --dry-run only list them and why."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="list what is due and why, queue nothing")
        parser.add_argument("--json", action="store_true", help="JSON; with --dry-run one object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["dry_run"]:
            queued = list(queue_due_trainings(now=timezone.now()))
            sent = send_trainings(queued)
            told = f"{len(queued)} trainings are queued, {sent} of them sent to workers."
            self.stdout.write(as_json({"queued": queued, "sent": sent}) if options["json"] else told)
            return
        keys = dict(Project.objects.order_by().values_list("pk", "key"))
        count = 0
        for count, due in enumerate(models_due(now=timezone.now()), start=1):  # noqa: B007 - the last count is shown
            line = (
                json.dumps(asdict(due), default=str)
                if options["json"]
                else f"{due.model_type} {keys[due.project_id] if due.project_id else 'global'}: {due.reason}"
            )
            self.stdout.write(line)
        if not options["json"]:
            self.stdout.write(f"{count} due.")
