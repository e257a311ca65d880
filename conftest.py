"""Fixtures of all tests. Engines (S3, PostgreSQL, broker) come from `tests/fixtures_engines.py`."""

from datetime import UTC, datetime

import pytest

pytest_plugins = ["tests.fixtures_engines"]
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def api_client():
    from rest_framework.test import APIClient

    return APIClient()


@pytest.fixture
def now() -> datetime:
    """A Monday morning; tests pass it wherever the time matters."""
    return NOW
