"""The main job in Chromium, from the one-time password to a downloaded dataset, on real photos and videos."""

import os
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import until
from tests.conftest import PATIENCE_MS

pytestmark = [pytest.mark.slow, pytest.mark.browser]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 1024, "height": 768}
OUTBOX = "document.querySelector('sfi-workbench, sfi-review').session.outbox"
KEPT = os.environ.get("SISYPHUS_SCREENSHOTS")  # a folder: where to keep the pictures of the pages


@pytest.fixture(scope="module")
def page(instance, chromium, ready_corpus):
    context = chromium.new_context(viewport=WIDE, base_url=instance.url, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.goto("/")
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password", exact=True).fill(instance.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{instance.url}/")  # signed in: not the page that leads there
    yield page
    assert not said
    context.close()


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page, if asked for: wide, narrow, light."""
    if not KEPT:
        return
    folder = Path(KEPT)
    folder.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(600)
    page.screenshot(path=folder / f"{name}.png")
    page.set_viewport_size(NARROW)
    page.wait_for_timeout(300)
    page.screenshot(path=folder / f"{name}-1024.png")
    page.set_viewport_size(WIDE)
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_timeout(200)
    page.screenshot(path=folder / f"{name}-light.png")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")


def saved(page: Page) -> None:
    until(page, f"!{OUTBOX}.unsaved")  # counted before the status line is drawn
    expect(page.locator(".status-unsaved")).to_have_text("all saved")


def test_the_corpus_page_shows_what_came_in_and_why_files_were_refused(page, ready_corpus):
    page.goto("/")
    expect(page.get_by_role("link", name="e2e").first).to_be_visible()
    picture(page, "corpora")
    page.goto(f"/corpora/{ready_corpus}/")
    expect(page.get_by_text("media files").first).to_be_visible()
    page.goto(f"/corpora/{ready_corpus}/?state=refused")
    expect(page.locator("body")).to_contain_text("empty.jpg")
    picture(page, "corpus")


def test_a_rare_object_is_found_by_example_and_answered_by_keyboard(page, ready_corpus):
    page.goto(f"/corpora/{ready_corpus}/workbench/")
    page.get_by_placeholder("New class").fill("motorbike")
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_contain_text("motorbike")
    page.locator('.tile:visible[aria-label*="Motorbikes"]').first.click()
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text("1.000")  # it is ranked by the example
    for key in "aaaaaxx":
        page.keyboard.press(key)
    saved(page)
    picture(page, "workbench")
    expect(page.locator('.tile[data-answer="accept"]')).not_to_have_count(0)
    page.keyboard.press("z")
    saved(page)
    page.keyboard.press("Shift+Z")
    saved(page)
    address = page.evaluate("location.href")
    page.reload()
    expect(page).to_have_url(address)
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator("#tile-0 img[src]")).to_be_visible()


def test_a_ranking_is_taken_as_weak_labels_and_cleaned_on_the_review_page(page, ready_corpus):
    page.get_by_label("How many").fill("8")
    with page.expect_response("**/weak/") as taken:
        page.get_by_role("button", name="Take 8").click()
    assert taken.value.status == 201
    page.goto(f"/corpora/{ready_corpus}/review/")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    picture(page, "review")
    weak = page.get_by_role("tab", name=re.compile("weak", re.IGNORECASE))
    weak.click()
    expect(weak).to_have_attribute("aria-selected", "true")
    expect(page.locator(".tile-mark:visible", has_text="weak").first).to_be_visible()
    page.locator("#tile-0").focus()
    page.keyboard.press("a")
    page.keyboard.press("x")
    saved(page)


def test_a_dataset_version_is_frozen_exported_and_downloaded(page, ready_corpus, tmp_path):
    page.goto(f"/corpora/{ready_corpus}/datasets/")
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("body")).to_contain_text("motorbike")
    page.get_by_role("button", name=re.compile("ImageFolder")).first.click()
    link = page.locator("a[href*='/exports/']").first
    expect(link).to_be_visible(timeout=240_000)
    picture(page, "datasets")
    with page.expect_download() as download:
        link.click()
    path = tmp_path / "dataset.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert any("/motorbike/" in name for name in archive.namelist())


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("jobs", "/jobs/"),
        ("corpus-jobs", "/corpora/{corpus}/jobs/"),
        ("members", "/corpora/{corpus}/members/"),
        ("tokens", "/account/tokens/"),
        ("help", "/help/"),
        ("new-corpus", "/corpora/new/"),
    ],
)
def test_every_page_opens_without_a_script_error(page, ready_corpus, name, path):
    answer = page.goto(path.format(corpus=ready_corpus))
    assert answer is not None
    assert answer.status == 200
    picture(page, name)
