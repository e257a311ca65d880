"""The outbox for administrators, to look at. Secrets are nowhere stored; salts and digests are not shown either."""

from django.contrib import admin

from apps.notifications.models import Attempt, Delivery, Notification, Webhook
from apps.projects.admin import ReadOnly


class AttemptInline(ReadOnly, admin.TabularInline):
    model = Attempt
    extra = 0


@admin.register(Notification)
class NotificationAdmin(ReadOnly, admin.ModelAdmin):
    """What was announced."""

    list_display = ["created_at", "project", "event", "severity", "subject"]
    list_filter = ["event", "severity"]
    list_select_related = ["project"]
    search_fields = ["project__key"]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, admin.ModelAdmin):
    """To whom it went, and how each try did."""

    list_display = ["created_at", "notification", "channel", "state", "attempts", "due_at", "failure_reason"]
    list_filter = ["state", "channel"]
    list_select_related = ["notification"]
    search_fields = ["notification__project__key", "failure_reason"]
    inlines = [AttemptInline]
    show_full_result_count = False


@admin.register(Webhook)
class WebhookAdmin(ReadOnly, admin.ModelAdmin):
    """Where projects let their news be posted to."""

    list_display = ["project", "url", "is_active", "least_severity", "created_at", "created_by"]
    list_filter = ["is_active"]
    list_select_related = ["project", "created_by"]
    search_fields = ["project__key"]
    exclude = ["salt", "secret_digest"]
