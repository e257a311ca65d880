"""Which issue waits for which."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class IssueLink(models.Model):
    """One issue has to be done before another can be; the two may be of different projects of the installation."""

    blocker = models.ForeignKey("projects.Issue", on_delete=models.CASCADE, related_name="links_to_blocked")
    blocked = models.ForeignKey("projects.Issue", on_delete=models.CASCADE, related_name="links_to_blockers")
    #: Which import told it; empty for links made here, which no import takes away.
    source = models.CharField(max_length=32, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["blocker", "blocked"],
                name="projects_link_once",
                violation_error_message="This link is there already.",
            ),
            models.CheckConstraint(
                condition=~Q(blocker=F("blocked")),
                name="projects_link_of_two_issues",
                violation_error_message="An issue cannot wait for itself.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"
