"""What the tests of imports share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from apps.importers import runs
from apps.importers.models import ImportRun
from apps.importers.undoing import rows_back, taking_back


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def write(content: str | bytes, name: str = "issues.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def by_ones(monkeypatch):
    """Whatever is taken back is so in batches of one issue, or one link."""
    monkeypatch.setattr(taking_back, "ISSUES_AT_ONCE", 1)
    monkeypatch.setattr(rows_back, "LINKS_AT_ONCE", 1)


WAYS_BACK = ("in one", "batch by batch")


@pytest.fixture(params=WAYS_BACK)
def way_back(request, monkeypatch):
    """Imports are taken back in one transaction, or as workers do: the same comes of both."""
    take(request.param, monkeypatch)


def take(way: str, patch: pytest.MonkeyPatch) -> None:
    """One of `WAYS_BACK`, until the patch ends."""
    if way == "in one":
        return
    patch.setattr(taking_back, "ISSUES_AT_ONCE", 1)
    patch.setattr(rows_back, "LINKS_AT_ONCE", 1)

    def undo(run: ImportRun) -> int:
        done = runs.undo_here(run, now=timezone.now())
        assert done is not None
        assert (done.status, done.taking_back.error) == ("undone", "")
        run.refresh_from_db()
        return run.taking_back.kept

    patch.setattr(runs, "undo", undo)


@pytest.fixture
def each_way_back(monkeypatch) -> Callable[[], Iterator[str]]:
    """The ways by name, one after the other, each from the rows that are there: what imports wrote is written once."""

    def ways() -> Iterator[str]:
        for way in WAYS_BACK:
            with monkeypatch.context() as patch, transaction.atomic():
                take(way, patch)
                yield way
                transaction.set_rollback(True)

    return ways
