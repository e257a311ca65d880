"""A pytest plugin (`-p tests.database_only`): keeps the tests that use the database, for a run on another engine."""

from pathlib import Path

import pytest

#: What says who gets in, how answers look and how figures are drawn: the engine below changes none of it. Nor what lies
#: in the model store's folder, in the process's language, or what a training learns from rows that other tests compare.
ONE_ENGINE_SUFFICES = (
    "apps/dashboard/",
    "apps/mcp/",
    "apps/ml/tests/benchmarks/",
    "apps/ml/tests/models/test_sprint_model.py",
    "apps/projects/tests/test_holidays.py::test_names_are_the_same_wherever_the_service_runs",
    "apps/upkeep/tests/test_strange_files.py",
    "tests/browser/",
    "tests/test_access_matrix.py",
    "tests/test_docs_snippets.py",
    "tests/test_every_answer.py",
    "tests/test_page_matrix.py",
    "tests/test_request_growth.py",
)
#: Large folders that know no database, so that nothing of them is loaded to find nothing.
WITHOUT_DATABASE = ("apps/common/tests/charts/", "apps/ml/tests/core/", "apps/ml/tests/reports/")
DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Load no file of which nothing would be kept."""
    place = collection_path.relative_to(config.rootpath).as_posix() + "/" * collection_path.is_dir()
    return place.startswith(ONE_ENGINE_SUFFICES + WITHOUT_DATABASE) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what would only repeat what the first run said."""
    kept = [item for item in items if uses_database(item) and not repeats(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def repeats(item: pytest.Item) -> bool:
    """Whether it would only say again what the first run said."""
    # What starts real servers is about those. Of stories by chance each makes the same queries: one is told again.
    is_another_seed = bool(getattr(item, "callspec", None) and item.callspec.params.get("seed"))
    is_named = item.nodeid.startswith(ONE_ENGINE_SUFFICES)
    return is_named or is_another_seed or item.get_closest_marker("engine") is not None


def uses_database(item: pytest.Item) -> bool:
    """Whether a test asks for the database by mark or by fixture."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(fixtures & DATABASE_FIXTURES)
