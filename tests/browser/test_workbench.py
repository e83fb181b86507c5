"""The main loop in a real Chromium, with the real API, search service and encoder."""

import re
import uuid

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import Page, expect

from labeling.models import CurrentVerdict, LabelClass, Lease, Verdict
from labeling.services.verdicts import Operation, record_verdicts
from tests.browser import deck
from tests.browser.waiting import eventually, intercepted, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CLASSES = ("Motorbikes", "airplanes", "Leopards")
PER_CLASS = 10
OUTBOX = "document.querySelector('sfi-workbench').session.outbox"


@pytest.fixture
def pictures(corpus, mia, shared_data, tmp_path, settings):
    """Motorbikes, airplanes and leopards, ingested and encoded."""
    files = [
        file for name in CLASSES for file in sorted((shared_data / "photos" / name).iterdir())[:PER_CLASS]
    ]
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


@pytest.fixture
def bikes(corpus, mia):
    return LabelClass.objects.create(corpus=corpus, name="motorbike", created_by=mia)


@pytest.fixture
def open_workbench(page_of, pictures, bikes):
    def open_page(user, query: str = "", **options) -> Page:
        page = page_of(user, **({"viewport": {"width": 1440, "height": 900}} | options))
        page.goto(f"/corpora/{pictures.pk}/workbench/{query}")
        expect(page.locator("#tile-0 img[src]")).to_be_visible()
        return page

    return open_page


def all_saved(page: Page) -> None:
    until(page, f"!{OUTBOX}.unsaved")  # counted before the status line is drawn
    expect(page.locator(".status-unsaved")).to_have_text("all saved")


def example(page: Page, name: str) -> None:
    """Click the first tile of a file of that name."""
    page.locator(".tile", has_text=re.compile(name)).first.click()
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"0\.\d{3}|1\.000"))


def answered(corpus, answer: str) -> int:
    return CurrentVerdict.objects.filter(corpus=corpus, answer=answer).count()


def test_an_example_is_clicked_and_its_neighbors_are_answered_by_keyboard(open_workbench, ann, corpus):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    for key in "aaxu":
        page.keyboard.press(key)
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(2)
    expect(page.locator(".batch .batch-picture")).to_have_count(4)  # the history shows what was answered
    all_saved(page)
    assert (answered(corpus, "accept"), answered(corpus, "reject"), answered(corpus, "unsure")) == (2, 1, 1)
    said = Verdict.objects.filter(corpus=corpus).order_by("id").first()
    assert said.annotator == ann
    assert said.query_round is not None
    assert said.mode == "similar"
    assert said.rank == 0


def test_whole_bands_are_answered_and_any_batch_is_undone(open_workbench, ann, corpus):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+A")
    expect(page.locator(".tile[data-lit]")).not_to_have_count(0)
    lit = page.locator(".tile[data-lit]").count()
    expect(page.locator(".armed")).to_contain_text(f"{lit} to accept")
    page.keyboard.press("Escape")
    expect(page.locator(".tile[data-lit]")).to_have_count(0)
    page.keyboard.press("Shift+A")
    page.keyboard.press("Enter")
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(lit)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("x")
    all_saved(page)
    assert (answered(corpus, "accept"), answered(corpus, "reject")) == (lit, 3)

    page.locator(".batch", has_text="accepted").get_by_role("button", name="Undo").click()
    all_saved(page)
    assert (answered(corpus, "accept"), answered(corpus, "reject")) == (0, 3)
    page.keyboard.press("z")
    all_saved(page)
    assert answered(corpus, "reject") == 0
    page.keyboard.press("Shift+Z")
    page.keyboard.press("Shift+Z")
    all_saved(page)
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(3)
    assert answered(corpus, "reject") == 3


def test_the_name_of_a_tile_is_that_of_one_alone(open_workbench, ann):
    """One at rest has no name, or the cursor would be said to be where nobody sees it."""
    page = open_workbench(ann, viewport={"width": 1024, "height": 400})
    names = "[...document.querySelectorAll('.tile[id]')].map((tile) => tile.id)"
    for key in ("+", "+", "+", "End", "Home", "-", "-", "End", "Home"):
        page.keyboard.press(key)
        found = page.evaluate(names)
        assert len(found) == len(set(found)), key
        assert page.get_by_role("listbox").first.get_attribute("aria-activedescendant") in found, key
    expect(page.locator("#tile-0")).to_be_visible()


def test_what_was_taken_back_is_what_the_next_key_answers(open_workbench, ann, corpus):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    for key in "aax":
        page.keyboard.press(key)
    expect(page.locator("#tile-3[data-cursor]")).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator("#tile-2[data-cursor]")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#tile-2")).to_have_attribute("data-answer", "accept")
    all_saved(page)
    assert (answered(corpus, "accept"), answered(corpus, "reject")) == (3, 0)
    page.keyboard.press("Shift+ArrowRight")  # tiles 3 and 4
    page.keyboard.press("x")
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(2)
    page.keyboard.press("z")
    expect(page.locator("#tile-3[data-cursor]")).to_be_visible()
    page.keyboard.press("End")
    page.locator(".batch", has_text="accepted").first.get_by_role("button", name="Undo").click()
    all_saved(page)
    assert (answered(corpus, "accept"), answered(corpus, "reject")) == (2, 0)
    expect(page.locator("#tile-2[data-cursor]")).to_have_count(0)  # one from the list moves nothing


def test_nothing_is_lost_offline_by_a_lost_answer_or_a_closed_tab(open_workbench, ann, corpus):
    page = open_workbench(ann)
    example(page, "Motorbikes")

    def lose_the_answer(route) -> None:
        route.fetch()  # committed on the server
        route.abort()

    page.route("**/verdicts/", lose_the_answer, times=1)
    intercepted(page)
    page.keyboard.press("a")
    all_saved(page)
    assert Verdict.objects.filter(corpus=corpus).count() == 1

    page.context.set_offline(True)
    for key in "axax":
        page.keyboard.press(key)
    expect(page.locator(".status-unsaved")).to_contain_text("4 unsaved")
    until(page, f"(await {OUTBOX}.pending()).length >= 4")
    address = page.evaluate("location.href")
    page.close(run_before_unload=False)
    page.context.set_offline(False)
    again = page.context.new_page()
    again.goto(address)
    expect(again.locator(".term")).to_have_count(1)  # the query is in the address
    all_saved(again)
    said = Verdict.objects.filter(corpus=corpus).order_by("id")
    assert [each.answer for each in said] == ["accept", "accept", "reject", "accept", "reject"]
    assert len({each.operation_id for each in said}) == 5
    expect(again.locator("#tile-0 img[src]")).to_be_visible()
    shown = again.evaluate("document.querySelector('sfi-grid').tiles.map((tile) => tile.item)")
    assert not {each.item_id for each in said} & set(shown)  # decided items do not come back


def test_an_expired_session_keeps_the_queue_until_the_person_is_back(
    open_workbench, ann, settings, live_server
):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    Session.objects.all().delete()
    for key in "aax":
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    expect(page.locator(".status-unsaved")).to_contain_text("3 unsaved")
    assert not Verdict.objects.exists()
    client = Client()
    client.force_login(ann)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": live_server.url}])
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    all_saved(page)
    assert [each.answer for each in Verdict.objects.order_by("id")] == ["accept", "accept", "reject"]


def test_a_conflict_shows_both_answers_and_may_be_forced(open_workbench, ann, mia, corpus, bikes):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    item = page.evaluate("document.querySelector('sfi-grid').tiles[0].item")
    operation = Operation(
        operation_id=uuid.uuid4(),
        batch=uuid.uuid4(),
        item=item,
        label_class=bikes.pk,
        answer="reject",
        base_version=0,
    )
    record_verdicts(corpus=corpus, annotator=mia, operations=[operation])
    page.keyboard.press("a")
    problem = page.locator(".problem")
    expect(problem).to_contain_text("you said accepted, mia said rejected first")
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(1)
    problem.get_by_role("button", name="Mine counts").click()
    expect(problem).to_have_count(0)
    all_saved(page)
    assert [each.annotator for each in Verdict.objects.order_by("id")] == [mia, ann]
    assert CurrentVerdict.objects.get(item=item).answer == "accept"


def test_two_tabs_share_one_queue(open_workbench, ann, corpus):
    one = open_workbench(ann)
    example(one, "Motorbikes")
    other = one.context.new_page()
    other.goto(one.evaluate("location.href"))
    expect(other.locator("#tile-0 img[src]")).to_be_visible()
    one.context.set_offline(True)
    one.keyboard.press("a")
    expect(other.locator(".status-unsaved")).to_contain_text("1 unsaved")
    other.keyboard.press("End")
    other.keyboard.press("x")
    expect(one.locator(".status-unsaved")).to_contain_text("2 unsaved")
    one.context.set_offline(False)
    all_saved(one)
    all_saved(other)
    assert [each.answer for each in Verdict.objects.order_by("id")] == ["accept", "reject"]


def test_a_better_ranking_waits_until_it_is_asked_for(open_workbench, ann, corpus):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    items = "document.querySelector('sfi-grid').tiles.map((tile) => tile.item)"
    before = page.evaluate(items)
    for key in "aaaa":
        page.keyboard.press(key)
    page.keyboard.press("End")
    for key in "xx":
        page.keyboard.press(key)
        page.keyboard.press("ArrowLeft")
    all_saved(page)
    assert page.evaluate(items) == before  # nothing moved
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Like the accepted")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".tile[data-answer]")).to_have_count(0)
    expect(page).to_have_url(re.compile("mode=learned"))
    assert not set(page.evaluate(items)) & set(before[:4])


def test_an_image_and_a_box_are_searched_with(open_workbench, ann, shared_data):
    page = open_workbench(ann)
    leopard = sorted((shared_data / "photos" / "Leopards").iterdir())[-1]
    page.locator(".query-upload input").set_input_files(leopard)
    expect(page.locator(".term")).to_have_count(1)
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"0\.\d{3}"))
    names = page.evaluate("document.querySelector('sfi-grid').tiles.slice(0, 5).map((tile) => tile.name)")
    assert sum("Leopards" in name for name in names) >= 4

    page.keyboard.press("c")
    picture = page.locator(".frame-picture img")
    expect(picture).to_be_visible()
    expect(page.locator(".frame-box")).to_be_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".term")).to_have_count(2)
    expect(page.locator(".term-crop")).to_have_count(1)
    expect(page).to_have_url(re.compile("%40"))
    page.reload()
    expect(page.locator(".term-crop")).to_have_count(1)
    page.locator(".term-sign").first.click()
    expect(page.locator('.term[data-sign="minus"]')).to_have_count(1)


def test_a_viewer_looks_and_cannot_answer(open_workbench, vera):
    page = open_workbench(vera)
    example(page, "airplanes")
    page.keyboard.press("a")
    expect(page.locator(".status-said")).to_contain_text("viewer")
    expect(page.locator(".tile[data-answer]")).to_have_count(0)
    expect(page.locator(".action[data-action=accept]")).to_have_count(0)


def test_keys_are_dead_in_text_fields_and_with_modifiers(open_workbench, ann):
    page = open_workbench(ann)
    example(page, "Motorbikes")
    page.locator(".term-weight").focus()
    page.keyboard.press("a")
    page.locator(".grid-scroll").focus()
    page.keyboard.press("Alt+x")
    page.keyboard.press("Control+u")
    expect(page.locator(".tile[data-answer]")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator(".help-dialog")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.locator(".tile[data-answer]")).to_have_count(0)


def test_what_others_have_in_front_of_them_is_told_and_free_again_when_they_leave(
    open_workbench, page_of, ann, mia, corpus
):
    first = open_workbench(ann)
    first.locator("#tile-0").click()
    expect(first.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"\d\.\d{3}"))
    address = first.evaluate("location.href")
    second = page_of(mia, viewport={"width": 1024, "height": 768})
    second.goto(address)
    expect(second.get_by_role("heading", name="Nothing for you here now")).to_be_visible()
    expect(second.locator(".start-state")).to_contain_text("in front of others now")
    first.goto("about:blank")
    eventually(lambda: not Lease.objects.filter(annotator=ann).exists())
    second.get_by_role("button", name="Look again").click()
    expect(second.locator("#tile-0 img[src]")).to_be_visible()
