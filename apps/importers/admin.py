"""Connections and imports for administrators, to look at; tokens are not shown."""

from django.contrib import admin

from apps.importers.models import Connection, ImportRun
from apps.projects.admin import ReadOnly


@admin.register(Connection)
class ConnectionAdmin(ReadOnly, admin.ModelAdmin):
    """Who is kept in step with what."""

    list_display = ["project", "kind", "scope", "is_active", "synced_until", "created_by"]
    list_select_related = ["project", "created_by"]
    exclude = ["sealed_token"]


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnly, admin.ModelAdmin):
    """What was imported, and what came of it."""

    list_display = ["created_at", "project", "source", "status", "rows_read", "error"]
    list_filter = ["status", "source"]
    list_select_related = ["project"]
    exclude = ["upload"]
