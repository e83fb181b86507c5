"""The review page in a real Chromium: answers are changed in place, weak labels cleaned and taken back."""

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from labeling.models import CurrentVerdict, LabelClass, WeakBatch, WeakLabel
from labeling.services.verdicts import Operation, record_verdicts
from tests.browser import deck

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
    # Counted before the status line is drawn. The CSP forbids wait_for_function.
    page.evaluate(
        f"async () => {{ while ({OUTBOX}.unsaved) await new Promise((done) => setTimeout(done, 20)); }}"
    )
    expect(page.locator(".status-unsaved")).to_have_text("all saved", timeout=30_000)


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
    assert "tab=rejected" in page.url
    tab(page, "disputed").click()
    expect(page.locator(".tile-mark", has_text="disputed")).to_have_count(1)


def test_what_the_other_answers_contradict_is_a_tab_of_its_own(page_of, pictures, ann, bikes):
    motorbikes = list(pictures.items.filter(media_file__name__contains="Motorbikes"))
    leopards = list(pictures.items.filter(media_file__name__contains="Leopards"))
    say(pictures, ann, bikes, [*motorbikes[:7], leopards[0]], "accept")
    say(pictures, ann, bikes, [*leopards[1:], motorbikes[7]], "reject")
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/review/?class={bikes.pk}&tab=suspect")
    expect(tab(page, "suspect")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".tile:visible").first.or_(page.locator(".start-state"))).to_be_visible(
        timeout=15_000
    )
    expect(page.locator(".alert")).to_have_count(0)


def test_weak_labels_are_taken_in_bulk_then_cleaned_and_reverted(page_of, pictures, ann, bikes):
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/workbench/")
    page.locator(".tile", has_text="Motorbikes").first.click()
    expect(page.locator(".tile-caption").first).to_contain_text(re.compile(r"\d\.\d{3}"))
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
