"""The full circle in Chromium: verdicts, train, scores, candidates, verdicts, a second and better model."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import until
from tests.e2e.test_browser import page, picture, saved  # noqa: F401 - the fixture

pytestmark = [pytest.mark.slow, pytest.mark.browser]
ODD = ("stop_sign", "cannon")  # one class of two looks: the neighbors of one example do not show both
CURSOR = '.tile[data-cursor="yes"]'
AT_CURSOR = f"document.querySelector('{CURSOR}')?.getAttribute('aria-label')"
WAIT_MS = 240_000


def answer(page: Page, num: int) -> int:  # noqa: F811
    """Answer `num` tiles from the cursor on as they truly are, by key; how many were accepted."""
    num_accepted = 0
    for _ in range(num):
        label = page.locator(CURSOR).get_attribute("aria-label") or ""
        is_odd = any(name in label for name in ODD)
        num_accepted += is_odd
        page.keyboard.press("a" if is_odd else "x")
        until(page, f"{AT_CURSOR} !== {json.dumps(label)}")
    saved(page)
    return num_accepted


def train(page: Page) -> None:  # noqa: F811
    """From the workbench to a trained and judged version of the class at hand."""
    page.get_by_role("link", name="Train a classifier of it").click()
    expect(page.get_by_label(re.compile("^odd"))).to_be_checked()
    page.get_by_role("button", name="Freeze and train").click()
    expect(page).to_have_url(re.compile(r"/training/runs/\d+/"))
    expect(page.get_by_role("heading", name="Evaluation")).to_be_visible(timeout=WAIT_MS)


def test_a_few_verdicts_become_a_classifier_while_one_looks(page, client, ready_corpus):  # noqa: F811
    api = f"/api/v1/corpora/{ready_corpus}"
    label_class = client.call("POST", f"{api}/classes/", {"name": "odd"}).json["id"]
    items = client.call("GET", f"{api}/items/?kind=frame&limit=500").json["results"]
    example = next(item["id"] for item in items if ODD[0] in item["name"])
    page.goto(f"/corpora/{ready_corpus}/workbench/?class={label_class}&term=i{example}&q=kind:image")
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text("1.000")
    assert answer(page, 24) >= 4
    train(page)
    expect(page.locator("#operating-point")).to_be_visible()
    picture(page, "run")


def test_its_scores_propose_new_candidates_from_a_threshold_on(page, ready_corpus):  # noqa: F811
    page.get_by_role("link", name="Versions, scores, ONNX").click()
    slider = page.get_by_label("Threshold of odd")
    expect(slider).to_be_visible(timeout=WAIT_MS)
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^score 0\.000: (\d+) of \1 items above"))
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^score 0\.005"))
    picture(page, "classifier")
    page.get_by_role("link", name="Propose them in the workbench").click()
    expect(page.locator(".term")).to_contain_text("odd")
    expect(page).to_have_url(re.compile("score%3Aodd%3E%3D0.005"))
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    expect(page.locator(".tile[data-answer='accept'], .tile[data-answer='reject']")).to_have_count(0)
    picture(page, "proposed")


def test_more_verdicts_make_a_second_version_that_is_better_on_the_same_held_out_items(
    page,  # noqa: F811
    ready_corpus,
):
    label_class = re.search(r"class=(\d+)", page.url)[1]
    line = "kind:image+classifier:odd"
    page.goto(f"/corpora/{ready_corpus}/workbench/?class={label_class}&q={line}")
    expect(page.locator(".term")).to_contain_text("odd")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    page.locator("#tile-0").hover()
    page.keyboard.press("Home")
    assert answer(page, 90) >= 10
    train(page)
    page.get_by_role("link", name="Versions, scores, ONNX").click()
    expect(page.get_by_role("link", name="version 2", exact=True)).to_be_visible()
    page.get_by_role("button", name="Compare").click()
    newest = page.get_by_label("on the test side of").locator("option").nth(1).get_attribute("value")
    page.get_by_label("on the test side of").select_option(newest)
    badge = page.get_by_text(re.compile(r"version 2 is \+(?!0\.0)[\d.]+ points of average precision better"))
    expect(badge).to_be_visible()
    picture(page, "compare")


def test_the_better_version_is_made_live_and_the_first_can_be_gone_back_to(page, ready_corpus):  # noqa: F811
    page.get_by_role("link", name="odd", exact=True).first.click()
    page.get_by_role("button", name="Make version 2 live").click()
    expect(page.get_by_text("Version 2 is live")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text("Rolled back: version 1 is live again.")).to_be_visible()
