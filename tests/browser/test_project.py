"""A lead's morning: when is it done, what is unusual, what endangers the sprint, what to take out, who may read it."""

import re

from playwright.sync_api import expect

from tests.browser.site import Visitor


def test_a_lead_gets_from_the_bare_address_to_what_to_take_out(visitor: Visitor):
    page = visitor.page()
    page.goto("/")

    page.get_by_role("link", name="Demonstration shop").click()
    expect(page.locator(".lead")).to_contain_text("certainty by")
    page.get_by_role("navigation").get_by_role("link", name="Sprint").click()

    expect(page.locator(".lead")).to_contain_text("Likely to deliver")
    expect(page.get_by_role("heading", name="What endangers it")).to_be_visible()
    assert re.search(r"/projects/DEMO/sprints/\d+/$", page.url)


def test_the_chance_of_a_plan_follows_the_check_boxes_at_once(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/sprints/")

    page.get_by_role("checkbox").first.uncheck()
    expect(page.locator("#answer")).to_contain_text("without 1 issue")
    page.get_by_role("checkbox").nth(1).uncheck()
    expect(page.locator("#answer")).to_contain_text("without 2 issues")

    assert page.url.endswith("/")


def test_a_plan_is_a_form_where_no_script_runs(visitor: Visitor):
    page = visitor.page(java_script_enabled=False)
    page.goto("/projects/DEMO/sprints/")

    page.get_by_role("checkbox").first.uncheck()
    page.get_by_role("button", name="Chance with this plan").click()

    expect(page.locator("#answer")).to_contain_text("without 1 issue")
    expect(page.get_by_role("checkbox").first).not_to_be_checked()


def test_the_list_of_projects_shows_the_chance_of_the_next_sprint(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/")

    expect(page.get_by_role("row").nth(1)).to_contain_text(re.compile(r"Sprint \d+ \d+\s%"))


def test_an_anomaly_is_seen_and_closed_in_place(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/")
    first = page.locator("#anomalies .risk > li").first
    told = first.inner_text().splitlines()[0]

    first.get_by_role("button", name="Seen").click()
    expect(first).to_contain_text("seen")
    first.get_by_role("button", name="Resolved").click()

    expect(page.locator("#anomalies")).not_to_contain_text(told.partition(" ")[2])
    assert page.url.endswith("/projects/DEMO/")


def test_pages_are_walked_by_keyboard_alone(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Sprint"
    page.keyboard.press("Enter")
    page.wait_for_url("**/sprints/*/")
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")

    expect(page.locator("#answer")).to_contain_text("without 1 issue")


def test_paper_shows_the_figures_and_nothing_to_press(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/")
    page.emulate_media(media="print")

    shown = [button for button in page.locator("button, nav, .btn").all() if button.is_visible()]

    assert shown == []
    expect(page.locator(".chart.wide").first).to_be_visible()


def test_whoever_has_a_link_reads_one_page_without_an_account(visitor: Visitor):
    page = visitor.page()
    page.goto("/projects/DEMO/share/")
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("Address").first.input_value()

    stranger = visitor.page(signed_in=False)
    stranger.goto(address)
    expect(stranger.get_by_role("heading", name="Demonstration shop")).to_be_visible()
    page.get_by_role("button", name="Withdraw").first.click()
    expect(page.get_by_role("status")).to_contain_text("leads nowhere")
    stranger.goto(address)

    expect(stranger.get_by_role("heading", name="There is nothing here")).to_be_visible()
    visitor.complaints.remove(next(said for said in visitor.complaints if "404" in said))


def test_logging_out_closes_the_pages(visitor: Visitor):
    page = visitor.page(signed_in=False)
    # By a log-in of its own, which ends: others go on.
    visitor.log_in(page)

    page.locator(".me summary").click()
    page.get_by_role("button", name="Log out").click()
    page.goto("/projects/DEMO/")

    expect(page).to_have_url(re.compile(r"/login/\?next=/projects/DEMO/$"))
