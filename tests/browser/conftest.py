"""One Chromium, one server and one demonstration for all stories of a run."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.site import FLAGS, Visitor
from tests.demonstration import Demonstration, environment_of
from tests.engines import free_ports
from tests.processes import Processes

CHROMIUM = Path("/usr/bin/chromium")


@dataclass(frozen=True)
class Site:
    """The web server that the stories of a test process visit, and who may log in."""

    address: str
    processes: Processes
    email: str
    password: str
    #: See `Visitor`.
    left: list[Any] = field(default_factory=list)


@pytest.fixture(scope="session")
def site(demonstration: Demonstration, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web server of a copy of that installation, so that what a story changes stays its own process's."""
    own = tmp_path_factory.mktemp("site")
    shutil.copytree(demonstration.folder, own / "var")
    processes = Processes(own, environment_of(own / "var"))
    [port] = free_ports(1)
    processes.serve(port)
    processes.wait_for(lambda: "Serving on" in processes.log.read_text(errors="replace"))
    yield Site(f"http://127.0.0.1:{port}", processes, demonstration.email, demonstration.password)
    processes.end()


@pytest.fixture(scope="package")
def _browser() -> Iterator[Browser]:
    """The browser ends with the folder, and so does what Django is told for it: other tests know of neither."""
    if not CHROMIUM.exists():
        pytest.skip(f"stories need {CHROMIUM}: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django would refuse the stories' own queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture
def visitor(_browser: Browser, site: Site) -> Iterator[Visitor]:
    """A lead of the demonstration with a browser; whatever the browser complains of fails the test."""
    visitor = Visitor(_browser, site.address, site.email, site.password, site.left)
    yield visitor
    visitor.close()
    assert visitor.complaints == []
