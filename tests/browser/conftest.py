"""One Chromium, one server and one demonstration for all stories of a run."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.site import FLAGS, Visitor
from tests.engines import free_ports
from tests.made_once import made_once
from tests.processes import ONE_THREAD, ROOT, Processes, kept_environment

CHROMIUM = Path("/usr/bin/chromium")
#: From nothing to a demonstration with its models, on a busy machine.
PREPARED_SECONDS = 180
_PREPARE = "import django; django.setup(); from base import demonstration; print(demonstration.prepare(None))"


@pytest.fixture(scope="session")
def prepared(shared_folder: Path, with_tables: Callable[[Path], Path]) -> tuple[Path, str, str]:
    """An installation with the demonstration, made once for all test processes: its folder, e-mail, password."""
    folder = shared_folder / "demonstration"
    told = made_once(shared_folder / "demonstration.txt", lambda: prepare(with_tables(folder)))
    found = re.search(r"Login\(email='([^']*)', password='([^']*)'", told.read_text())
    assert found, told.read_text()
    return folder, found[1], found[2]


def prepare(folder: Path) -> str:
    """A first start without a server; what it told."""
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE],
        cwd=ROOT,
        env=environment_of(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=PREPARED_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment_of(folder: Path) -> dict[str, str]:
    """Of everything that runs on this installation."""
    settings = {"SCRUM_ML_VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "base.settings", "WEB_WORKERS": "1"}
    return kept_environment() | ONE_THREAD | settings


@dataclass(frozen=True)
class Site:
    """The web server that the stories of a test process visit, and who may log in."""

    address: str
    processes: Processes
    email: str
    password: str


@pytest.fixture(scope="session")
def site(prepared: tuple[Path, str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The web server of a copy of that installation, so that what a story changes stays its own process's."""
    folder, email, password = prepared
    own = tmp_path_factory.mktemp("site")
    shutil.copytree(folder, own / "var")
    processes = Processes(own, environment_of(own / "var"))
    [port] = free_ports(1)
    processes.serve(port)
    processes.wait_for(lambda: "Serving on" in processes.log.read_text(errors="replace"))
    yield Site(f"http://127.0.0.1:{port}", processes, email, password)
    processes.end()


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"stories need {CHROMIUM}: apt-get install chromium")
    # Playwright keeps an event loop in this thread, and Django then refuses every query of the tests that follow.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)


@pytest.fixture
def visitor(_browser: Browser, site: Site) -> Iterator[Visitor]:
    """A lead of the demonstration with a browser; whatever the browser complains of fails the test."""
    visitor = Visitor(_browser, site.address, site.email, site.password)
    yield visitor
    visitor.close()
    assert visitor.complaints == []
