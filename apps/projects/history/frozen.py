"""What is kept of a sprint when it is closed."""

from django.db import models
from django.db.models import F, Q

from apps.projects.history.append_only import AppendOnlyModel


class SprintSnapshot(AppendOnlyModel):
    """A sprint as it stood when it was closed: what is said of it later is read here, whatever happens to its issues.

    In issues `committed + added - removed == completed + carried_over + done_outside`.
    """

    sprint = models.OneToOneField(
        "projects.Sprint", on_delete=models.CASCADE, primary_key=True, related_name="snapshot"
    )
    frozen_at = models.DateTimeField()
    committed_issues = models.PositiveIntegerField()
    committed_points = models.FloatField()
    added_issues = models.PositiveIntegerField()
    added_points = models.FloatField()
    removed_issues = models.PositiveIntegerField()
    removed_points = models.FloatField()
    completed_issues = models.PositiveIntegerField()
    completed_points = models.FloatField()
    carried_over_issues = models.PositiveIntegerField()
    carried_over_points = models.FloatField()
    #: In the sprint and done, but finished before it began.
    done_outside_issues = models.PositiveIntegerField()
    done_outside_points = models.FloatField()
    #: The issues behind the numbers, each a `sprint_books.BookEntry`: ids and figures, no texts.
    standings = models.JSONField()
    #: The same issues, each an `issue_past.IssuePast`: the burndown of the sprint can always be drawn again.
    pasts = models.JSONField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    committed_issues=F("completed_issues")
                    + F("carried_over_issues")
                    + F("done_outside_issues")
                    + F("removed_issues")
                    - F("added_issues")
                ),
                name="projects_snapshot_adds_up",
            )
        ]

    def __str__(self) -> str:
        return f"{self.sprint} as of {self.frozen_at}"
