"""Three hundred decisions with no network, a closed tab, a reload and lost answers: all arrive, in order."""

import itertools

import pytest
from django.http import HttpResponse
from playwright.sync_api import Page, Route, expect

from labeling.api.verdicts import VerdictView
from labeling.models import CurrentVerdict, LabelClass, Verdict
from tests.browser import deck
from tests.browser.test_workbench import OUTBOX, all_saved
from tests.browser.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NUM_PHOTOS = 330
SAVING = "**/verdicts/"


@pytest.fixture
def pictures(corpus, mia, shared_data, tmp_path, settings):
    """Photos, ingested and encoded."""
    files = sorted((shared_data / "photos").glob("*/*.jpg"))[:NUM_PHOTOS]
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


@pytest.fixture
def bikes(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="motorbike", created_by=mia)


class Annotator:
    """Answers the tiles of a page one after the other, never one twice, and remembers what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[int, str]] = []
        self.keys = itertools.cycle("aaxau")

    def answer(self, page: Page, count: int) -> None:
        """`count` more decisions by keyboard."""
        names = {"a": "accept", "x": "reject", "u": "unsure"}
        known = {item for item, _ in self.said}
        at_cursor = """() => {
            const grid = document.querySelector("sfi-grid");
            const tile = grid.querySelector("[role=listbox]").getAttribute("aria-activedescendant");
            return grid.tiles[Number(tile.slice("tile-".length))].item;
        }"""
        while count:
            item = page.evaluate(at_cursor)
            if item in known:
                page.keyboard.press("ArrowRight")
                continue
            key = next(self.keys)
            page.keyboard.press(key)
            self.said.append((item, names[key]))
            known.add(item)
            count -= 1


def stored(page: Page, count: int) -> None:
    """Wait until the browser has that many decisions on its disk."""
    until(page, f"(await {OUTBOX}.pending()).length === {count}")


def test_three_hundred_decisions_survive_everything(page_of, pictures, ann, bikes, monkeypatch):
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/workbench/")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    annotator, context, address = Annotator(), page.context, page.url

    context.set_offline(True)
    annotator.answer(page, 100)
    expect(page.locator(".status-unsaved")).to_contain_text("100 unsaved")
    stored(page, 100)
    # what a page sends while it goes is neither held back by the route nor by being offline
    monkeypatch.setattr(VerdictView, "post", lambda *_, **__: HttpResponse(status=503))
    page.close(run_before_unload=False)

    context.route(SAVING, lambda route: route.abort())  # the pages load, but nothing is taken
    context.set_offline(False)
    page = context.new_page()
    page.goto(address)
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    annotator.answer(page, 60)
    stored(page, 160)
    page.on("dialog", lambda dialog: dialog.accept())  # "leave? there is something unsaved"
    page.reload()
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    annotator.answer(page, 10)
    stored(page, 170)
    assert not Verdict.objects.exists()

    context.unroute(SAVING)
    monkeypatch.undo()
    turns = itertools.cycle(["no answer", "taken", "no server"])
    lost = []

    def bad_network(route: Route) -> None:
        turn = next(turns)
        if turn == "no answer":
            lost.append(route.fetch())  # committed on the server
            route.abort()
        elif turn == "no server":
            route.abort()
        else:
            route.continue_()

    context.route(SAVING, bad_network)
    annotator.answer(page, 130)
    all_saved(page)
    assert lost, "an answer was lost"
    ledger = list(Verdict.objects.order_by("id").values_list("item_id", "answer"))
    assert ledger == annotator.said
    assert len(ledger) == 300
    assert CurrentVerdict.objects.filter(corpus=pictures).exclude(answer="").count() == 300
    assert page.evaluate(f"async () => (await {OUTBOX}.problems()).length") == 0
