"""Fixtures of all tests. Engines (S3, PostgreSQL, broker) come from `tests/fixtures_engines.py`."""

import gc
import sys
from datetime import UTC, datetime

import hypothesis
import pytest
from django.db import connection

# A deadline a case measures the machine, which is busy: timings belong into benchmarks.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# jsonschema loads it wherever it lies, which builds forty grammars in each process (1.3 s), for a format of no document
# of ours.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# What loads until the first test stays to the end; to look through it for rubbish again and again is 5 % of a run.
gc.disable()

# In this order: what is loaded by another one before its turn is not rewritten.
pytest_plugins = [
    "tests.side_by_side",
    "tests.nothing_leaves",
    "tests.made_once",
    "tests.fixtures_engines",
    "tests.demonstration",
    "tests.remembered_trainings",
]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
#: Queries more to record an answer: of PostgreSQL, whose project nobody deletes meanwhile.
ENTERING = int(connection.vendor == "postgresql")


@pytest.fixture
def api_client():
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def now() -> datetime:
    """A Monday morning; tests pass it wherever the time matters."""
    return NOW


def pytest_collection_finish() -> None:
    gc.freeze()
    # Ten times Python's own, which looks every few hundred objects.
    gc.set_threshold(7_000, 10, 10)
    gc.enable()
