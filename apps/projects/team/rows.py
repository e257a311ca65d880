"""Who is in a project, and who was."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class TeamMember(models.Model):
    """A person's place in a project."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        MEMBER = "member"
        LEAD = "lead"

    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="team")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MEMBER)
    joined_at = models.DateTimeField(default=timezone.now)
    #: False for who shall not be suggested for work, for whatever reason: none is asked for or kept.
    available_for_assignment = models.BooleanField(default=True)
    #: A program that works on issues: what it does is learned apart from what people do.
    is_agent = models.BooleanField(default=False)
    #: First and last day away; one of them alone means from then on, or until then.
    absent_from = models.DateField(null=True, blank=True)
    absent_until = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["joined_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="projects_member_once"),
            models.CheckConstraint(
                condition=Q(role__in=["viewer", "member", "lead"]), name="projects_member_role_known"
            ),
            models.CheckConstraint(
                condition=Q(absent_from__isnull=True)
                | Q(absent_until__isnull=True)
                | Q(absent_until__gte=F("absent_from")),
                name="projects_member_returns_after_leaving",
                violation_error_message="The last day away is not before the first.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project_id} as {self.role}"


class FormerMember(models.Model):
    """Somebody who was in a project, for good, whether or not they are in it again: they know what stands there.

    Shown to nobody but administrators. Gone with the project, with the account and by an erasure.
    """

    # After `TeamMember`: an erasure removes a person's rows table by table, and those of one leave some of the other.
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="former_team")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="former_memberships")
    #: The last time; None where it was before this was kept, and the project's issues name the person still.
    left_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["left_at", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="projects_former_member_once")]

    def __str__(self) -> str:
        return f"{self.user} was in {self.project_id}"


def note_who_left(*, instance: TeamMember, origin: Any, **_: Any) -> None:
    """However a membership ends, this is kept of it; with its project or its account all of it goes.

    Whom only an import named is kept by that import.
    """
    deleted = origin.model if isinstance(origin, models.QuerySet) else type(origin)
    if deleted is TeamMember and not instance.user.is_placeholder:
        FormerMember.objects.update_or_create(
            project_id=instance.project_id, user_id=instance.user_id, defaults={"left_at": timezone.now()}
        )
