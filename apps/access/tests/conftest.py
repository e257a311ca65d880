"""A project with one person of each role, as the tests of projects have it; limits, which tests are without."""

from typing import Any

import pytest
import time_machine
from rest_framework.settings import api_settings

from apps.common import counters
from apps.projects.tests.conftest import as_, lead, people, project, url
from conftest import NOW

__all__ = ["as_", "lead", "people", "project", "url"]


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets limits by name; counting begins anew, and the clock stands."""
    counters.forget_all()

    def set_rates(**rates: str) -> None:
        for name, rate in rates.items():
            monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, name, rate)

    with time_machine.travel(NOW, tick=False):
        yield set_rates
