"""What a tracker told, written as lines that read back the same."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from apps.common.operations.named_files import NamedFile
from apps.importers.records import Person, RowError
from apps.importers.sources.lines.mapping import ENDS, NAMES, PATHS
from apps.importers.tracked import EVERYTHING, Change, Gap, Stage, Told, TrackedSprint

#: The end of a file whose pull did not reach its own.
BROKEN_OFF = Gap("the list broke off while it was saved: others may be missing", EVERYTHING)


def line_of(told: Told) -> str:
    """What was told as a line that reads back the same; an error has the number of that line then."""
    if isinstance(told, Gap):
        return json.dumps({"lack": asdict(told)}, ensure_ascii=False)
    if isinstance(told, RowError):
        return json.dumps({"lack": {"id": told.external_id, "reason": told.reason}}, ensure_ascii=False)
    if isinstance(told, TrackedSprint):
        row = {"id": told.external_id, **{each.name: getattr(told, each.name) for each in fields(told)}}
        row.pop("external_id")
        return json.dumps({"sprint": row}, default=_plain, ensure_ascii=False)
    row = {path: getattr(told, name) for name, path in PATHS.items() if name not in ("changes", *NAMES)}
    row["changes"] = [_line_of_change(change) for change in told.changes if change.field not in ENDS]
    row |= {PATHS[name]: sorted(getattr(told, name)) for name in NAMES}
    return json.dumps(row, default=_plain, ensure_ascii=False)


def _line_of_change(change: Change) -> dict[str, Any]:
    return {"field": change.field, "from": change.old, "to": change.new, "at": change.at, "by": change.by}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Stage | Person):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    raise TypeError(f"{type(value).__name__} has no place in a line")


def saved(told: Iterable[Told], path: Path, known: Iterable[str]) -> Iterator[Told]:
    """The same, written down as it passes: what a tracker told can be imported again without it.

    The first line names the fields that the tracker knows. A pull that broke off stands nowhere, or says so at its end.
    """
    with NamedFile(path, whole=True) as file:
        try:
            file.write(json.dumps({"told": sorted(known)}) + "\n")
            for each in told:
                file.write(line_of(each) + "\n")
                yield each
        except BaseException:
            file.write(line_of(BROKEN_OFF) + "\n")
            raise
