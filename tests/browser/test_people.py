"""Disagreements are settled by the keys of the grid; the people page is read at two widths."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from labeling.models import BlindLook, GoldAnswer, GridSettings, Verdict
from labeling.services.verdicts import record_verdicts
from tests.labeling.conftest import items_of, operation

pytestmark = pytest.mark.django_db(transaction=True)
SHOTS = Path(os.environ["SHOTS"]) if "SHOTS" in os.environ else None


def shot(page, name):
    if SHOTS:
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def vote(corpus, cat, item, annotator, answer, kind):
    now = timezone.now()
    BlindLook.objects.create(
        corpus=corpus, label_class=cat, item=item, annotator=annotator, kind=kind, due_at=now, served_at=now
    )
    record_verdicts(corpus=corpus, annotator=annotator, operations=[operation(item, cat, answer)])


@pytest.fixture
def disputed(corpus, ann, mia, cat):
    """Thirty items said twice, of which ann and mia see five differently; ten gold checks of ann."""
    items = items_of(corpus, 30)
    at = timezone.now() - timedelta(minutes=20)
    for number, item in enumerate(items):
        said = "accept" if number % 2 else "reject"
        record_verdicts(
            corpus=corpus,
            annotator=ann,
            operations=[
                operation(item, cat, said, client_time=at + timedelta(seconds=number), batch=uuid4())
            ],
        )
        other = {"accept": "reject", "reject": "accept"}[said] if number < 5 else said
        vote(corpus, cat, item, mia, other, "second")
    for number, item in enumerate(items_of(corpus, 10)):
        record_verdicts(corpus=corpus, annotator=mia, operations=[operation(item, cat)])
        GoldAnswer.objects.create(corpus=corpus, label_class=cat, item=item, answer="accept", created_by=mia)
        vote(corpus, cat, item, ann, "reject" if number == 3 else "accept", "gold")
    return items[:5]


@pytest.fixture
def cat(corpus, mia):
    from labeling.models import LabelClass

    return LabelClass.objects.create(corpus=corpus, name="cat", created_by=mia)


def test_a_disagreement_is_settled_by_one_key_with_a_reason(corpus, ann, mia, cat, disputed, page_of):
    page = page_of(mia, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{corpus.pk}/disagreements/")
    cards = page.locator("li.dispute")
    expect(cards).to_have_count(5)
    shot(page, "disagreements-1440")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(cards.nth(1)).to_be_focused()
    item = int(cards.nth(1).get_attribute("id").removeprefix("item-"))
    page.keyboard.press("/")
    page.keyboard.type("a xylophone")  # letters that are keys elsewhere
    page.keyboard.press("Escape")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("u")
    expect(cards).to_have_count(4)
    expect(page.get_by_text("Settled: left unsure.")).to_be_visible()
    settled = Verdict.objects.get(is_settling=True)
    assert (settled.item_id, settled.answer, settled.reason) == (item, "unsure", "a xylophone")
    page.set_viewport_size({"width": 1024, "height": 768})
    shot(page, "disagreements-1024")
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back: it is disputed again.")).to_be_visible()
    expect(cards).to_have_count(5)


def test_the_keys_of_disagreements_are_those_of_the_person(corpus, mia, cat, disputed, page_of):
    GridSettings.objects.create(user=mia, keys={"accept": ["y"], "peek": ["o"]})
    page = page_of(mia, viewport={"width": 1024, "height": 768})
    page.goto(f"/corpora/{corpus.pk}/disagreements/")
    expect(page.locator("kbd", has_text="y")).to_be_visible()
    page.keyboard.press("a")  # nobody's key any more
    page.keyboard.press("o")
    expect(page.locator("dialog[open] button")).to_be_visible()
    shot(page, "disagreements-peek")
    page.keyboard.press("y")  # the dialog is open: not an answer
    page.keyboard.press("o")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("y")
    expect(page.get_by_text("Settled: accepted.")).to_be_visible()
    assert Verdict.objects.get(is_settling=True).answer == "accept"


@pytest.mark.parametrize("width", [1440, 1024])
def test_the_people_page_does_not_scroll_sideways(corpus, mia, cat, disputed, page_of, width):
    page = page_of(mia, viewport={"width": width, "height": 900})
    page.goto(f"/corpora/{corpus.pk}/people/")
    expect(page.get_by_role("heading", name="People", exact=True)).to_be_visible()
    expect(page.get_by_role("rowheader", name="ann and mia")).to_be_visible()
    shot(page, f"people-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("Second looks, %").fill("4")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved: cat.")).to_be_visible()
    cat.refresh_from_db()
    assert cat.second_share == 0.04
