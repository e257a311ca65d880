"""What stays of an erasure: that there was one, of whom no more can be read from it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from django.db import models

from apps.common.models import UUIDModel


class ErasureRecord(UUIDModel):
    """Signed: nobody without a signing key can invent or change one."""

    class Kind(models.TextChoices):
        PERSON = "person"
        PROJECT = "project"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    #: HMAC of the address or key: whoever names it can be told when it was erased, and nobody else learns who it was.
    subject = models.CharField(max_length=64)
    erased_at = models.DateTimeField()
    #: How many rows and objects were changed or removed, by table.
    counts = models.JSONField(default=dict)
    #: Empty until a search has proven it.
    signature = models.CharField(max_length=64)
    #: What is still to be looked for, sealed; null once the record is signed (`unfinished.py`).
    unfinished = models.BinaryField(null=True)

    #: By object, why the search that proved it could not read it to its end. Told once, and not kept.
    not_searched: Mapping[str, str] = MappingProxyType({})

    #: By place, how often the name stays: where the person never was, or a thing is called so. Likewise.
    left: Mapping[str, int] = MappingProxyType({})

    #: Keys of objects that another installation wrote and keeps, with leave (`--others-keep`). Likewise.
    others_keep: Sequence[str] = ()

    class Meta:
        ordering = ["-erased_at"]

    def __str__(self) -> str:
        return f"{self.kind} erased at {self.erased_at:%Y-%m-%d %H:%M}"
