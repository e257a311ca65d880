"""Fixtures of all tests. Engines (S3, PostgreSQL, broker) come from `tests/fixtures_engines.py`."""

import sys
from datetime import UTC, datetime

import hypothesis
import pytest

# A deadline a case measures the machine, which is busy: timings belong into benchmarks.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# jsonschema loads it wherever it lies, which builds forty grammars in each process (1.3 s), for a format of no document
# of ours.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

pytest_plugins = ["tests.nothing_leaves", "tests.fixtures_engines", "tests.made_once", "tests.remembered_trainings"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def api_client():
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def now() -> datetime:
    """A Monday morning; tests pass it wherever the time matters."""
    return NOW
