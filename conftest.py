"""Fixtures of all tests. Engines (S3, PostgreSQL, broker) come from `tests/fixtures_engines.py`."""

from datetime import UTC, datetime

import hypothesis
import pytest

# A deadline a case measures the machine, which is busy: timings belong into benchmarks.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

pytest_plugins = ["tests.nothing_leaves", "tests.fixtures_engines"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def api_client():
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def now() -> datetime:
    """A Monday morning; tests pass it wherever the time matters."""
    return NOW
