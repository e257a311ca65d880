"""What an installation remembers of itself: who it is, when it worked, and what lies in its store without a row."""

import uuid

from django.db import models


class Installation(models.Model):
    """Who we are to others that use the same store: one row, made when it is first asked for."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    identifier = models.UUIDField(default=uuid.uuid4)
    #: Identifiers of installations of which this one took the place, so that they run no more: their marks are ours.
    predecessors = models.JSONField(default=list, blank=True)
    #: Where this database has lain, newest last: one that finds itself elsewhere is a copy.
    places = models.JSONField(default=list, blank=True)
    #: When this database last was in use, to within minutes while a worker runs.
    active_at = models.DateTimeField(null=True, blank=True)
    #: Times without use, as pairs of ISO moments: where an older backup was put back by hand, objects of the time
    #: between are not known here and must stay. The nightly sweep notes those objects and empties this.
    gaps = models.JSONField(default=list, blank=True)

    #: When the time jumped last, as a clock that is suddenly far ahead, or set back, makes it.
    jumped_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.identifier)


class WorkerSeen(models.Model):
    """When a worker of a queue last did something."""

    queue = models.CharField(max_length=32, primary_key=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue}: {self.seen_at:%Y-%m-%d %H:%M}"


class StrayObject(models.Model):
    """An object of ours that no row names any more, since when, and whether it may ever be removed."""

    key = models.CharField(max_length=1024, primary_key=True)
    seen_at = models.DateTimeField()
    #: It is newer than everything this database knew when it was seen: the database is an older backup.
    is_newer = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.key
