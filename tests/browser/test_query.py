"""The query in Chromium: the line of filters with completion, chips, queries of before, the mixed queue."""
# ruff: noqa: F811 - fixtures of another file

import re

import pytest
from playwright.sync_api import Page, expect

from labeling.models import LabelClass, QueryRound
from tests.browser.test_workbench import (  # noqa: F401 - fixtures
    bikes,
    open_workbench,
    pictures,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LINE = "sfi-line input"


@pytest.fixture
def trams(corpus, mia) -> LabelClass:
    return LabelClass.objects.create(corpus=corpus, name="night tram", created_by=mia)


def until(page: Page, what: str) -> None:
    """Waits for an expression to hold; the CSP forbids wait_for_function."""
    page.evaluate(f"async () => {{ while (!({what})) await new Promise((done) => setTimeout(done, 20)); }}")


def total(page: Page) -> int:
    return page.evaluate("document.querySelector('sfi-workbench').session.ranking.total")


def enter(page: Page, line: str) -> None:
    """Types a line over what is there and enters it; waits for its ranking."""
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("/")
        page.keyboard.type(line)
        page.keyboard.press("Enter")


def search(page: Page) -> None:
    """Search with the first tile."""
    with page.expect_response(re.compile("/rank/")):
        page.locator(".tile").first.click()
    expect(page.locator(".term")).to_have_count(1)


def test_a_line_is_completed_by_keys_and_filters_what_is_browsed(open_workbench, ann, corpus, trams):
    page = open_workbench(ann)
    everything = total(page)
    page.keyboard.press("/")
    expect(page.locator(LINE)).to_be_focused()
    page.keyboard.type("-cl")
    options = page.locator(".line-options li")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("-class:")
    expect(options.last).to_contain_text("-classifier:")
    page.keyboard.press("Tab")
    expect(page.locator(LINE)).to_have_value("-class:")
    page.keyboard.type("ni")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(LINE)).to_have_value('-class:"night tram" ')
    page.keyboard.type("file:000")
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("Enter")
    expect(page.locator(LINE)).to_have_value('-class:"night tram" file:000')
    until(page, f"document.querySelector('sfi-workbench').session.ranking.total < {everything}")
    assert re.search(r"q=-class%3A%22night\+tram%22\+file%3A000", page.url)
    page.reload()
    expect(page.locator(LINE)).to_have_value('-class:"night tram" file:000')
    expect(page.locator(".tile img[src]").first).to_be_visible()
    assert 0 < total(page) < everything


def test_what_is_not_understood_is_said_and_marked(open_workbench, ann):
    page = open_workbench(ann)
    page.keyboard.press("/")
    page.keyboard.type("kind:image colour:red")
    page.keyboard.press("Enter")
    problem = page.locator(".query-problem")
    expect(problem).to_contain_text("there is no key colour")
    assert page.evaluate("getSelection().toString()") == "colour:red"
    page.keyboard.press("Control+a")
    page.keyboard.type("red car")
    expect(problem).to_have_count(0)
    page.keyboard.press("Enter")
    expect(problem).to_contain_text("builtin@1 cannot search by text")
    expect(page.locator(LINE)).to_have_attribute("aria-invalid", "true")


def test_a_facet_and_the_line_say_the_same(open_workbench, ann):
    page = open_workbench(ann)
    with page.expect_response(re.compile("/rank/")):
        page.get_by_role("button", name="Photos").click()
    expect(page.locator(LINE)).to_have_value("kind:image")
    enter(page, "state:accepted,untouched")
    expect(page.locator(".facet[data-state=accept] input")).to_be_checked()
    expect(page.locator(".facet[data-state=weak] input")).not_to_be_checked()
    expect(page.get_by_role("button", name="All", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_chip_is_turned_weighed_and_removed_by_keys(open_workbench, ann):
    page = open_workbench(ann)
    search(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("q")
    expect(page.locator(".term")).to_have_count(2)
    page.locator(".term-sign").nth(1).focus()
    page.keyboard.press("-")
    expect(page.locator(".term").nth(1)).to_have_attribute("data-sign", "minus")
    page.locator(".term-sign").nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".term-weight").nth(1)).to_have_value("0.9")
    assert "*-0.9" in page.url
    page.locator(".term-sign").nth(1).focus()
    page.keyboard.press("Delete")
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator(".term-sign").first).to_be_focused()


def test_a_class_is_a_chip_once_something_is_accepted(open_workbench, ann, bikes):
    page = open_workbench(ann)
    search(page)
    page.keyboard.press("a")
    page.keyboard.press("a")
    until(page, "document.querySelector('sfi-workbench').session.outbox.unsaved === 0")
    page.locator(".class-term").first.click()
    chip = page.locator(".term[data-kind=class]")
    expect(chip).to_contain_text(bikes.name)
    page.locator(".term[data-kind=class] .term-class").click()
    expect(chip).to_contain_text("learned")
    assert f"term=l{bikes.pk}" in page.url


def test_a_query_of_before_is_opened_again_from_the_list_and_by_its_address(open_workbench, ann, corpus):
    page = open_workbench(ann)
    search(page)
    enter(page, "kind:image")
    address = page.url
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".term")).to_have_count(0)
    page.locator(".grid-scroll").focus()
    page.keyboard.press("p")
    rows = page.locator(".history-open")
    expect(rows.first).to_be_focused()
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("kind:image")
    expect(rows.first).to_contain_text("you")
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("Enter")
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator(LINE)).to_have_value("kind:image")
    assert page.url == address
    asked = QueryRound.objects.filter(corpus=corpus, is_background=False, filters__kinds=["image"])
    assert len(set(asked.values_list("fingerprint", flat=True))) == 1
    page.locator(".grid-scroll").focus()
    page.keyboard.press("p")
    expect(rows).to_have_count(2)


def test_the_queue_is_mixed_by_share_and_every_tile_says_why(open_workbench, ann):
    page = open_workbench(ann)
    search(page)
    page.keyboard.press("a")
    page.keyboard.press("x")
    until(page, "document.querySelector('sfi-workbench').session.outbox.unsaved === 0")
    card = page.locator("[data-card=mix]")
    if card.get_attribute("open") is None:
        card.locator("summary").click()
    with page.expect_response(re.compile("/rank/")):
        page.get_by_role("button", name="Discover").click()
    expect(card.locator("[data-preset=explore] .mix-share")).to_have_text("60 %")
    presets = (
        "document.querySelector('sfi-workbench').session.ranking.tiles.slice(0, 10).map((t) => t.why.preset)"
    )
    until(page, f"{presets}.filter((preset) => preset === 'explore').length === 6")
    assert "mix=harvest%3A40%2Cexplore%3A60" in page.url
    slider = card.locator("[data-preset=explore] input")
    slider.focus()
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("Home")
    expect(card.locator("[data-preset=harvest] .mix-share")).to_have_text("100 %")
    expect(page.get_by_role("button", name="Top")).to_have_attribute("aria-pressed", "true")
    assert "mix=" not in page.url
