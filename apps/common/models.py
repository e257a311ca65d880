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


class Counter(models.Model):
    """How often something happened in a window of time: see `apps.common.counters`."""

    #: What is counted, and which window.
    key = models.CharField(max_length=150, primary_key=True)
    #: In seconds since 1970.
    ends_at = models.BigIntegerField(db_index=True)
    count = models.IntegerField()

    def __str__(self) -> str:
        return self.key
