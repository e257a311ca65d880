"""What a person is shown of their own account."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
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

    projects = serializers.SerializerMethodField(help_text="Through a key of one project: that one.")

    class Meta:
        model = User
        fields = ["id", "email", "full_name", "is_staff", "date_joined", "projects"]
        read_only_fields = fields

    @extend_schema_field(MembershipSerializer(many=True))
    def get_projects(self, person: User) -> Any:
        seen = [each for each in person.memberships.all() if person.confined_to in (None, each.project_id)]
        return MembershipSerializer(seen, many=True).data
