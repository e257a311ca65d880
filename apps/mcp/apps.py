"""The Model Context Protocol as a Django app."""

from django.apps import AppConfig


class McpConfig(AppConfig):
    """Answers assistants."""

    name = "apps.mcp"
