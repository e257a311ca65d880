"""Keys for administrators, to look at and to withdraw."""

from django.contrib import admin

from apps.access.models import ApiKey
from apps.projects.admin import ReadOnly


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, admin.ModelAdmin):
    """Which programs get in, as whom, until when."""

    list_display = ["prefix", "name", "user", "project", "scopes", "created_at", "expires_at", "last_used_at"]
    list_select_related = ["user", "project"]
    search_fields = ["prefix", "user__email"]
    exclude = ["digest"]

    # Django's own: whoever may delete rows of this table withdraws keys.
    has_delete_permission = admin.ModelAdmin.has_delete_permission
