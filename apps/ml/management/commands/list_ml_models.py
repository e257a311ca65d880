"""`./run manage list_ml_models [--project KEY | --global] [--json]`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.common.console import add_json_option, as_json, table
from apps.ml.management.scope import project_by_key
from apps.ml.model_types import ModelType
from apps.ml.models import MLModel
from apps.ml.reports.tables import model_figures
from apps.ml.services.models.kinds import kind_of

#: Of errors. Those of who does what are shares of hits, which their own report tells.
_UNITS: dict[str, str] = {
    ModelType.EFFORT_PREDICTION: "hours, without estimates",
    ModelType.STORY_POINTS: "points",
    ModelType.TASK_ASSIGNMENT: "-",
    ModelType.SPRINT_DURATION: "share of a sprint",
}


class Command(BaseCommand):
    """List trained models, newest first; the active ones are marked."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        scope = parser.add_mutually_exclusive_group()
        scope.add_argument("--project", metavar="KEY")
        scope.add_argument("--global", dest="is_global", action="store_true")
        parser.add_argument("--active", action="store_true", help="only those that serve")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        models = MLModel.objects.select_related("project")
        if options["project"]:
            models = models.filter(project=project_by_key(options["project"]))
        if options["is_global"]:
            models = models.filter(project__isnull=True)
        if options["active"]:
            models = models.filter(is_active=True)
        rows = list(models)
        if options["json"]:
            self.stdout.write(as_json([model_figures(model) for model in rows]))
        elif not rows:
            self.stdout.write("No model is trained yet: ./run manage train_ml_model effort_prediction --project KEY")
        else:
            self.stdout.write(
                "\n".join(
                    table(
                        ("type", "scope", "version", "status", "learned from", "MAE", "RMSE", "of", "trained"),
                        map(_cells, rows),
                    )
                )
            )


def _cells(model: MLModel) -> tuple[str, ...]:
    return (
        ("* " if model.is_active else "  ") + model.model_type,
        model.project.key if model.project else "global",
        model.version,
        model.status,
        f"{model.training_samples:,} {kind_of(model.model_type).lessons}",
        "-" if model.mae is None else f"{model.mae:.2f}",
        "-" if model.rmse is None else f"{model.rmse:.2f}",
        "-" if model.mae is None else _UNITS[model.model_type],
        f"{model.trained_at:%Y-%m-%d %H:%M}",
    )
