"""A pytest plugin (`-p tests.database_only`): keeps the tests that use the database, for a run on another engine."""

import pytest

DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would only repeat what the first run said."""
    # What starts real servers is about those: the database under it is not what it asks for.
    kept = [item for item in items if uses_database(item) and item.get_closest_marker("engine") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def uses_database(item: pytest.Item) -> bool:
    """Whether a test asks for the database by mark or by fixture."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)
