"""A round without keyboard and mouse, on a telephone."""

import pytest
from playwright.sync_api import expect

from labeling.models import CurrentVerdict, LabelClass
from tests.browser import deck
from tests.browser.touch import tap_twice
from tests.browser.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TELEPHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# WCAG 2.2, target size: 24 px both ways, but for links in a text and what is in a larger label
TOO_SMALL = """() => [...document.querySelectorAll('button, select, summary, .facet, input:not(label input)')]
  .filter((each) => each.checkVisibility() && !each.matches('.visually-hidden'))
  .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
  .filter(([, { width, height }]) => width && height && (width < 24 || height < 24))
  .map(([text]) => text)"""


@pytest.fixture
def pictures(corpus, mia, shared_data, tmp_path, settings):
    """Leopards and watches, ingested and encoded."""
    names = ("Leopards", "watch")
    files = [file for name in names for file in sorted((shared_data / "photos" / name).iterdir())[:6]]
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


def fits(page) -> bool:
    """Nothing sticks out at the side: the page does not scroll sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_telephone_does_for_a_round_and_nothing_is_cut_off(page_of, pictures, ann, mia):
    leopard = LabelClass.objects.create(corpus=pictures, name="leopard", created_by=mia)
    page = page_of(ann, **TELEPHONE)
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={leopard.pk}")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    page.locator("#tile-0").tap()  # the example
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text("1.000")
    assert fits(page)
    assert page.evaluate(TOO_SMALL) == []

    peek = page.locator("dialog.frame-dialog")
    tap_twice(page, page.locator("#tile-1"), peek)  # full size
    for answer in ("Accept", "Reject", "Unsure"):
        shown = peek.locator(".frame-head b").inner_text()
        peek.get_by_role("button", name=answer).tap()  # and on to the next
        expect(peek.locator(".frame-head b")).not_to_have_text(shown)
    peek.get_by_role("button", name="Previous").tap()
    expect(peek.locator(".badge")).to_have_text("unsure")
    assert page.evaluate(TOO_SMALL) == []
    peek.get_by_role("button", name="Close").tap()
    said = CurrentVerdict.objects.filter(label_class=leopard).exclude(answer="")
    eventually(lambda: sorted(said.values_list("answer", flat=True)) == ["accept", "reject", "unsure"])

    last = page.locator("sfi-history .batch").first  # the cards are there too
    last.get_by_role("button", name="Undo").tap()
    eventually(lambda: said.count() == 2)

    page.goto(f"/corpora/{pictures.pk}/review/?class={leopard.pk}")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    assert fits(page)
    assert page.evaluate(TOO_SMALL) == []
    page.goto(f"/corpora/{pictures.pk}/map/")
    assert fits(page)
    page.get_by_role("link", name="Jobs").tap()  # the links scroll: all are to be reached
    expect(page).to_have_url(f"{page.url.split('/corpora')[0]}/corpora/{pictures.pk}/jobs/")
