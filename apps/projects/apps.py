from django.apps import AppConfig
from django.db.models.signals import post_delete
from django.urls import register_converter

from apps.projects.names.converters import DayConverter, IssueConverter, ProjectConverter


class ProjectsConfig(AppConfig):
    name = "apps.projects"
    label = "projects"

    def ready(self) -> None:
        """Addresses of every app know projects and issues by their names; who leaves a team is remembered."""
        register_converter(DayConverter, "day")
        register_converter(IssueConverter, "issue")
        register_converter(ProjectConverter, "project")
        from apps.projects.team.rows import TeamMember, note_who_left  # noqa: PLC0415 - models exist only now

        post_delete.connect(note_who_left, sender=TeamMember, dispatch_uid="note-who-left")
