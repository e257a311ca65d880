"""Notifications, preferences and webhooks as clients see them."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from apps.common.api.serializers import RefusesUnknownFields, StrictSerializer
from apps.common.exceptions import ApplicationError
from apps.common.models import Severity
from apps.notifications.models import Attempt, Delivery, Event, Preference, Webhook
from apps.notifications.services.webhooks import require_reachable
from apps.projects.names.fields import ProjectName


class NotificationSerializer(serializers.ModelSerializer[Delivery]):
    """Something that you were told."""

    project_id = serializers.UUIDField(source="notification.project_id")
    event = serializers.ChoiceField(source="notification.event", choices=Event.choices)
    severity = serializers.ChoiceField(source="notification.severity", choices=Severity.choices)
    subject = serializers.CharField(source="notification.subject")
    body = serializers.CharField(source="notification.body")
    data = serializers.DictField(  # type: ignore[assignment]  # the API's name for it is also one of the class
        source="notification.data", help_text="The numbers, and the ids of what it is about."
    )

    class Meta:
        model = Delivery
        fields = ["id", "project_id", "event", "severity", "subject", "body", "data", "created_at", "read_at"]
        read_only_fields = fields


class ReadAllRequest(StrictSerializer):
    """Which notifications to mark."""

    project = ProjectName(required=False, allow_null=True, default=None, help_text="Only of this one, by key or id.")


class ReadAllAnswer(serializers.Serializer[Any]):
    """What was marked."""

    marked = serializers.IntegerField(help_text="How many were unread.")


class PreferenceSerializer(RefusesUnknownFields, serializers.ModelSerializer[Preference]):
    """What you want to be sent; in the app you always find everything."""

    email_available = serializers.SerializerMethodField(help_text="Whether this installation can send e-mail at all.")

    class Meta:
        model = Preference
        fields = ["email", "least_severity", "as_member", "email_available"]
        extra_kwargs = {
            "least_severity": {"help_text": "Milder news come without an e-mail."},
            "as_member": {"help_text": "Also of projects that you do not lead."},
        }

    def get_email_available(self, preference: Preference) -> bool:
        return bool(settings.EMAIL_URL)


class WebhookSerializer(RefusesUnknownFields, serializers.ModelSerializer[Webhook]):
    """An address that a project's news are posted to."""

    url = serializers.CharField(
        max_length=500, help_text="http:// or https://, on a public address or in a network that the operator allows."
    )
    created_by = serializers.UUIDField(source="created_by_id", read_only=True, allow_null=True)

    class Meta:
        model = Webhook
        fields = ["id", "url", "is_active", "least_severity", "created_at", "created_by"]
        read_only_fields = ["id", "created_at"]
        extra_kwargs = {"least_severity": {"help_text": "Milder news are not posted."}}

    def validate_url(self, url: str) -> str:
        try:
            require_reachable(url)
        except ApplicationError as error:
            raise serializers.ValidationError(error.message, code=error.code) from error
        return url


class NewWebhookSerializer(WebhookSerializer):
    """A webhook with its secret, which is shown this once."""

    secret = serializers.CharField(read_only=True, help_text="Signs what is posted. It is not shown again.")

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret, which is shown this once."""

    secret = serializers.CharField()


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One try."""

    class Meta:
        model = Attempt
        fields = ["number", "started_at", "duration_ms", "status_code", "error", "excerpt"]
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """What was sent to a webhook, and how each try went."""

    event = serializers.ChoiceField(source="notification.event", choices=Event.choices)
    subject = serializers.CharField(source="notification.subject")
    log = AttemptSerializer(many=True, read_only=True, help_text="Tries, the first first.")

    class Meta:
        model = Delivery
        fields = [
            "id", "event", "subject", "state", "attempts", "due_at", "failure_reason",
            "created_at", "finished_at", "log",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "id": {"help_text": "What the receiver sees as `X-Scrum-ML-Delivery`."},
            "due_at": {"help_text": "While it waits: when it is tried next."},
        }
