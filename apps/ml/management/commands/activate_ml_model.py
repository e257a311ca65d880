"""`./run manage activate_ml_model ID`, or `--rollback effort_prediction --project KEY`; `--json`."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.console import add_json_option, as_json, only_warnings
from apps.common.exceptions import ApplicationError
from apps.ml.management.scope import project_by_key
from apps.ml.models import MLModel, ModelType
from apps.ml.reports.tables import model_figures
from apps.ml.services.models.registry import activate, require_sound, roll_back


class Command(BaseCommand):
    """Let a trained model serve in place of the one that does; models of other projects are untouched."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("model_id", nargs="?", help="see list_ml_models --json")
        parser.add_argument("--rollback", metavar="TYPE", choices=ModelType.values, help="the one that served before")
        parser.add_argument("--project", metavar="KEY", help="with --rollback; without it the global model")
        add_json_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["model_id"]) == bool(options["rollback"]):
            raise CommandError("Either the id of a model or --rollback TYPE is needed.")
        try:
            with only_warnings(options["verbosity"]):
                model = self._rolled_back(options) if options["rollback"] else self._activated(options["model_id"])
        except ApplicationError as error:
            raise CommandError(error.message) from error
        told = f"{model} is active; every process serves it within five seconds."
        self.stdout.write(as_json(model_figures(model)) if options["json"] else told)

    def _rolled_back(self, options: dict[str, Any]) -> MLModel:
        project_id = project_by_key(options["project"]).id if options["project"] else None
        return roll_back(options["rollback"], project_id, now=timezone.now())

    def _activated(self, model_id: str) -> MLModel:
        try:
            model = MLModel.objects.select_related("project").get(id=UUID(model_id))
        except (ValueError, MLModel.DoesNotExist) as error:
            raise CommandError(f"There is no model {model_id!r}; list_ml_models --json shows the ids.") from error
        require_sound(model)
        return activate(model, now=timezone.now())
