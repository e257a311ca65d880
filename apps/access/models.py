"""Who else gets in: programs by a key, people by an invitation."""

from django.conf import settings
from django.db import models
from rest_framework.exceptions import PermissionDenied

from apps.accounts.mailboxes import MailboxField
from apps.common.models import UUIDModel
from apps.projects.models import Project, TeamMember


class ApiKey(UUIDModel):
    """Opens the API to a program in the name of a person. Only the digest of the secret is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    #: None: all projects of the person.
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="api_keys")
    scopes = models.JSONField()
    #: The beginning of the key, by which people and logs know it.
    prefix = models.CharField(max_length=24, unique=True)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    #: To the minute, so that not every request writes.
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.prefix

    def allows(self, scope: str) -> bool:
        return scope in self.scopes

    def require(self, scope: str) -> None:
        """Refuse what the key is not for (403)."""
        if not self.allows(scope):
            raise PermissionDenied(f"This key is for {', '.join(self.scopes)}; this takes the scope {scope}.")


class Invitation(UUIDModel):
    """A place in a team that waits for a person to accept it; answered, withdrawn or expired ones are gone."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    #: Of somebody with or without an account: whoever invites is not told.
    email = MailboxField()
    role = models.CharField(max_length=16, choices=TeamMember.Role.choices, default=TeamMember.Role.MEMBER)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "email"], name="access_invited_once"),
            models.CheckConstraint(
                condition=models.Q(role__in=["viewer", "member", "lead"]), name="access_invitation_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project_id} as {self.role}"
