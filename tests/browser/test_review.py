"""The review page in a real Chromium: answers are changed in place, weak labels cleaned and taken back."""

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from labeling.models import CurrentVerdict, LabelClass, Verdict, WeakBatch, WeakLabel
from labeling.services.verdicts import Operation, record_verdicts
from tests.browser import deck
from tests.browser.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
OUTBOX = "document.querySelector('sfi-review').session.outbox"


@pytest.fixture
def pictures(corpus, mia, shared_data, tmp_path, settings):
    """Motorbikes and leopards, ingested and encoded."""
    names = ("Motorbikes", "Leopards")
    files = [file for name in names for file in sorted((shared_data / "photos" / name).iterdir())[:8]]
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


@pytest.fixture
def bikes(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="motorbike", created_by=mia)


def say(corpus, who, label_class, items, answer: str, base_version: int = 0, *, force: bool = False) -> None:
    batch = uuid.uuid4()
    operations = [
        Operation(
            operation_id=uuid.uuid4(),
            batch=batch,
            item=item.pk,
            label_class=label_class.pk,
            answer=answer,
            base_version=base_version,
            force=force,
        )
        for item in items
    ]
    record_verdicts(corpus=corpus, annotator=who, operations=operations)


def all_saved(page: Page) -> None:
    until(page, f"!{OUTBOX}.unsaved")  # counted before the status line is drawn
    expect(page.locator(".status-unsaved")).to_have_text("all saved")


def tab(page: Page, name: str):
    return page.get_by_role("tab", name=name)


def test_answers_are_changed_where_they_are_seen(page_of, pictures, ann, mia, bikes):
    items = list(pictures.items.order_by("pk"))
    say(pictures, ann, bikes, items[:5], "accept")
    say(pictures, ann, bikes, items[5:8], "reject")
    say(pictures, mia, bikes, items[:1], "reject", 1, force=True)
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/review/?class={bikes.pk}")
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(4)
    expect(tab(page, "rejected")).to_contain_text("4")
    expect(tab(page, "disputed")).to_contain_text("1")

    page.keyboard.press("x")
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(1)  # it stays where it is
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="reject").count() == 5
    page.keyboard.press("z")
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="accept").count() == 4

    tab(page, "rejected").click()
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(4)
    expect(page).to_have_url(re.compile("tab=rejected"))
    tab(page, "disputed").click()
    expect(page.locator(".tile-mark", has_text="disputed")).to_have_count(1)


def test_what_the_other_answers_contradict_is_a_tab_of_its_own(page_of, pictures, ann, bikes):
    motorbikes = list(pictures.items.filter(media_file__name__contains="Motorbikes").order_by("pk"))
    leopards = list(pictures.items.filter(media_file__name__contains="Leopards").order_by("pk"))
    say(pictures, ann, bikes, [*motorbikes[:7], leopards[0]], "accept")
    say(pictures, ann, bikes, [*leopards[1:], motorbikes[7]], "reject")
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/review/?class={bikes.pk}&tab=suspect")
    expect(tab(page, "suspect")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#tile-0 img[src]").or_(page.locator(".start-state"))).to_be_visible()
    expect(page.locator(".alert")).to_have_count(0)


def test_a_suspect_is_confirmed_or_corrected_with_one_key_and_listed_no_more(page_of, pictures, ann, bikes):
    motorbikes = list(pictures.items.filter(media_file__name__contains="Motorbikes").order_by("pk"))
    leopards = list(pictures.items.filter(media_file__name__contains="Leopards").order_by("pk"))
    say(pictures, ann, bikes, [*motorbikes[:7], leopards[0]], "accept")
    say(pictures, ann, bikes, [*leopards[1:], motorbikes[7]], "reject")
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/review/?class={bikes.pk}&tab=suspect")
    tiles = page.locator(".tile[data-answer]:visible")
    expect(page.locator(".review-about")).to_contain_text("answers are contradicted by the others")
    expect(tiles).not_to_have_count(0)
    shown = tiles.count()
    said = page.locator("#tile-0").get_attribute("data-answer")
    key = {"accept": "a", "reject": "x"}[str(said)]
    page.keyboard.press(key)
    expect(page.locator("#tile-0 .tile-mark")).to_have_text("confirmed")
    all_saved(page)
    confirmed = Verdict.objects.order_by("-id").first()
    assert confirmed is not None
    assert (confirmed.answer, confirmed.mode) == (said, "review")
    page.keyboard.press("z")
    expect(page.locator("#tile-0 .tile-mark")).to_be_hidden()
    page.keyboard.press("Home")
    page.keyboard.press(key)
    all_saved(page)
    page.reload()
    expect(page.locator(".review-about")).to_contain_text("were looked at in review")
    expect(tiles).to_have_count(shown - 1)


def test_the_first_that_are_taken_are_those_at_the_top_of_the_page(page_of, pictures, ann, bikes):
    """Also where a better ranking has taken the place of what is below the fold."""
    page = page_of(ann, viewport={"width": 1024, "height": 500})
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={bikes.pk}")
    page.locator(".tile", has_text="Motorbikes").first.click()
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"\d\.\d{3}"))
    for key in "aa":
        page.keyboard.press(key)
    ranking = "document.querySelector('sfi-workbench').session.ranking"
    until(page, f"{ranking}.round !== {ranking}.tiles[0].round")
    page.keyboard.press("]")  # the calibration of the newer one says nothing of these
    expect(page.locator(".cut-line")).to_contain_text("a better ranking waits below the screen")
    at_top = page.evaluate(f"{ranking}.tiles.slice(2, 6).map((tile) => tile.item)")
    page.get_by_role("button", name="First N").click()
    page.get_by_label("How many").fill("4")
    page.get_by_role("button", name="Take 4").click()
    expect(page.locator(".status-said")).to_contain_text("4 weak labels taken")
    assert set(at_top) == set(WeakLabel.objects.values_list("item_id", flat=True))
    expect(page.locator(".tile-mark:visible", has_text="weak")).to_have_count(4)
    page.get_by_label("How many").fill("16")
    page.get_by_role("button", name=re.compile(r"^Take \d")).click()  # more than stand above the fold
    expect(page.locator(".status-said")).to_contain_text("look at it, then take again")
    assert page.evaluate(f"{ranking}.round === {ranking}.tiles[0].round")
    assert WeakBatch.objects.count() == 1


def test_weak_labels_are_taken_in_bulk_then_cleaned_and_reverted(page_of, pictures, ann, bikes):
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/workbench/")
    page.locator(".tile", has_text="Motorbikes").first.click()
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"\d\.\d{3}"))
    page.get_by_label("How many").fill("6")
    page.get_by_role("button", name="Take 6").click()
    expect(page.locator(".status-said")).to_contain_text("weak labels taken")
    assert WeakBatch.objects.get().first_n == 6
    num_weak = WeakLabel.objects.count()
    assert num_weak >= 6
    expect(page.locator('.facet[data-state="weak"]')).to_contain_text(str(num_weak))

    page.goto(f"/corpora/{pictures.pk}/review/?class={bikes.pk}&tab=weak")
    expect(page.locator(".tile:visible")).to_have_count(6)
    page.keyboard.press("a")
    page.keyboard.press("x")
    all_saved(page)
    assert {state.answer for state in CurrentVerdict.objects.exclude(answer="")} == {"accept", "reject"}
    page.get_by_role("button", name="Revert").click()
    expect(page.locator(".status-said")).to_contain_text("taken back")
    expect(page.locator(".start-state")).to_contain_text("Nothing weak")
    assert WeakBatch.objects.get().reverted_at is not None
    assert CurrentVerdict.objects.filter(answer="accept").exists()  # what was looked at stays
