"""What a person is shown of their own account, and asked for to get in."""

from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.models import User
from apps.common.api.serializers import StrictSerializer

#: Longer ones are no passwords, and hashing reads every character.
LONGEST_PASSWORD = 1_000
LONGEST_TOKEN = 20_000


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


class PasswordField(serializers.CharField):
    """A password as it was typed, blanks included."""

    #: Whatever somebody chose, visible or not.
    is_secret = True

    def __init__(self, **options: Any) -> None:
        style = {"input_type": "password"}
        super().__init__(max_length=LONGEST_PASSWORD, trim_whitespace=False, write_only=True, style=style, **options)


class NewPasswordField(PasswordField):
    """One that may be chosen."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        password = super().run_validation(data)
        try:
            validate_password(password)
        except ValidationError as error:
            raise serializers.ValidationError(list(error.messages), code="password") from error
        return password


class CredentialsRequest(StrictSerializer):
    """What opens a log-in."""

    email = serializers.CharField(max_length=254)
    password = PasswordField()


class RefreshRequest(StrictSerializer):
    """The token that was got last."""

    refresh = serializers.CharField(max_length=LONGEST_TOKEN)


class TokensSerializer(serializers.Serializer[Any]):
    """Tokens of a log-in."""

    access = serializers.CharField(help_text="Sent with every request, for an hour.")
    refresh = serializers.CharField(help_text="Gives the next two, once.")


class PasswordChangeRequest(StrictSerializer):
    """The password until now, and from now on."""

    old_password = PasswordField()
    new_password = NewPasswordField()


class PasswordResetRequest(StrictSerializer):
    """Whose password was forgotten."""

    email = serializers.EmailField(max_length=254)


class NewPasswordRequest(StrictSerializer):
    """What came by mail, and the new password."""

    uid = serializers.CharField(max_length=100)
    token = serializers.CharField(max_length=100)
    new_password = NewPasswordField()
