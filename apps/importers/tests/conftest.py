"""What the tests of imports share."""

from pathlib import Path

import pytest
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


@pytest.fixture(params=["in one", "batch by batch"])
def way_back(request, monkeypatch):
    """Imports are taken back in one transaction, or as workers do: the same comes of both."""
    if request.param == "in one":
        return
    request.getfixturevalue("by_ones")

    def undo(run: ImportRun) -> int:
        done = runs.undo_here(run, now=timezone.now())
        assert done is not None
        assert (done.status, done.taking_back.error) == ("undone", "")
        run.refresh_from_db()
        return run.taking_back.kept

    monkeypatch.setattr(runs, "undo", undo)
