"""`./run manage detect_anomalies [--project KEY]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.common.console import only_warnings
from apps.ml.management.scope import project_by_key
from apps.ml.services import AnomalyDetectionService
from apps.ml.services.predictions.switch import predicted_projects
from apps.notifications.tasks import send_soon
from apps.projects.models import Project, Sprint


class Command(BaseCommand):
    """Look now for what is unusual in projects and urgent in their running sprints, and tell it, as workers do."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", metavar="KEY", help="one project; without it, all that have predictions")

    def handle(self, *args: Any, **options: Any) -> None:
        found = [project_by_key(options["project"])] if options["project"] else predicted_projects().order_by("key")
        for project in found:
            with only_warnings(options["verbosity"]):
                self._look_at(project)
        send_soon()

    def _look_at(self, project: Project) -> None:
        service, now = AnomalyDetectionService(), timezone.now()
        rows = service.detect_project_anomalies(project.pk, now=now)
        for row in rows:
            self.stdout.write(f"{project.key}  {row.severity:<8}  {row.description}")
        running = Sprint.objects.filter(project=project, status=Sprint.Status.ACTIVE).order_by("start_date", "id")
        news = sum(service.watch_sprint(sprint.pk, now=now) for sprint in running)
        self.stdout.write(f"{project.key}  anomalies: {len(rows)}; new urgent risks of running sprints: {news}.")
