"""The demo that `bin/sisyphus up --demo` makes: found, answered, and the picture of README.md."""

import json
import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import Locator, expect

from sisyphus_web.demo import NUM_PHOTOS, has_triangle
from tests.e2e.instance import ROOT
from tests.e2e.test_browser import page, picture, saved  # noqa: F401 - the page is a fixture

pytestmark = [pytest.mark.slow, pytest.mark.browser]
LOOKS = 36
ANSWERED = ".tile[data-answer=accept], .tile[data-answer=reject], .tile[data-answer=unsure]"


def answer_to(tile: Locator) -> str:
    """The key of the true answer; unsure of frames, since only the photos are known by their number."""
    found = re.search(r"photo-(\d+)", tile.get_attribute("aria-label") or "")
    if found is None:
        return "u"
    return "a" if has_triangle(int(found[1])) else "x"


def test_the_signs_of_the_demo_are_found_by_looking_at_what_is_ranked_first(page, instance, operator):  # noqa: F811
    env = os.environ | json.loads((instance.data_dir / "run" / "env").read_text())
    subprocess.run([sys.executable, "manage.py", "make_demo"], cwd=ROOT, env=env, check=True, timeout=400)
    corpora = operator.call("GET", "/api/v1/corpora/").json["results"]
    demo = next(each["id"] for each in corpora if each["name"] == "Demo")
    for job in sorted(
        operator.call("GET", f"/api/v1/corpora/{demo}/jobs/").json["results"], key=lambda each: each["id"]
    ):
        operator.done(f"/api/v1/corpora/{demo}/jobs/{job['id']}/")
    api = f"/api/v1/corpora/{demo}"
    made = operator.call("POST", f"{api}/classes/", {"name": "warning sign"}).json["id"]
    items = operator.call("GET", f"{api}/items/?page_size=500").json["results"]
    files = {each["id"]: each for each in operator.call("GET", f"{api}/media/?page_size=500").json["results"]}
    start = next(item for item in items if "photo-003" in files[item["media_file"]]["name"])

    page.goto(f"/corpora/{demo}/workbench/?class={made}&term=i{start['id']}")
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text("1.000")  # ranked, not only laid out
    looked = found = 0
    while looked < LOOKS:
        at_cursor = page.get_by_role("listbox").get_attribute("aria-activedescendant")
        key = answer_to(page.locator(f"#{at_cursor}"))
        page.keyboard.press(key)
        looked, found = looked + 1, found + (key == "a")
        if looked % 12 == 0:
            saved(page)
            if looked < LOOKS:
                page.keyboard.press("r")
                expect(page.locator(ANSWERED)).to_have_count(0)  # they leave with the better ranking
    picture(page, "workbench")
    share_of_all = sum(map(has_triangle, range(NUM_PHOTOS))) / NUM_PHOTOS
    assert found / looked > share_of_all
