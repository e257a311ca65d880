"""What pages keep: links for people without an account."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.common.models import UUIDModel
from apps.projects.models import Project, Sprint


class ShareLink(UUIDModel):
    """Whoever has its address may read one page, until it expires or is withdrawn."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="share_links")
    #: None for the page of the project.
    sprint = models.ForeignKey(Sprint, on_delete=models.CASCADE, null=True, blank=True, related_name="share_links")
    #: Whether names of people are shown; e-mail addresses never are.
    shows_people = models.BooleanField(default=False)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("made_at")), name="dashboard_share_expires_later")
        ]
        indexes = [models.Index(fields=["project", "-made_at"], name="dashboard_share_by_project")]

    def __str__(self) -> str:
        return f"{self.project_id} until {self.expires_at:%Y-%m-%d}"

    def is_open(self, now: datetime) -> bool:
        """Whether it still leads somewhere."""
        return self.withdrawn_at is None and now < self.expires_at
