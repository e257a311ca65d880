"""A project with one person of each role, as the tests of projects have it."""

from apps.projects.tests.conftest import as_, lead, people, project, url

__all__ = ["as_", "lead", "people", "project", "url"]
