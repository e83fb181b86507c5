"""Two videos to clips to answers, in Chromium: cut, encoded, searched in the workbench, and ranked anew."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.conftest import PATIENCE_MS
from tests.e2e.test_browser import WIDE, picture, saved

pytestmark = [pytest.mark.slow, pytest.mark.browser]
GESTURES = ("walk", "sister")


@pytest.fixture(scope="module")
def clips_corpus(client, instance, media_root, shared_data) -> int:
    """The id of a corpus of two gestures, cut into clips of 0.6 s every 0.2 s."""
    folder = media_root / "media" / "gestures-of-clips"
    folder.mkdir()
    for name in GESTURES:
        shutil.copyfile(shared_data / "videos" / "gestures" / f"{name}.mkv", folder / f"{name}.mkv")
    made = client.call("POST", "/api/v1/corpora/", {"name": "gestures by clip"})
    assert made.status == 201, made.body
    api = f"/api/v1/corpora/{made.json['id']}"
    wanted = {"clips": "on", "clip_seconds": 0.6, "clip_stride_seconds": 0.2}
    changed = client.call("PATCH", f"{api}/settings/", wanted)
    assert (changed.status, changed.json["clips"]) == (200, "on"), changed.body
    assert client.call("PATCH", f"{api}/settings/", {"clip_seconds": 0}).status == 400
    started = client.call("POST", f"{api}/sources/", {"path": str(folder)})
    assert started.status in {201, 202}, started.body
    jobs = client.call("GET", f"{api}/jobs/").json["results"]
    assert "clips_cut" in {job["kind"] for job in jobs}
    for job in sorted(jobs, key=lambda job: job["id"]):
        client.done(f"{api}/jobs/{job['id']}/")
    yield made.json["id"]
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def page(instance, chromium, clips_corpus):
    context = chromium.new_context(viewport=WIDE, base_url=instance.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/")
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password", exact=True).fill(instance.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{instance.url}/")  # signed in: not the page that leads there
    yield page
    assert not said
    context.close()


def answer(page, key: str) -> None:
    """Press it, and wait until the server has it."""
    with page.expect_response("**/verdicts/") as said:
        page.keyboard.press(key)
    assert said.value.status == 200
    saved(page)


def order(client, corpus: int, label_class: int) -> list[int]:
    """The clips by what was learned."""
    asked = {"class": label_class, "mode": "learned", "unit": "clip", "k": 200, "fold": False}
    answer = client.call("POST", f"/api/v1/corpora/{corpus}/rank/", asked)
    assert answer.status == 200, answer.body
    return [each["item"] for each in answer.json["neighbors"]]


def test_the_corpus_page_says_what_clips_come_to(page, clips_corpus):
    page.goto(f"/corpora/{clips_corpus}/")
    expect(page.get_by_text("builtin-clip@1").first).to_be_visible()
    costs = page.get_by_role("table", name=re.compile("What the 2 videos here come to"))
    expect(costs.get_by_role("row").filter(has_text="0.6 s every 0.2 s")).to_contain_text("chosen")
    picture(page, "corpus-clips")


def test_answers_to_clips_change_the_order_of_clips(page, client, clips_corpus):
    api = f"/api/v1/corpora/{clips_corpus}"
    made = client.call("POST", f"{api}/classes/", {"name": "walk"})
    assert made.status == 201, made.body
    label_class = made.json["id"]
    page.goto(f"/corpora/{clips_corpus}/workbench/")
    page.get_by_role("button", name="Clips", exact=True).click()
    expect(page).to_have_url(re.compile("unit=clip"))
    tile = page.locator(".tile").filter(has_text="▶ 0.6 s").first
    expect(tile).to_be_visible()
    picture(page, "workbench-clips")
    tile.click()
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text("1.000")  # it is ranked by the example
    picture(page, "workbench-clips-ranked")
    answer(page, "a")
    before = order(client, clips_corpus, label_class)
    answer(page, "x")
    answer(page, "x")
    after = order(client, clips_corpus, label_class)
    assert [item for item in before if item in after] != after
    page.reload()
    pressed = page.get_by_role("button", name="Clips", exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Frames", exact=True).click()
    expect(page).not_to_have_url(re.compile("unit="))
    listed = client.call("GET", f"{api}/review/?class={label_class}&state=accepted").json["results"]
    assert {each["kind"] for each in listed} == {"clip"}
