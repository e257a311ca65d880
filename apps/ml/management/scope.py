"""`--project KEY` or `--global`, as several commands take them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from apps.projects.models import Project


@dataclass(frozen=True, slots=True)
class ModelScope:
    """Whose model is meant."""

    project_id: UUID | None
    name: str


def add_scope_arguments(parser: CommandParser) -> None:
    """The two flags, one of which is needed."""
    scope = parser.add_mutually_exclusive_group(required=True)
    scope.add_argument("--project", metavar="KEY", help="the project's own model")
    scope.add_argument("--global", dest="is_global", action="store_true", help="the model of all projects together")


def scope_of(options: dict[str, Any]) -> ModelScope:
    """Read the flags; an unknown key is answered with those that exist."""
    if options["is_global"]:
        return ModelScope(None, "all projects")
    return ModelScope(project_by_key(options["project"]).id, f"project {options['project'].upper()}")


def project_by_key(key: str) -> Project:
    """The project of a key, in whatever case it was typed."""
    project = Project.objects.filter(key=key.upper()).first()
    if project is None:
        known = ", ".join(Project.objects.values_list("key", flat=True)[:10]) or "none yet: import_issues makes one"
        raise CommandError(f"There is no project {key!r}. Projects: {known}.")
    return project
