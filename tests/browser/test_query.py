"""The query in Chromium: the line of filters with completion, chips, queries of before, the mixed queue."""
# ruff: noqa: F811 - fixtures of another file

import re

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from indexing.models import FeatureShard
from labeling.models import LabelClass, QueryRound
from tests import factories as made
from tests.browser.test_workbench import (  # noqa: F401 - fixtures
    bikes,
    open_workbench,
    pictures,
)
from tests.browser.waiting import intercepted, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LINE = "sfi-line input"


@pytest.fixture
def trams(corpus, mia) -> LabelClass:
    return LabelClass.objects.create(corpus=corpus, name="night tram", created_by=mia)


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
        page.locator("#tile-0").click()
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"\d\.\d{3}"))  # they are here


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
    expect(page).to_have_url(re.compile(r"q=-class%3A%22night\+tram%22\+file%3A000"))
    page.reload()
    expect(page.locator(LINE)).to_have_value('-class:"night tram" file:000')
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
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


def test_an_address_that_is_not_understood_says_what_and_keeps_the_line_to_be_mended(
    open_workbench, ann, corpus
):
    page = open_workbench(ann)
    page.goto(f"/corpora/{corpus.pk}/workbench/?term=xyz&q=colour:red")
    expect(page.locator(".query-problem")).to_contain_text("there is no key colour")
    expect(page.locator(LINE)).to_have_value("colour:red")
    expect(page.locator(".start-line[role=alert]")).to_contain_text("“xyz” was left out")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    page.locator(LINE).fill("kind:image")
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("Enter")
    expect(page.locator(".query-problem")).to_have_count(0)
    expect(page.locator(".grid-scroll")).to_be_focused()  # keys are about what was found


def test_an_example_that_was_deleted_is_marked_and_left_out_by_one_button(open_workbench, ann, corpus):
    page = open_workbench(ann)
    kept, gone = corpus.items.order_by("pk")[:2]
    corpus.items.filter(pk=gone.pk).update(deleted_at=timezone.now())
    page.goto(f"/corpora/{corpus.pk}/workbench/?term=i{kept.pk}&term=i{gone.pk}")
    expect(page.get_by_role("alert")).to_contain_text("Term 2 of the query names what is not here")
    expect(page.locator(".term[data-gone]")).to_have_count(1)
    with page.expect_response(re.compile("/rank/")) as answer:
        page.get_by_role("button", name="Search without it").click()
    assert answer.value.status == 200
    expect(page.locator(".term")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"term=i{kept.pk}$"))


def test_a_further_page_that_fails_is_told_asked_for_again_and_moves_nothing(open_workbench, ann):
    page = open_workbench(ann)
    search(page)
    ranking = "document.querySelector('sfi-workbench').session.ranking"
    expect(page.locator(".tile:visible:not(:has(img[src]))")).to_have_count(0)  # they come one by one
    tiles = page.locator(".tile:visible img[src]").count()
    place = page.locator("#tile-0").bounding_box()
    before = page.evaluate(f"{ranking}.tiles.map((tile) => tile.item)")
    # Of a 503 the page would ask again by itself.
    page.route("**/rank/", lambda route: route.fulfill(status=500, json={"detail": "Gone for now."}))
    intercepted(page)
    page.evaluate(f"() => {{ {ranking}.isComplete = false }}")  # the corpus is smaller than a page
    page.evaluate("document.querySelector('sfi-workbench').session.more()")
    expect(page.get_by_role("alert")).to_contain_text("Gone for now.")
    assert page.locator("#tile-0").bounding_box() == place
    page.unroute("**/rank/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    until(page, f"{ranking}.isComplete")
    assert page.evaluate(f"{ranking}.tiles.map((tile) => tile.item)") == before
    expect(page.locator(".tile:visible img[src]")).to_have_count(tiles)
    assert tiles > 0


def test_a_search_of_somebody_signed_out_goes_on_once_they_are_back(
    open_workbench, ann, settings, live_server
):
    page = open_workbench(ann)
    Session.objects.all().delete()
    enter(page, "kind:image")
    alert = page.locator(".start-line[role=alert]")
    expect(alert).to_contain_text("You are signed out")
    expect(alert.get_by_role("link", name="Sign in again")).to_have_attribute("target", "_blank")
    client = Client()
    client.force_login(ann)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    expect(alert).to_have_count(0)
    expect(page).to_have_url(re.compile("q=kind%3Aimage$"))


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
    expect(page).to_have_url(re.compile(r"\*-0\.9"))
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
    expect(page).to_have_url(re.compile(f"term=l{bikes.pk}"))


def test_a_query_of_before_is_opened_again_from_the_list_and_by_its_address(open_workbench, ann, corpus):
    page = open_workbench(ann)
    search(page)
    enter(page, "kind:image")
    address = page.evaluate("location.href")
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
    expect(page).to_have_url(address)
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
    expect(page).to_have_url(re.compile("mix=harvest%3A40%2Cexplore%3A60"))
    slider = card.locator("[data-preset=explore] input")
    slider.focus()
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("Home")
    expect(card.locator("[data-preset=harvest] .mix-share")).to_have_text("100 %")
    expect(page.get_by_role("button", name="Top")).to_have_attribute("aria-pressed", "true")
    expect(page).not_to_have_url(re.compile("mix="))


def test_what_is_not_encoded_yet_is_told_and_shown_before_anything_is(open_workbench, ann, corpus):
    page = open_workbench(ann)
    expect(page.locator(".start-partly")).to_have_count(0)
    photo = corpus.items.first()
    made.ItemFactory(media_file=photo.media_file, start_pts=1, thumbnail_pack=photo.thumbnail_pack)
    page.reload()
    expect(page.locator(".start-partly")).to_contain_text("30 of 31 items were encoded")
    FeatureShard.objects.all().delete()
    page.reload()
    expect(page.locator(".start-partly")).to_contain_text("0 of 31 items were encoded")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()  # the corpus as it lies, not an empty page
    assert total(page) == 31
