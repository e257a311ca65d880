"""`./run manage detect_anomalies [--project KEY] [--json]`."""

from contextlib import nullcontext
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json, only_warnings
from apps.common.operations.database_faults import by_itself
from apps.ml.management.scope import project_by_key
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.predictions.switch import predicted_projects
from apps.notifications.tasks import send_soon
from apps.projects.models import Project
from apps.projects.unknown_past import standstills_of


class Command(BaseCommand):
    """Look now for what is unusual in projects and urgent in their running sprints, and tell it, as workers do."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="KEY", help="one project; without it, all that have predictions")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        one = options["project"]
        found = [project_by_key(one)] if one else list(predicted_projects().order_by("key"))
        looks = list[dict[str, Any]]()
        for project in found:
            of_many = nullcontext() if one else by_itself("detect_anomalies", project)
            with only_warnings(options["verbosity"]), of_many:
                looks.append(look := _look_at(project))
                if not options["json"]:
                    self._tell(look)
        if options["json"]:
            self.stdout.write(as_json(looks))
        send_soon()
        if failed := len(found) - len(looks):
            raise CommandError(f"Projects that could not be looked at: {failed}; the log has the reasons.")

    def _tell(self, look: dict[str, Any]) -> None:
        for told in look["out_of_step"]:
            self.stdout.write(f"{look['project']}  nothing is looked for: {told}.")
        for row in look["anomalies"]:
            self.stdout.write(f"{look['project']}  {row['severity']:<8}  {row['description']}")
        self.stdout.write(
            f"{look['project']}  anomalies: {len(look['anomalies'])}; "
            f"new urgent risks of running sprints: {look['new_urgent_risks']}."
        )


def _look_at(project: Project) -> dict[str, Any]:
    service, now = AnomalyDetectionService(), timezone.now()
    rows = service.detect_project_anomalies(project.pk, now=now)
    return {
        "project": project.key,
        "out_of_step": [each.sentence() for each in standstills_of(project)],
        "anomalies": [
            {"id": row.pk, "type": row.anomaly_type, "severity": row.severity, "description": row.description}
            for row in rows
        ],
        "new_urgent_risks": service.watch_sprints(project, now=now),
    }
