"""Addresses of the notifications: one's own, and a project's webhooks."""

from django.urls import path

from apps.notifications.viewsets import DeliveryViewSet, NotificationViewSet, WebhookViewSet
from apps.projects.urls import PROJECT, crud

WEBHOOKS = f"{PROJECT}webhooks/"
WEBHOOK = "<uuid:webhook_id>/"

urlpatterns = [
    path("", NotificationViewSet.as_view({"get": "list"}), name="notification-list"),
    path("<uuid:notification_id>/read/", NotificationViewSet.as_view({"post": "read"}), name="notification-read"),
    path("read-all/", NotificationViewSet.as_view({"post": "read_all"}), name="notification-read-all"),
    path(
        "preferences/",
        NotificationViewSet.as_view({"get": "preferences", "patch": "choose"}),
        name="notification-preferences",
    ),
]

#: Below `/api/v1/projects/`.
project_urlpatterns = [
    *crud(WEBHOOKS, WEBHOOK, WebhookViewSet, "webhook"),
    path(
        f"{WEBHOOKS}{WEBHOOK}rotate-secret/", WebhookViewSet.as_view({"post": "rotate_secret"}), name="webhook-secret"
    ),
    path(f"{WEBHOOKS}{WEBHOOK}test/", WebhookViewSet.as_view({"post": "test"}), name="webhook-test"),
    path(f"{WEBHOOKS}{WEBHOOK}deliveries/", DeliveryViewSet.as_view({"get": "list"}), name="webhook-deliveries"),
]
