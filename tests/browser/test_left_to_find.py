"""The card "Left to find" in a real Chromium: planned, drawn, answered and read by key."""

import pytest
from playwright.sync_api import expect

from labeling.models import Audit, LabelClass
from tests.browser import deck
from tests.browser.test_review import say
from tests.browser.waiting import until

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


def test_an_audit_is_planned_drawn_and_read_without_a_mouse(page_of, pictures, ann, bikes):
    items = list(pictures.items.filter(media_file__name__contains="Motorbikes").order_by("pk"))
    say(pictures, ann, bikes, items[:12], "accept")
    page = page_of(ann, viewport={"width": 1024, "height": 768})
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={bikes.pk}&term=i{items[0].pk}")
    card = page.locator("sfi-left-to-find")
    expect(card).to_contain_text("Not measured")
    plan = card.get_by_role("button", name="Plan an audit")
    expect(plan).to_be_enabled()
    plan.focus()
    page.keyboard.press("Enter")
    expect(card.get_by_label("Horizon")).to_be_focused()
    expect(card).to_contain_text("Price of certainty")
    draw = card.get_by_role("button", name="Draw it")
    draw.focus()
    page.keyboard.press("Enter")
    expect(card).to_contain_text("looked at")
    audit = Audit.objects.get()
    expect(card).to_contain_text(f"0 of {audit.looks} looked at")
    until(page, "document.querySelector('sfi-workbench').session.ranking.state === 'idle'")  # draws are in it
    page.locator("#tile-0").click()
    for _ in range(len(items) - 12 + 16):  # everything that is undecided, draws and all
        page.keyboard.press("x")
    expect(card).to_contain_text("recall at least")
    expect(card).to_contain_text("Model estimate, not a bound")
    expect(card).to_contain_text("A new ranking needs a new audit")


def test_a_viewer_reads_the_card_and_can_draw_nothing(page_of, pictures, vera, bikes):
    page = page_of(vera, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={bikes.pk}")
    card = page.locator("sfi-left-to-find")
    expect(card).to_contain_text("Not measured")
    expect(card.get_by_role("button")).to_be_disabled()
