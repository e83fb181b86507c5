"""The region that won, outlined on its tile; `c` opens the frame on it and Enter searches with it."""

import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from indexing.models import Item
from indexing.services.corpora import change_settings
from labeling.models import CurrentVerdict, LabelClass, Verdict
from tests.browser import deck
from tests.browser.test_review import all_saved as review_saved
from tests.browser.test_workbench import all_saved

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZE = (640, 480)
CORNER = (0.667, 0.667, 1.0, 1.0)  # where the object lies, in every frame that has it
NUM_WITH, NUM_WITHOUT = 4, 8


@pytest.fixture
def frames(corpus, mia, shared_data, tmp_path, settings):
    """Street scenes of photos; in the lower right ninth of some a stop sign."""
    photos = shared_data / "photos"
    grounds = sorted((photos / "car_side").iterdir())[: NUM_WITH + NUM_WITHOUT]
    signs = sorted((photos / "stop_sign").iterdir())[:NUM_WITH]
    files = []
    for number, ground in enumerate(grounds):
        frame = Image.open(ground).convert("RGB").resize(SIZE)
        if number < NUM_WITH:
            sign = Image.open(signs[number]).convert("RGB").resize((200, 150))
            frame.paste(sign, (436, 326))
        file = tmp_path / ("with" if number < NUM_WITH else "without") / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        frame.save(file)
        files.append(file)
    change_settings(corpus, by=mia, regions="tiles")
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    LabelClass.objects.create(corpus=corpus, name="stop sign", created_by=mia)
    yield corpus
    process.stop()


def part_of(box: Locator, picture: Locator) -> tuple[float, float, float, float]:
    """Where a box is drawn, in shares of the frame that the letterboxed picture shows."""
    inner, outer = box.bounding_box(), picture.bounding_box()
    assert inner is not None
    assert outer is not None
    scale = min(outer["width"] / SIZE[0], outer["height"] / SIZE[1])
    width, height = SIZE[0] * scale, SIZE[1] * scale
    left, top = outer["x"] + (outer["width"] - width) / 2, outer["y"] + (outer["height"] - height) / 2
    x0, y0 = (inner["x"] - left) / width, (inner["y"] - top) / height
    return x0, y0, x0 + inner["width"] / width, y0 + inner["height"] / height


@pytest.fixture
def page(page_of, ann, frames) -> Page:
    """The ranking by the box of one sign."""
    item = Item.objects.filter(corpus=frames, media_file__name__contains="with.").order_by("pk").first()
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    box = ",".join(str(side) for side in CORNER)
    page.goto(f"/corpora/{frames.pk}/workbench/?term=i{item.pk}@{box}")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    return page


def test_the_region_that_won_is_outlined_and_said(page):
    tile = page.locator("#tile-1")  # the first is the frame that the box was drawn on
    expect(tile.locator(".tile-box")).to_be_visible()
    assert part_of(tile.locator(".tile-box"), tile.locator("img")) == pytest.approx(CORNER, abs=0.03)
    expect(tile).to_have_attribute("aria-label", re.compile("nearest in its lower right part"))
    for number in range(NUM_WITH):
        assert "without" not in (page.locator(f"#tile-{number}").get_attribute("aria-label") or "")
    page.keyboard.press("h")
    expect(tile.locator(".tile-box")).to_be_hidden()


def test_c_opens_the_frame_on_the_region_and_enter_searches_with_it(page):
    page.locator("#tile-1").click()
    page.keyboard.press("c")
    box, picture = page.locator(".frame-box"), page.locator(".frame-picture img")
    expect(box).to_be_visible()
    expect(page.locator(".frame-dialog .frame-head").first).to_contain_text("the part that was found")
    expect(picture).to_have_attribute("style", re.compile("width"))  # the frame has come
    assert part_of(box, picture) == pytest.approx(CORNER, abs=0.03)
    page.keyboard.press("Enter")
    expect(page.locator(".term")).to_have_count(2)
    expect(page).to_have_url(
        re.compile(r"term=i\d+%400\.6667%2C0\.6667%2C1%2C1|term=i\d+@0\.6667,0\.6667,1,1")
    )
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"0\.\d{3}"))


def test_a_box_takes_the_place_of_the_whole_frame_it_was_drawn_on(page, frames):
    page.goto(f"/corpora/{frames.pk}/workbench/")
    page.locator(".tile", has_text="with").first.click()
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text("1.000")
    page.keyboard.press("c")
    expect(page.locator(".frame-box")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"term=i\d+(@|%40)"))
    expect(page.locator(".term")).to_have_count(1)


def test_an_answer_stays_pinned_to_the_region_it_was_about(page, frames):
    page.locator("#tile-2").click()
    expect(page.locator("#tile-2 .tile-box")).to_be_visible()
    drawn = part_of(page.locator("#tile-2 .tile-box"), page.locator("#tile-2 img"))
    page.keyboard.press("a")
    all_saved(page)
    said = Verdict.objects.get()
    assert said.box == pytest.approx(drawn, abs=0.03)
    page.goto(f"/corpora/{frames.pk}/review/")
    tile = page.locator("#tile-0")
    expect(tile).to_have_attribute("aria-label", re.compile("said of its lower right part"))
    expect(tile.locator("img[src]")).to_be_visible()
    expect(tile.locator(".tile-box")).to_be_visible()
    assert part_of(tile.locator(".tile-box"), tile.locator("img")) == pytest.approx(said.box, abs=0.03)


def test_a_box_becomes_an_item_and_is_accepted_in_the_workbench_and_in_review(page, frames):
    page.locator("#tile-1").click()
    page.keyboard.press("c")
    expect(page.locator(".frame-box")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".frame-dialog .badge")).to_have_text("✓ 1 accepted")
    all_saved(page)
    page.keyboard.press("Escape")
    expect(page.locator(".frame-dialog[open]")).to_have_count(0)
    region = Item.objects.get(kind="region")
    assert (region.x0_px, region.y0_px, region.x1_px, region.y1_px) == (427, 320, 640, 480)
    assert Verdict.objects.get().item_id == region.pk
    page.keyboard.press("a")  # the frame has an answer of its own
    all_saved(page)
    page.goto(f"/corpora/{frames.pk}/review/")
    expect(page.locator(".tile img[src]:visible")).to_have_count(2)  # the region has a picture, too
    page.locator(".tile", has_text="with").first.click()
    page.keyboard.press("c")
    expect(page.locator(".frame-box")).to_be_visible()
    expect(page.get_by_role("button", name="Search with the box")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Accept the box").click()
    expect(page.locator(".frame-dialog .badge", has_text="1 accepted")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".frame-dialog[open]")).to_have_count(0)
    page.keyboard.press("z")
    review_saved(page)
    assert Item.objects.filter(kind="region").count() == 2
    assert CurrentVerdict.objects.filter(item__kind="region", answer="accept").count() == 1


def test_the_settings_page_says_what_a_region_index_costs(page_of, mia, frames):
    page = page_of(mia)
    page.goto(f"/corpora/{frames.pk}/")
    chosen = page.get_by_label("What of a frame is searched")
    expect(chosen).to_have_value("tiles")
    expect(page.locator("#settings")).to_contain_text("grow 14 times: for the 12 frames of this corpus from")
