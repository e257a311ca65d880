"""What every page keeps: log-in first, a policy without exceptions, room on a phone, nothing that shuts people out."""

from collections.abc import Iterable

import pytest
from playwright.sync_api import Page

from apps.dashboard.views.scope import NAVIGATION
from tests.browser.conftest import Site
from tests.browser.site import Visitor, hurdles, overflow_pixels, refused_by_policy

NARROW = {"width": 320, "height": 640}
#: Of every project, by the addresses that the navigation leads to, and those beside them.
PAGES = ("/projects/", "/projects/DEMO/sprints/?all", "/projects/DEMO/sprints/51/", "/projects/DEMO/issues/DEMO-1/")


def pages_of_the_demonstration(page: Page) -> list[str]:
    page.goto("/projects/DEMO/")
    return [link.get_attribute("href") for link in page.get_by_role("navigation").get_by_role("link").all()]


def test_the_bare_address_leads_to_a_log_in_and_then_to_the_projects(visitor: Visitor):
    page = visitor.page(signed_in=False)

    page.goto("/")
    page.get_by_label("E-mail address").fill(visitor.email)
    page.keyboard.press("Tab")
    page.keyboard.type(visitor.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.address}/projects/")

    assert page.get_by_role("link", name="Demonstration").is_visible()


def faults_of(page: Page, addresses: Iterable[str]) -> dict[str, list[str]]:
    """What hinders somebody or breaks the policy, by address."""
    found = {}
    for address in addresses:
        page.goto(address)
        found[address] = hurdles(page) + refused_by_policy(page)
    return {address: what for address, what in found.items() if what}


def test_no_page_hinders_anybody_or_breaks_the_policy(visitor: Visitor):
    page = visitor.page(reduced_motion="reduce")
    addresses = pages_of_the_demonstration(page)

    assert len(addresses) == len(NAVIGATION)
    assert faults_of(page, [*PAGES, *addresses]) == {}


def test_nothing_is_harder_to_read_in_the_dark(visitor: Visitor):
    page = visitor.page(color_scheme="dark")

    assert faults_of(page, ("/projects/DEMO/", "/projects/DEMO/sprints/")) == {}


def test_every_page_fits_a_narrow_phone(visitor: Visitor):
    page = visitor.page(viewport=NARROW)
    found = {}

    for address in [*PAGES, *pages_of_the_demonstration(page)]:
        page.goto(address)
        found[address] = overflow_pixels(page)

    assert {address: pixels for address, pixels in found.items() if pixels > 0} == {}


def test_the_longest_language_fits_a_narrow_phone(visitor: Visitor):
    page = visitor.page(viewport=NARROW)
    page.set_extra_http_headers({"Accept-Language": "de"})
    found = {}

    for address in ("/projects/", "/projects/DEMO/", "/projects/DEMO/sprints/", "/projects/DEMO/settings/"):
        page.goto(address)
        assert page.locator("html").get_attribute("lang") == "de"
        found[address] = overflow_pixels(page)

    assert {address: pixels for address, pixels in found.items() if pixels > 0} == {}


@pytest.mark.parametrize("address", ["/api/docs/", "/admin/login/"])
def test_the_policy_holds_beyond_our_own_pages(visitor: Visitor, address: str):
    page = visitor.page(signed_in=False)

    page.goto(address)
    page.wait_for_load_state("networkidle")

    assert refused_by_policy(page) == []


def test_the_policy_holds_in_the_administration(visitor: Visitor, site: Site):
    """Lists, forms with calendars and pickers: what Django's own scripts and sheets do there."""
    site.processes.script(
        "from apps.accounts.models import User; "
        "User.objects.with_email('root@example.com').exists() or "
        "User.objects.create_superuser('root@example.com', 'a long enough password')"
    )
    page = visitor.page(signed_in=False)
    page.goto("/admin/login/?next=/admin/")
    page.fill("#id_username", "root@example.com")
    page.fill("#id_password", "a long enough password")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{visitor.address}/admin/")
    refused = refused_by_policy(page)

    for address in ("/admin/projects/issue/", "/admin/accounts/user/add/", "/admin/ml/mlmodel/"):
        page.goto(address)
        refused += refused_by_policy(page)

    assert refused == []
