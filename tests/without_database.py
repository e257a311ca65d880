"""A pytest plugin (`-p tests.without_database`): leaves out what uses the database, a real server, or is slow."""

import pytest

from tests.database_only import uses_database


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what says something within seconds."""
    kept = [item for item in items if not waits(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def waits(item: pytest.Item) -> bool:
    """Whether a test needs more than Python and some milliseconds."""
    return uses_database(item) or any(item.get_closest_marker(mark) for mark in ("engine", "slow"))
