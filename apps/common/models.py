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


class PageMark(models.Model):
    """Where a numbered page ended: see `apps.common.page_marks`."""

    #: A digest of who asked for which page of what.
    key = models.CharField(max_length=64, primary_key=True)
    #: In seconds since 1970.
    ends_at = models.BigIntegerField(db_index=True)
    mark = models.TextField()

    def __str__(self) -> str:
        return self.key


class FirstAnswer(models.Model):
    """The first answer to a request with an `Idempotency-Key`: see `apps.common.api.idempotency`."""

    #: A digest of who asked and of the key, which itself is not kept.
    id = models.CharField(max_length=64, primary_key=True)
    caller = models.CharField(max_length=80, db_index=True)
    #: A digest of what was asked.
    question = models.CharField(max_length=64)
    #: Of whoever works on it: somebody else may take it over.
    claim = models.UUIDField()
    claimed_at = models.DateTimeField(db_index=True)
    #: Status, headers and body, which only the key opens; null while it is worked on.
    answer = models.BinaryField(null=True)

    def __str__(self) -> str:
        return self.id
