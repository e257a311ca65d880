"""The pictures of the README, taken anew of a demonstration: `.venv/bin/python -m tests.browser.pictures`."""

import base64
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from base.launch import WORKER
from tests.browser.conftest import CHROMIUM
from tests.browser.site import FLAGS, Visitor
from tests.demonstration import environment_of, login, prepare
from tests.engines import free_ports
from tests.processes import ROOT, Processes

FOLDER = ROOT / "docs" / "images"
WINDOW = {"width": 1040, "height": 720}
#: Of WebP, from 0 to 100: letters stay clear, and no picture weighs more than `MOST_BYTES`.
QUALITY = 70
MOST_BYTES = 60_000
#: A worker replays two years of a team.
REPLAYED_SECONDS = 300


def take(folder: Path) -> None:
    """A first start, a worker that replays the past, and a look at each page."""
    email, password = login(prepare(folder / "var"))
    processes = Processes(folder, environment_of(folder / "var"))
    [port] = free_ports(1)
    processes.serve(port)
    processes.start("base.worker", *WORKER[2:])
    processes.wait_for(lambda: "Serving on" in processes.log.read_text(errors="replace"))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            visitor = Visitor(browser, f"http://127.0.0.1:{port}", email, password)
            look(visitor.page(viewport=WINDOW, reduced_motion="reduce", color_scheme="light"))
    finally:
        processes.end()


def look(page: Page) -> None:
    """The first page, the running sprint, and whether predictions are right."""
    replayed(page)
    for name, address in (
        ("start", "/projects/"),
        ("sprint", "/projects/DEMO/sprints/"),
        ("trust", "/projects/DEMO/trust/"),
    ):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        keep(page, FOLDER / f"{name}.webp")


def replayed(page: Page) -> None:
    """Wait until the worker has been seen and is done: then the page has nothing to say of it."""
    until = time.monotonic() + REPLAYED_SECONDS
    while page.goto("/projects/DEMO/trust/") and page.locator(".message").count():
        assert time.monotonic() < until, page.locator(".message").all_inner_texts()
        time.sleep(2)


def keep(page: Page, file: Path) -> None:
    """As WebP, which Playwright does not offer and Chromium does."""
    asked = {"format": "webp", "quality": QUALITY}
    taken = base64.b64decode(page.context.new_cdp_session(page).send("Page.captureScreenshot", asked)["data"])
    assert len(taken) <= MOST_BYTES, f"{file.name}: {len(taken)} bytes"
    file.write_bytes(taken)
    print(f"{file.relative_to(ROOT)}: {len(taken):,} bytes")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        take(Path(place))
