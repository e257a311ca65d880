"""Fixtures of all tests. Engines (S3, PostgreSQL, broker) come from `tests/fixtures_engines.py`."""

import gc
import sys
from datetime import UTC, datetime

import hypothesis
import pytest
from django.db import connection
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# A deadline a case measures the machine, which is busy: timings belong into benchmarks.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# jsonschema loads it wherever it lies, which builds forty grammars in each process (1.3 s), for a format of no document
# of ours.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# What loads until the first test stays to the end; to look through it for rubbish again and again is 5 % of a run.
gc.disable()

pytest_plugins = [
    "tests.nothing_leaves",
    # Before the one that imports it: what is loaded by another is not rewritten.
    "tests.made_once",
    "tests.fixtures_engines",
    "tests.demonstration",
    "tests.remembered_trainings",
]
#: Folders whose files share a browser or servers, so that one process runs them all.
TOGETHER = ("tests/browser/", "apps/ml/tests/storage/")
#: Begun first, the longest at the front, since a file goes to one process: begun last, it would run alone. From the
#: seconds of the last run (`./test` names the slowest tests; `--junitxml` tells all).
LONGEST_FIRST = (
    "tests/browser/",
    "tests/test_rows_gone_meanwhile.py",
    "tests/test_hostile_questions.py",
    "tests/test_operations.py",
    "tests/test_loop.py",
    "tests/test_entry_points.py",
    "tests/test_faults.py",
    "tests/test_remembered.py",
    "apps/ml/tests/benchmarks/test_forecasts.py",
    "tests/test_gone_meanwhile.py",
    "tests/test_lists_that_move.py",
    "apps/upkeep/tests/test_erasing_meanwhile.py",
    "apps/upkeep/tests/test_erasing_others.py",
    "apps/ml/tests/forecasts/test_frozen.py",
    "tests/test_query_plans.py",
    "apps/importers/tests/trackers/test_answers_that_are_none.py",
    "apps/ml/tests/benchmarks/test_sprints.py",
    "tests/test_upgrades.py",
    "tests/test_engines.py",
    "tests/test_access_matrix.py",
    "tests/test_every_answer.py",
    "tests/test_training_worker.py",
    "tests/test_outbox_worker.py",
    "apps/ml/tests/core/effort/test_training.py",
)
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, and all others in the order in which they were found."""
    places = {file: place for place, file in enumerate(LONGEST_FIRST)}

    def place_of(item: pytest.Item) -> int:
        file = item.nodeid.partition("::")[0]
        return places.get(next((folder for folder in TOGETHER if file.startswith(folder)), file), len(places))

    items.sort(key=place_of)


def pytest_collection_finish() -> None:
    gc.freeze()
    # Python's own look every few hundred objects is a tenth of a run; one every 7,000 still 5 or 6 %, this one 3.
    gc.set_threshold(200_000, 10, 10)
    gc.enable()


class TogetherScheduling(LoadFileScheduling):
    """A file to a process, and a folder of `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TogetherScheduling | None:
    """For `--dist loadfile`; other ways are xdist's own."""
    return TogetherScheduling(config, log) if config.getvalue("dist") == "loadfile" else None
