"""Folders of settings: those that cannot be one of this installation are errors, one we cannot write to a warning."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from apps.common.operations.rights import is_the_systems
from apps.common.operations.slips import SETTINGS

_FOLDERS = ("MODEL_STORE_DIR", "METRICS_DIR")
_RIGHT = "It is a folder of this installation's own, or one that can be made, such as /srv/scrum-ml."


@register(SETTINGS)
def folders_can_be_ours(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"{name} {slip}.", hint=_RIGHT, id="common.E006")
        for name in _FOLDERS
        if (slip := _slip_in(Path(getattr(settings, name))))
    ]


@register(SETTINGS, deploy=True)
def folders_can_be_written(**_: Any) -> list[CheckMessage]:
    return [Warning(text, hint=hint, id="common.W008") for text, hint in _odd_folders()]


def _slip_in(path: Path) -> str:
    if is_the_systems(path):
        return "names a folder of the system"
    return "" if _nearest(path).is_dir() else "names a place where a file stands"


def _odd_folders() -> Iterator[tuple[str, str]]:
    told = set[Path]()
    for name, path in _written():
        there = _nearest(path)
        # Of a folder within another that is told already nobody needs to hear, too.
        if _is_closed(there) and told.isdisjoint((there, *there.parents)):
            told.add(there)
            yield (
                f"{name}: this user cannot read and write in {there}.",
                "Give it to who runs the service, or mount it for writing.",
            )


def _written() -> Iterator[tuple[str, Path]]:
    """What is written to: the installation's folder, SQLite's file and its folder, and what settings name."""
    yield "SCRUM_ML_VAR_DIR", settings.VAR_DIR
    database = settings.DATABASES["default"]
    file = Path(database["NAME"])
    # One in memory has no file.
    if database["ENGINE"].endswith("sqlite3") and os.path.isfile(file):
        yield "DATABASE_URL", file.parent
        yield "DATABASE_URL", file
    yield from ((name, Path(getattr(settings, name))) for name in _FOLDERS if _is_used(name))


def _is_closed(there: Path) -> bool:
    """Also to who may do everything, where it is mounted for reading only."""
    needed = os.R_OK | os.W_OK | (os.X_OK if there.is_dir() else 0)
    return (there.is_dir() or there.is_file()) and not os.access(there, needed)


def _is_used(name: str) -> bool:
    return name != "MODEL_STORE_DIR" or not settings.AWS_STORAGE_BUCKET_NAME


def _nearest(path: Path) -> Path:
    # Not `Path.exists`, which raises where one may not look.
    return next(each for each in (path, *path.parents) if os.path.exists(each) or each == each.parent)
