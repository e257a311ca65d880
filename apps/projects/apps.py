from django.apps import AppConfig
from django.urls import register_converter

from apps.projects.names.converters import DayConverter, IssueConverter, ProjectConverter


class ProjectsConfig(AppConfig):
    name = "apps.projects"
    label = "projects"

    def ready(self) -> None:
        """Addresses of every app know projects and issues by their names."""
        register_converter(DayConverter, "day")
        register_converter(IssueConverter, "issue")
        register_converter(ProjectConverter, "project")
