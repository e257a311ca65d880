"""What the tables of several apps share."""

import uuid

from django.db import models


class Severity(models.TextChoices):
    """How bad something is, from mild to severe."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class UUIDModel(models.Model):
    """A row with a random, unguessable id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)

    class Meta:
        abstract = True
