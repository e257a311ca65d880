"""What the commands that erase say: how much, what could not be searched, and where the record is."""

from collections.abc import Mapping

from apps.common.console import as_json
from apps.common.operations.database_faults import reason_of
from apps.upkeep.models import ErasureRecord

#: Which names stay: whoever has an account chose its name, and of hosts nobody knows all.
_LEFT = (
    "The name stays where the person never was, where something is called so, and within names of others there; and "
    "everywhere if it is one word, very short or a state of work; the address, where another's may begin with it "
    "(….com.au, and a file ….com.zip). If they are the person's there, too, change them by hand or, unless it is such "
    "a name, or an address, repeat with --everywhere:"
)


def told_foreseen(counts: Mapping[str, int], left: Mapping[str, int], *, as_text: bool) -> str:
    """Of a dry run."""
    if not as_text:
        return as_json({"counts": counts, "left": left, "record": None})
    return "\n".join(
        [*_lines(counts), *_told_left(left), "Nothing was changed. It cannot be taken back once it is done."]
    )


def told_erased(record: ErasureRecord, *, as_text: bool) -> str:
    """Of an erasure that was done."""
    if not as_text:
        return as_json(
            {
                "counts": record.counts,
                "record": record.pk,
                "left": dict(record.left),
                "not_searched": dict(record.not_searched),
                "others_keep": list(record.others_keep),
            }
        )
    skipped = [f"Not searched: {key}: {why}" for key, why in sorted(record.not_searched.items())]
    kept = [f"Still in what another installation keeps: {key}" for key in record.others_keep]
    found = "In all else the search" if skipped or kept else "The search"
    told = [*_lines(record.counts), *_told_left(record.left), *skipped, *kept]
    return "\n".join([*told, f"Erased. {found} finds nothing any more. Record: {record.pk}"])


def told_given_up(forgotten: int) -> str:
    """Of what broke off."""
    if not forgotten:
        return "No erasure of it has broken off: nothing is kept of any."
    return f"Forgotten: what {forgotten} that broke off still had to look for. What they had not found yet stays."


def told_fault(fault: BaseException) -> str:
    """Of a database that failed outside of what has words of its own."""
    return f"The database failed ({reason_of(fault)}). Run the command again: it begins anew, or does the rest."


def _lines(counts: Mapping[str, int]) -> list[str]:
    return [f"{count:6,}  {table}" for table, count in sorted(counts.items()) if count]


def _told_left(left: Mapping[str, int]) -> list[str]:
    return [_LEFT, *_lines(left)] if left else []
