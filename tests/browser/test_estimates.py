"""The stories of backlog, trust and models, as a lead lives them."""

import re

from playwright.sync_api import expect

from tests.browser.site import Visitor, hurdles, refused_by_policy

BACKLOG, TRUST, MODELS = (f"/projects/DEMO/{name}/" for name in ("backlog", "trust", "models"))


def test_what_is_typed_is_estimated_and_a_reason_opens_in_place(visitor: Visitor):
    page = visitor.page()
    page.goto(BACKLOG)

    page.get_by_label("Title of an issue").press_sequentially("Password reset mail arrives twice")
    expect(page.locator("#typed")).to_contain_text(re.compile(r"\d+ points.*within a factor of two", re.DOTALL))
    page.locator("details.why summary").first.click()

    reasons = page.locator("tr.reasons").first
    expect(reasons).to_contain_text("Finished issues most like it")
    expect(reasons.get_by_role("img").first).to_be_visible()
    assert hurdles(page) + refused_by_policy(page) == []


def test_without_scripts_the_list_is_searched_and_reasons_have_a_page(visitor: Visitor):
    page = visitor.page(java_script_enabled=False, signed_in=False)
    visitor.log_in(page)
    page.goto(BACKLOG)

    page.get_by_label("Search titles and keys").fill("checkout")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=re.compile(r"^DEMO-\d+$")).first.click()

    expect(page.locator("main")).to_contain_text("Who could do it")


def test_by_keyboard_alone_a_training_is_asked_for_and_followed(visitor: Visitor):
    page = visitor.page()
    page.goto(MODELS)

    page.get_by_role("button", name="Train Hours").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#trainings")).to_contain_text("queued")
    assert hurdles(page) + refused_by_policy(page) == []


def test_the_first_start_asks_for_a_replay_and_the_page_says_what_it_waits_for(visitor: Visitor):
    page = visitor.page()
    page.goto(TRUST)

    expect(page.locator("#replay")).to_contain_text("queued")
    expect(page.get_by_role("button", name="Replay the past now")).to_be_disabled()
    assert hurdles(page) + refused_by_policy(page) == []
