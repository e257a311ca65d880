"""What the commands that erase say: how much, what could not be searched, and where the record is."""

from collections.abc import Mapping

from apps.common.console import as_json
from apps.upkeep.models import ErasureRecord


def told_foreseen(counts: Mapping[str, int], *, as_text: bool) -> str:
    """Of a dry run."""
    if not as_text:
        return as_json({"counts": counts, "record": None})
    return "\n".join([*_lines(counts), "Nothing was changed. It cannot be taken back once it is done."])


def told_erased(record: ErasureRecord, *, as_text: bool) -> str:
    """Of an erasure that was done."""
    if not as_text:
        return as_json({"counts": record.counts, "record": record.pk, "not_searched": dict(record.not_searched)})
    skipped = [f"Not searched: {key}: {why}" for key, why in sorted(record.not_searched.items())]
    found = "In all else the search" if skipped else "The search"
    return "\n".join([*_lines(record.counts), *skipped, f"Erased. {found} finds nothing any more. Record: {record.pk}"])


def _lines(counts: Mapping[str, int]) -> list[str]:
    return [f"{count:6,}  {table}" for table, count in sorted(counts.items()) if count]
