"""What is kept to be looked at again: forecasts as they were given, replays of the past, and what is dear to tell."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from apps.common.columns.kinds import WordsField
from apps.common.models import UUIDModel
from apps.ml.model_types import ModelType
from apps.projects.models import Project, Sprint


class KeptForecast(UUIDModel):
    """What was said on a day of when all open work is done: kept as it was said, with what it was told from."""

    class Occasion(models.TextChoices):
        DAY = "day"
        #: Kept for good.
        SPRINT_START = "sprint_start"
        SPRINT_CLOSE = "sprint_close"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="kept_forecasts")
    occasion = models.CharField(max_length=16, choices=Occasion.choices, default=Occasion.DAY)
    sprint = models.ForeignKey(Sprint, on_delete=models.CASCADE, null=True, blank=True, related_name="kept_forecasts")
    #: The project's day.
    day = models.DateField()
    made_at = models.DateTimeField(default=timezone.now)
    target = models.DateField(null=True, blank=True)
    #: `{"percent": 85, "date": "2026-06-12"}` of each; no date for not within ten years.
    finishes = models.JSONField(default=list, blank=True)
    chance = models.FloatField(null=True, blank=True)
    issues = models.PositiveIntegerField(default=0)
    work = models.FloatField(default=0.0)
    unit = models.CharField(max_length=16, blank=True)
    #: Why nothing could be said; empty where something was.
    no_forecast_because = WordsField(max_length=200, blank=True)
    #: See `core.forecasts.inputs`; empty where there was no forecast, and once they were removed for age.
    inputs = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "day"], condition=Q(occasion="day"), name="ml_one_kept_forecast_a_day"
            ),
            models.UniqueConstraint(
                fields=["sprint", "occasion"], condition=Q(sprint__isnull=False), name="ml_one_kept_forecast_a_sprint"
            ),
            models.CheckConstraint(
                condition=Q(occasion="day", sprint__isnull=True) | (~Q(occasion="day") & Q(sprint__isnull=False)),
                name="ml_kept_forecast_of_a_sprint_or_day",
            ),
        ]
        indexes = [models.Index(fields=["project", "-made_at"], name="ml_kept_by_project")]

    def __str__(self) -> str:
        return f"{self.project_id} on {self.day} ({self.occasion})"


class Replay(UUIDModel):
    """What a replay of a project's past showed: the latest of each kind, and the one that is being made."""

    class Kind(models.TextChoices):
        EFFORT = ModelType.EFFORT_PREDICTION.value
        POINTS = ModelType.STORY_POINTS.value
        FORECASTS = "forecasts"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="replays")
    kind = models.CharField(max_length=32, choices=Kind.choices)
    #: Of the latest that was asked for; a worker then begins it and makes it.
    asked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)
    #: Out of 100.
    progress_percent = models.PositiveSmallIntegerField(default=0)
    #: Why the latest came to nothing, in words for a person; empty if it did not.
    failure_reason = WordsField(max_length=500, blank=True)
    #: Of the figures, which stay until there are newer ones.
    made_at = models.DateTimeField(null=True, blank=True)
    figures = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["project", "kind"]
        constraints = [models.UniqueConstraint(fields=["project", "kind"], name="ml_one_replay_per_kind")]

    def __str__(self) -> str:
        return f"replay of {self.kind}, asked {self.asked_at:%Y-%m-%d %H:%M}"


class TextSnapshot(models.Model):
    """The index of a project's texts as it lies in the store: what a process begins with.

    A row may stand without an object: it then tells when texts were last erased.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, primary_key=True, related_name="text_snapshot")
    key = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=200, blank=True)
    #: What the index has seen: the last edit of an issue and the last deletion.
    last_edit = models.DateTimeField(null=True)
    last_removal = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    #: Somebody began to make a newer one.
    claimed_at = models.DateTimeField(null=True)
    #: What was read of texts before is not to be used any more, wherever it is remembered.
    forgotten_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["project"]

    def __str__(self) -> str:
        return f"index of texts of {self.project_id}"


class KeptPast(models.Model):
    """What was worked out of a project's past, as packed numbers: what a process begins with.

    It is worth time only: without it the same is told from the issues. Neither people nor texts are in it.
    """

    class Part(models.TextChoices):
        SPRINTS = "sprints"
        WORK = "work"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="kept_pasts")
    part = models.CharField(max_length=16)
    #: The state of the project that it holds in, see `apps.projects.selectors.PresentState`.
    last_edit = models.DateTimeField()
    rest = models.CharField(max_length=64)
    data = models.BinaryField()

    class Meta:
        ordering = ["project", "part"]
        constraints = [models.UniqueConstraint(fields=["project", "part"], name="ml_one_past_per_part")]

    def __str__(self) -> str:
        return f"{self.part} of {self.project_id}"
