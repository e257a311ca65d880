"""What a person is shown of their own account."""

from typing import Any

from rest_framework import serializers

from apps.accounts.models import User


class MembershipSerializer(serializers.Serializer[Any]):
    """A project of the person, with the role there."""

    id = serializers.UUIDField(source="project.id")
    key = serializers.CharField(source="project.key")
    name = serializers.CharField(source="project.name")
    role = serializers.CharField()


class MeSerializer(serializers.ModelSerializer[User]):
    """The account that sent the request."""

    projects = MembershipSerializer(many=True, read_only=True, source="memberships")

    class Meta:
        model = User
        fields = ["id", "email", "full_name", "is_staff", "date_joined", "projects"]
        read_only_fields = fields
