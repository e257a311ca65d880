"""A page as its readers find it: opened, looked over for what a browser complains of, asked for what axe finds."""

from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

#: No sandbox inside containers; no network but the server's; nothing that starts and loads in the background.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: What axe calls these makes a page unusable for somebody.
SERIOUS = {"serious", "critical"}
#: Reports of the Content-Security-Policy; a script before all others, so that none escapes.
_WATCH = """
window.refused = [];
document.addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective + ' ' + e.blockedURI));
"""


@dataclass
class Visitor:
    """Somebody with a browser: how the pages are reached, and what went wrong on the way."""

    browser: Browser
    address: str
    email: str
    password: str
    #: What a log-in leaves in a browser: one is typed for a run, and all other windows begin with that.
    left: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, *, signed_in: bool = True, **settings: Any) -> Page:
        """A fresh window; `settings` are those of a Playwright context: viewport, color_scheme, java_script_enabled."""
        context = self.browser.new_context(base_url=self.address, **settings)
        self._contexts.append(context)
        context.add_init_script(_WATCH)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        if signed_in:
            if not self.left:
                self.log_in(page)
                self.left.extend(context.cookies())
            context.add_cookies(self.left)
        return page

    def log_in(self, page: Page) -> None:
        """As a person does, whose projects are shown then."""
        page.goto("/login/")
        page.get_by_label("E-mail address").fill(self.email)
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{self.address}/projects/")

    def _listen(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(f"{said.text} {said.location.get('url')}")

    def close(self) -> None:
        while self._contexts:
            self._contexts.pop().close()


def refused_by_policy(page: Page) -> list[str]:
    """What the Content-Security-Policy kept from running or showing."""
    found: list[str] = page.evaluate("window.refused")
    return found


def hurdles(page: Page) -> list[str]:
    """What axe finds serious, with the elements."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]}" for rule in found if rule["impact"] in SERIOUS for node in rule["nodes"]
    ]


def overflow_pixels(page: Page) -> int:
    """How far the page is wider than its window."""
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide
