"""Which issue waits for which."""

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class IssueLink(models.Model):
    """One issue has to be done before another can be; the two may be of different projects of the installation."""

    blocker = models.ForeignKey("projects.Issue", on_delete=models.CASCADE, related_name="links_to_blocked")
    blocked = models.ForeignKey("projects.Issue", on_delete=models.CASCADE, related_name="links_to_blockers")
    #: Which import told it; empty for links made here, which no import takes away.
    source = models.CharField(max_length=32, blank=True)
    #: Of the issue that waits, where its blocker is of another project: what is told of a project from elsewhere is
    #: found by it. Unchecked like that of a change, for a check waits for who has locked the project.
    waiting_project = models.ForeignKey(
        "projects.Project", models.CASCADE, related_name="+", null=True, db_index=False, db_constraint=False,
        editable=False,
    )  # fmt: skip
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
        indexes = [
            models.Index(
                fields=["waiting_project", "blocker"],
                condition=Q(waiting_project__isnull=False),
                name="projects_link_elsewhere",
            )
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Its project is told by its issues, which never change theirs. Imports, which make many, link inside one."""
        is_inside = self.blocker.project_id == self.blocked.project_id
        self.waiting_project_id = None if is_inside else self.blocked.project_id
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.blocker_id} blocks {self.blocked_id}"
