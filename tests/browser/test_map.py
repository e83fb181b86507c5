"""The map in a real Chromium: drawn, colored, lassoed into the grid, and used by keys alone."""

import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from indexing.models import MapRegion
from indexing.services import projections
from indexing.tasks import build_map
from labeling.models import LabelClass
from sisyphus_web.jobs.models import Job
from tests.browser import deck
from tests.browser.test_review import say
from tests.indexing.made import add_items, clustered, make_feature_set

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def pictures(corpus, mia, shared_data, tmp_path, settings):
    """Motorbikes and leopards, ingested and encoded."""
    names = ("Motorbikes", "Leopards")
    files = [file for name in names for file in sorted((shared_data / "photos" / name).iterdir())[:16]]
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


@pytest.fixture
def bikes(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="motorbike", created_by=mia)


def legend(page, name):
    return page.locator(".map-legend li").filter(has_text=name).locator(".number")


def test_a_map_is_drawn_colored_and_lassoed_into_the_grid(page_of, pictures, ann, bikes):
    page = page_of(ann, viewport={"width": 1024, "height": 768})
    page.goto(f"/corpora/{pictures.pk}/map/?class={bikes.pk}")
    page.get_by_role("button", name="Draw the map").click()
    expect(page.get_by_role("heading", name="The map is being drawn")).to_be_visible()
    build_map(Job.objects.get(kind="map_build").pk)
    points = page.locator("sfi-map-view")
    expect(points).to_be_visible()
    expect(legend(page, "untouched")).to_have_text("32")

    say(
        pictures,
        ann,
        bikes,
        list(pictures.items.filter(media_file__name__contains="Motorbikes"))[:5],
        "accept",
    )
    page.reload()
    expect(legend(page, "accepted")).to_have_text("5")
    page.get_by_role("button", name="by score").click()
    expect(legend(page, "farther than most")).to_be_visible()
    page.get_by_role("button", name="by source").click()
    expect(legend(page, "photos")).to_have_text("32")

    box = points.bounding_box()
    corners = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.get_by_role("button", name="Lasso", exact=True).click()
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    expect(page.get_by_role("heading", name="32 items inside")).to_be_visible()
    region = MapRegion.objects.get()
    assert region.num_items == 32
    page.get_by_role("link", name="Show them in the grid").click()
    expect(page).to_have_url(re.compile(rf"q=map(:|%3A)(#|%23){region.pk}"))
    expect(page.locator("#tile-0 img[src]")).to_be_visible()


def test_without_a_mouse_the_point_in_the_middle_is_searched_with(page_of, pictures, ann, mia, bikes):
    build_map(projections.start_map(pictures, created_by=mia).pk)
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/map/?class={bikes.pk}")
    points = page.locator("sfi-map-view")
    points.focus()
    for key in ("+", "+", "-", "ArrowLeft", "ArrowRight", "ArrowUp", "0"):
        page.keyboard.press(key)
    expect(page.locator(".map-peek img")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/workbench/\?(class=\d+&)?term=i\d+"))


def test_without_a_mouse_what_is_in_view_opens_in_the_grid(page_of, pictures, ann, mia, bikes):
    build_map(projections.start_map(pictures, created_by=mia).pk)
    page = page_of(ann, viewport={"width": 1024, "height": 768})
    page.goto(f"/corpora/{pictures.pk}/map/?class={bikes.pk}")
    page.locator("sfi-map-view").focus()
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="32 items inside")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"q=map(:|%3A)(#|%23)\d+"))
    expect(page.locator("#tile-0 img[src]")).to_be_visible()


def test_the_keys_are_the_map_s_as_soon_as_it_is_open(page_of, pictures, ann, mia, bikes):
    build_map(projections.start_map(pictures, created_by=mia).pk)
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/map/?class={bikes.pk}")
    expect(page.locator("sfi-map-view")).to_be_visible()
    page.keyboard.press("l")
    expect(page.get_by_role("heading", name="32 items inside")).to_be_visible()
    page.goto(f"/corpora/{pictures.pk}/map/?class={bikes.pk}")
    expect(page.locator("sfi-map-view")).to_be_visible()
    page.keyboard.press("+")
    expect(page.locator("sfi-map-view")).to_be_focused()


def test_a_viewer_looks_and_draws_nothing(page_of, pictures, vera):
    page = page_of(vera, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/map/")
    expect(page.get_by_role("heading", name="No map yet")).to_be_visible()
    expect(page.get_by_role("button", name="Draw the map")).to_have_count(0)


def body_of_points(map_id, num):
    """What map/points/ would answer for `num` points (the server's half at this size: benchmarks/map.py)."""
    head = json.dumps({"map": map_id, "count": num, "sources": [{"id": 1, "path": "photos"}]}).encode()
    head += b" " * (-(4 + len(head)) % 8)
    places = np.random.default_rng(3).integers(0, 65536, (num, 2)).astype("<u2")
    columns = (np.arange(1, num + 1).astype("<f8"), places, np.zeros(num, "<u2"))
    return len(head).to_bytes(4, "little") + head + b"".join(column.tobytes() for column in columns)


def test_a_million_points_are_moved_hovered_and_lassoed(page_of, corpus, ann, mia, bikes):
    add_items(make_feature_set(corpus), clustered(60))
    build_map(projections.start_map(corpus, created_by=mia).pk)
    num, map_id = 1_000_000, projections.current_map(corpus).pk
    page = page_of(ann, viewport={"width": 1024, "height": 768})
    colors = (np.arange(num) % 20 == 0).astype(np.uint8).tobytes()
    states = np.array([map_id, num], "<u4").tobytes() + colors
    page.route("**/map/points/", lambda route: route.fulfill(body=body_of_points(map_id, num)))
    page.route("**/map/states/*", lambda route: route.fulfill(body=states, headers={"ETag": '"one"'}))
    page.goto(f"/corpora/{corpus.pk}/map/?class={bikes.pk}")
    expect(legend(page, "untouched")).to_have_text("950,000")
    box = page.locator("sfi-map-view").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    expect(page.locator(".map-peek figcaption")).to_contain_text("photos")
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=2)
    page.mouse.up()
    page.mouse.wheel(0, -100)
    page.keyboard.down("Shift")
    corners = [(box["x"] + 5 + a * (box["width"] - 10), box["y"] + 5 + b * (box["height"] - 10))
               for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))]  # fmt: skip
    page.mouse.move(*corners[0])
    page.mouse.down()
    for place in corners[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(page.get_by_role("heading", name=re.compile(r"\d+ items? inside"))).to_be_visible()
    assert MapRegion.objects.count() == 1
