"""`./run manage train_ml_model effort_prediction --project KEY`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json, only_warnings, step_display
from apps.common.exceptions import ApplicationError, NotEnoughData
from apps.ml.management.scope import add_scope_arguments, scope_of
from apps.ml.models import ModelType, TrainingRun
from apps.ml.reports.tables import training_report
from apps.ml.services.models.registry import activate
from apps.ml.services.training.jobs import train_here

#: Who answers where there are too few to learn from.
_UNTIL = {
    ModelType.EFFORT_PREDICTION: "Until then hours come from similar issues and averages",
    ModelType.STORY_POINTS: "Until then points come from what other teams' points taught and from averages",
    ModelType.TASK_ASSIGNMENT: "Until then the explained formula suggests people",
    ModelType.SPRINT_DURATION: "Until then what other teams' sprints taught answers",
}


class Command(BaseCommand):
    """Train a model on a project's finished issues, or on all projects', unless a worker does so already."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model_type", choices=ModelType.values)
        add_scope_arguments(parser)
        parser.add_argument("--activate", action="store_true", help="let it serve even if it is not better")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        scope = scope_of(options)
        try:
            with (
                only_warnings(options["verbosity"]),
                step_display(TrainingRun.STEPS, quiet=options["json"]) as progress,
            ):
                training = train_here(
                    options["model_type"], scope.project_id, cause="command", now=timezone.now(), progress=progress
                )
        except NotEnoughData as error:
            raise CommandError(
                f"{error.needed} {error.what} are needed for a model of {scope.name}; {error.have} are there. "
                f"{_UNTIL[options['model_type']]}; each answer says so."
            ) from error
        except ApplicationError as error:
            raise CommandError(error.message) from error
        if options["activate"] and not training.model.is_active:
            with only_warnings(options["verbosity"]):
                activate(training.model, now=training.model.trained_at)
        report = training_report(training, scope.name)
        self.stdout.write(as_json(report.figures) if options["json"] else report.text)
