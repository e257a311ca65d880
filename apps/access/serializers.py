"""What is shown and asked of keys and invitations."""

from typing import Any

from django.http import Http404
from rest_framework import serializers

from apps.access.keys import MOST_DAYS, USUAL_DAYS
from apps.access.models import ApiKey, Invitation
from apps.accounts.scopes import Scope
from apps.common.api.serializers import StrictSerializer
from apps.projects.models import Project, TeamMember
from apps.projects.names.fields import ProjectName
from apps.projects.names.lookup import project_named


class KeySerializer(serializers.ModelSerializer[ApiKey]):
    """A key without its secret."""

    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    project = serializers.UUIDField(source="project_id", allow_null=True, help_text="Null: all projects of yours.")
    project_key = serializers.CharField(source="project.key", default=None, allow_null=True)

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "name",
            "prefix",
            "scopes",
            "project",
            "project_key",
            "created_at",
            "expires_at",
            "last_used_at",
        ]
        read_only_fields = fields


class NewKeySerializer(KeySerializer):
    """A key as it is shown once."""

    key = serializers.SerializerMethodField(help_text="Send it as `Authorization: Bearer KEY`; it is not shown again.")

    class Meta(KeySerializer.Meta):
        fields = [*KeySerializer.Meta.fields, "key"]
        read_only_fields = fields

    def get_key(self, row: ApiKey) -> str:
        return str(self.context["key"])


class KeyRequest(StrictSerializer):
    """What a new key is for."""

    name = serializers.CharField(max_length=100, help_text="What uses it.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices), min_length=1, max_length=len(Scope.values),
        help_text="read: look; predict: ask models; write: issues and sprints; manage: what leads do.",
    )  # fmt: skip
    project = ProjectName(required=False, allow_null=True, default=None, help_text="Key or id; null: all of yours.")
    days = serializers.IntegerField(
        required=False, default=USUAL_DAYS, min_value=1, max_value=MOST_DAYS, help_text="Until it expires."
    )

    def validate_scopes(self, scopes: list[str]) -> list[str]:
        return [scope for scope in Scope.values if scope in scopes]

    def validate_project(self, project_id: Any) -> Project | None:
        if project_id is None:
            return None
        try:
            return project_named(project_id, self.context["request"].user)
        except Http404 as error:
            raise serializers.ValidationError("You are in no such project.", code="does_not_exist") from error


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation as those see it who lead the project."""

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "created_at", "expires_at"]
        read_only_fields = fields


class InvitationRequest(StrictSerializer):
    """Whom to invite, and as what."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=TeamMember.Role.choices, default=TeamMember.Role.MEMBER)


class ReceivedInvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation as the invited person sees it."""

    project_key = serializers.CharField(source="project.key")
    project_name = serializers.CharField(source="project.name")
    invited_by_name = serializers.CharField(source="invited_by.full_name", default="")

    class Meta:
        model = Invitation
        fields = ["id", "project_key", "project_name", "role", "invited_by_name", "created_at", "expires_at"]
        read_only_fields = fields
