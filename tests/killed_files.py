"""Does with a file each thing that the product does, in a process that is killed in the middle of it.

Run by `test_killed_files.py` in an installation of its own; prints what each leaves, as JSON. `signal.SIGKILL` is what
the kernel sends for want of memory, a supervisor after its time of grace, and Celery at its limit.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "base.settings"
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.utils import timezone  # noqa: E402

from apps.common.operations import unnamed_files  # noqa: E402
from apps.importers import runs  # noqa: E402
from apps.importers.management.commands import import_issues  # noqa: E402
from apps.importers.models import ImportRun  # noqa: E402
from apps.importers.sources import jsonlines  # noqa: E402
from apps.importers.telling import preview  # noqa: E402
from apps.ml.storage import get_object_store  # noqa: E402
from apps.projects.models import Project  # noqa: E402
from apps.upkeep import backup  # noqa: E402

ROWS = 50
CSV = b"id,title,description\n" + b"".join(b"A-%d,Ask Gerlinde,%s\n" % (n, b"x" * 9_000) for n in range(ROWS))
LINES = b"".join(b'{"id": "A-%d", "title": "Ask Gerlinde %s"}\n' % (n, b"x" * 9_000) for n in range(ROWS))
BACKUPS = Path(sys.argv[1])
#: Where it would be.
FOLDERS = (Path(tempfile.gettempdir()), BACKUPS, Path(settings.MODEL_STORE_DIR))


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(read: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Read in the middle of the file, and no further."""

    def told(*words: Any, **options: Any) -> Iterator[Any]:
        for count, row in enumerate(read(*words, **options)):
            if count == ROWS // 2:
                die()
            yield row

    return told


def asked_for(name: str, content: bytes, *, is_dry_run: bool = False) -> ImportRun:
    """Of a project of its own: what a killed import holds is free after minutes only."""
    project = Project.objects.create(key=f"K{Project.objects.count()}", name="killed")
    return runs.ask_upload(project, name=name, content=content, by=None, now=timezone.now(), is_dry_run=is_dry_run)


def imported(name: str, content: bytes, *, is_dry_run: bool = False) -> None:
    import_issues.read_issues = dying(import_issues.read_issues)  # type: ignore[assignment]
    jsonlines.read = dying(jsonlines.read)
    asked = asked_for(name, content, is_dry_run=is_dry_run)
    runs.execute(asked.pk, now=timezone.now())


def previewed() -> None:
    preview.read_issues = die
    preview.preview_of(asked_for("a.csv", CSV), now=timezone.now())


def uploaded() -> None:
    file = BytesIO(CSV * (settings.FILE_UPLOAD_MAX_MEMORY_SIZE // len(CSV) + 1))
    file.name = "a.csv"
    request = RequestFactory().post("/", {"file": file})
    assert request.FILES["file"].size == len(file.getvalue())
    die()


def backed_up() -> None:
    # When the rows are in the file, and its end is not.
    backup._digest = die
    backup.backup(BACKUPS / "kept.backup", now=timezone.now())


def stored() -> None:
    unnamed_files.os.fsync = die  # type: ignore[assignment]
    get_object_store().put("ml_datasets/a/b/c", CSV)


DEEDS: dict[str, Callable[[], None]] = {
    "import": lambda: imported("a.csv", CSV),
    "lines": lambda: imported("a.jsonl", LINES),
    "trial": lambda: imported("a.csv", CSV, is_dry_run=True),
    "preview": previewed,
    "upload": uploaded,
    "backup": backed_up,
    "store": stored,
}


def files() -> set[str]:
    return {str(path) for folder in FOLDERS for path in folder.rglob("*") if path.is_file()}


def left_by(deed: Callable[[], None]) -> dict[str, Any]:
    before = files()
    connections.close_all()
    if not (child := os.fork()):
        try:
            deed()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return {"signal": os.WTERMSIG(status), "left": sorted(files() - before)}


if __name__ == "__main__":
    print(json.dumps({name: left_by(deed) for name, deed in DEEDS.items()}))
