"""What models are trained for."""

from django.db import models


class ModelType(models.TextChoices):
    """What is learned; predictions that a model answers, or could, bear its type."""

    EFFORT_PREDICTION = "effort_prediction"
    STORY_POINTS = "story_points"
    TASK_ASSIGNMENT = "task_assignment"
    SPRINT_DURATION = "sprint_duration"
