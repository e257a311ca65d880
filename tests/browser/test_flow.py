"""A lead asks how work flows, why the date moved and what was said; sets what blocks; brings a file."""

import re
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.site import Visitor, hurdles, overflow_pixels, refused_by_policy

#: Pages and parts that the navigation does not lead to.
ADDRESSES = ("moved/", "said/", "parts/?by=component", "references/", "import/")
FILE = b"Key,Title,Status\nB-1,Paint the door,Open\n"


def test_parts_and_imports_hinder_nobody_and_fit_a_phone(visitor: Visitor):
    page = visitor.page(viewport={"width": 320, "height": 640}, color_scheme="dark")
    found = {}

    for address in ADDRESSES:
        page.goto(f"/projects/DEMO/{address}")
        found[address] = (hurdles(page), refused_by_policy(page), max(overflow_pixels(page), 0))

    assert found == {address: ([], [], 0) for address in ADDRESSES}


def test_what_blocks_is_said_once_and_flow_tells_how_long(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/flow/")
    page.get_by_role("link", name="Say which statuses or labels do.").click()

    page.get_by_label("In review: issues wait").check()
    page.get_by_label("In review: issues are blocked").check()
    page.locator("#board").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    page.get_by_role("navigation").get_by_role("link", name="Flow").click()

    expect(page.get_by_text("of the time from start to done")).to_be_visible()
    expect(page.get_by_role("heading", name="Blocked, and why").locator("..")).to_contain_text("In review")


def test_the_overview_tells_why_the_date_moved_and_compares_with_another_day(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/")
    moved = page.locator("section", has=page.get_by_role("heading", name="Why the date moved"))

    expect(moved).to_contain_text("Speed: what was finished in between")
    first = moved.inner_text()
    moved.get_by_label("Compare with").fill((timezone.localdate() - timedelta(days=60)).isoformat())
    moved.get_by_role("button", name="Show").click()

    expect(moved).not_to_have_text(first)
    expect(moved).to_contain_text(re.compile("the date of 85.% certainty"))


def test_a_file_waits_for_a_worker_and_the_page_says_so(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/import/")

    page.get_by_label("CSV, or JSON lines").set_input_files(
        {"name": "board.csv", "mimeType": "text/csv", "buffer": FILE}
    )
    page.get_by_role("button", name="Show what would come", exact=True).click()

    expect(page.locator(".lead")).to_contain_text("Queued.")
    page.get_by_role("link", name="Import", exact=True).click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("board.csv")
