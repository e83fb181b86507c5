"""The whole key map in a real Chromium, in the grid and in its dialogs, and keys of one's own."""

import re

import pytest
from playwright.sync_api import Page, expect

from indexing.models import Stack
from labeling.models import CurrentVerdict, GridSettings, LabelClass, Verdict, WeakBatch
from tests.browser import deck
from tests.browser.test_review import all_saved as review_saved
from tests.browser.test_workbench import all_saved
from tests.browser.touch import tap_twice
from tests.browser.waiting import Held, eventually, until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SESSION = "document.querySelector('sfi-workbench, sfi-review').session"


@pytest.fixture
def pictures(corpus, mia, shared_data, tmp_path, settings):
    """Motorbikes and leopards, ingested and encoded; two classes to look for."""
    names = ("Motorbikes", "Leopards")
    files = [file for name in names for file in sorted((shared_data / "photos" / name).iterdir())[:12]]
    deck.fill(corpus, tmp_path / "media" / "photos", files, by=mia)
    for name in ("motorbike", "leopard"):
        LabelClass.objects.create(corpus=corpus, name=name, created_by=mia)
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


@pytest.fixture
def workbench(page_of, pictures, ann) -> Page:
    """A ranking of motorbikes: 24 tiles."""
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    bike = pictures.items.filter(media_file__name__contains="Motorbikes").first()
    label_class = LabelClass.objects.get(name="motorbike")
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={label_class.pk}&term=i{bike.pk}")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    expect(page.locator(".tile[data-cursor]")).to_have_count(1)
    return page


def cursor(page: Page) -> int:
    return page.evaluate(f"{SESSION}.selection.cursor")


def chosen(page: Page) -> int:
    return page.evaluate(f"{SESSION}.selection.chosen.size")


def answers(page: Page) -> list[str]:
    return page.evaluate(f"{SESSION}.ranking.tiles.map((tile) => tile.answer)")


def test_moving_selecting_and_zooming(workbench):
    page = workbench
    columns = page.evaluate("document.querySelector('sfi-grid').layout.columns")
    for key, place in (
        ("ArrowRight", 1),
        ("ArrowDown", 1 + columns),
        ("s", 1 + 2 * columns),
        ("w", 1 + columns),
        ("ArrowUp", 1),
        ("ArrowLeft", 0),
        ("End", 23),
        ("Home", 0),
    ):
        page.keyboard.press(key)
        assert cursor(page) == place, key
    page.keyboard.press("PageDown")
    assert cursor(page) > 0
    page.keyboard.press("PageUp")
    assert cursor(page) == 0
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert chosen(page) == columns + 2
    page.keyboard.press("i")
    num_shown = page.evaluate("document.querySelector('sfi-grid').shown_stop")
    assert chosen(page) == num_shown - columns - 2
    page.keyboard.press("Control+a")
    assert chosen(page) == num_shown
    page.keyboard.press("Escape")
    assert chosen(page) == 0
    page.keyboard.press("+")
    assert page.evaluate("document.querySelector('sfi-grid').layout.columns") < columns
    page.keyboard.press("-")
    assert page.evaluate("document.querySelector('sfi-grid').layout.columns") == columns
    assert set(answers(page)) == {""}


def test_a_lasso_selects_and_a_key_answers_what_it_holds(workbench):
    page = workbench
    boxes = [page.locator(f"#tile-{index}").bounding_box() for index in (0, 1)]
    page.mouse.move(boxes[0]["x"] + 20, boxes[0]["y"] + 20)
    page.mouse.down()
    page.mouse.move(boxes[1]["x"] + 40, boxes[1]["y"] + 60, steps=4)
    page.mouse.up()
    until(page, f"{SESSION}.selection.chosen.size === 2")
    page.keyboard.press("x")
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="reject").count() == 2
    assert Verdict.objects.values("batch").distinct().count() == 1


def test_looking_and_searching(workbench):
    page = workbench
    page.keyboard.press("h")
    expect(page.locator("sfi-grid")).to_have_attribute("data-regions", "off")
    page.keyboard.press("h")
    expect(page.locator("sfi-grid")).to_have_attribute("data-regions", "on")
    with page.context.expect_page() as opened:
        page.keyboard.press("g")
    item = page.evaluate(f"{SESSION}.current.item")
    expect(opened.value.locator(f"#item-{item}.is-here")).to_be_visible()
    opened.value.close()
    page.keyboard.press("e")
    expect(page.locator(".status-said")).to_contain_text("single item")
    page.keyboard.press("]")
    expect(page.locator(".cut-line")).to_contain_text("not measured")
    page.keyboard.press("?")
    expect(page.locator(".help-dialog")).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator(".help-dialog")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("q")
    expect(page.locator(".term")).to_have_count(2)
    until(page, f"{SESSION}.ranking.state === 'idle'")  # it begins at the top
    page.keyboard.press("End")
    page.keyboard.press("n")
    expect(page.locator('.term[data-sign="minus"]')).to_have_count(1)
    until(page, f"{SESSION}.ranking.state === 'idle'")
    page.keyboard.press("c")
    expect(page.locator(".frame-box")).to_be_visible()
    page.keyboard.press("a")  # drawing: not an answer
    page.keyboard.press("Escape")
    expect(page.locator(".frame-dialog[open]")).to_have_count(0)
    page.keyboard.press("2")
    expect(page.locator('.class-pick[aria-pressed="true"]')).to_contain_text("leopard")
    page.keyboard.press("/")
    expect(page.locator("sfi-line input")).to_be_focused()
    assert not Verdict.objects.exists()


def test_the_detail_view_shows_the_thumbnail_until_the_frame_has_come(workbench):
    page = workbench
    frames = Held(page, r"/items/\d+/frame/")
    page.keyboard.press("v")
    picture = page.locator(".frame-picture img")
    expect(picture).to_have_attribute("style", re.compile("width"))  # at the size of the frame
    thumbnail = picture.bounding_box()
    assert picture.evaluate("image => image.currentSrc").startswith("blob:")
    frames.let_go()
    expect(picture).to_have_attribute("src", re.compile("/frame/"))
    assert picture.bounding_box() == pytest.approx(thumbnail, abs=2)


def test_the_detail_view_answers_as_the_grid_does(workbench):
    page = workbench
    page.keyboard.press("v")
    expect(page.locator(".frame-dialog[open]")).to_be_visible()
    for key in ("a", "x", "u", "z"):
        page.keyboard.press(key)
    assert cursor(page) == 2  # at what was taken back
    page.keyboard.press("Space")
    assert answers(page)[:4] == ["accept", "reject", "", ""]
    assert cursor(page) == 3
    page.keyboard.press("ArrowRight")
    assert cursor(page) == 4
    page.keyboard.press("ArrowLeft")
    assert cursor(page) == 3
    page.keyboard.press("v")
    expect(page.locator(".frame-dialog[open]")).to_have_count(0)
    expect(page.locator(".grid-scroll")).to_be_focused()
    page.keyboard.press("Shift+Z")
    all_saved(page)
    assert [said.answer for said in CurrentVerdict.objects.order_by("verdict_id")] == [
        "accept",
        "reject",
        "unsure",
    ]


def test_escape_leads_from_any_field_back_to_the_tiles(workbench):
    page = workbench
    for role, name in (("spinbutton", "Similarity ≥"), ("combobox", "File")):
        page.get_by_role(role, name=name).focus()
        page.keyboard.press("a")  # typed, or refused by the field: no answer
        page.keyboard.press("Escape")
        expect(page.locator(".grid-scroll")).to_be_focused()
    assert answers(page)[0] == ""
    page.keyboard.press("a")
    expect(page.locator("#tile-0")).to_have_attribute("data-answer", "accept")


def test_keys_are_changed_conflicts_are_named_and_reset_brings_them_back(workbench):
    page = workbench
    page.locator(".bar-end summary").click()
    page.get_by_role("button", name="Keys of the grid").click()
    dialog = page.locator(".help-dialog")
    dialog.get_by_role("button", name="Change the key for accept the tile").click()
    page.keyboard.press("Control+k")
    expect(dialog.locator(".keys-said")).to_contain_text("belong to the browser")
    page.keyboard.press("x")
    expect(dialog.locator(".keys-said")).to_contain_text("x is “reject” now")
    dialog.get_by_role("button", name="Leave it").click()
    dialog.get_by_role("button", name="Change the key for accept the tile").click()
    page.keyboard.press("f")
    expect(dialog.locator(".keys-said")).to_contain_text("is on f now")
    page.keyboard.press("Escape")
    expect(page.locator(".action[data-action='accept'] kbd")).to_have_text("f")
    page.keyboard.press("a")
    page.keyboard.press("f")
    assert answers(page)[:2] == ["accept", ""]
    all_saved(page)

    page.reload()
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    page.keyboard.press("f")
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="accept").count() == 2
    page.keyboard.press("?")
    page.get_by_role("button", name="Reset all").click()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="accept").count() == 3


def test_keys_and_the_size_of_tiles_are_found_on_another_machine(workbench, page_of, pictures, ann, mia):
    page = workbench
    page.locator(".bar-end summary").click()
    page.get_by_role("button", name="Keys of the grid").click()
    dialog = page.locator(".help-dialog")
    dialog.get_by_role("button", name="Change the key for accept the tile").click()
    page.keyboard.press("f")
    expect(dialog.locator(".keys-said")).to_contain_text("is on f now")
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    size = page.evaluate("localStorage.getItem('sisyphus-tile-px')")
    page.goto("/")  # at once: what waits is sent on the way out
    eventually(GridSettings.objects.filter(user=ann, keys={"accept": ["f"]}, tile_px=int(size)).exists)

    elsewhere = page_of(ann, viewport={"width": 1440, "height": 900})
    elsewhere.goto(f"/corpora/{pictures.pk}/workbench/")
    key = elsewhere.locator(".action[data-action='accept'] kbd")
    expect(key).to_have_text("f")
    assert elsewhere.evaluate("localStorage.getItem('sisyphus-tile-px')") == size
    elsewhere.keyboard.press("?")
    elsewhere.get_by_role("button", name="Reset all").click()
    elsewhere.keyboard.press("Escape")
    expect(key).to_have_text("a")
    elsewhere.goto("/")
    eventually(GridSettings.objects.filter(user=ann, keys={}).exists)

    page.goto(f"/corpora/{pictures.pk}/workbench/")  # which had another map: the last write holds
    expect(page.locator(".action[data-action='accept'] kbd")).to_have_text("a")
    other = page_of(mia, viewport={"width": 1440, "height": 900})
    other.goto(f"/corpora/{pictures.pk}/workbench/")
    expect(other.locator(".action[data-action='accept'] kbd")).to_have_text("a")


def test_in_review_a_number_relabels_the_selection_with_its_reason(workbench, page_of, pictures, ann):
    for key in "aa":
        workbench.keyboard.press(key)
    all_saved(workbench)
    bike, leopard = LabelClass.objects.order_by("pk")
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/review/?class={bike.pk}")
    expect(page.locator('.tile[data-answer="accept"]')).to_have_count(2)
    page.get_by_label("Reason").fill("spots")
    page.locator(".grid-scroll").focus()
    page.keyboard.press("Control+a")
    page.keyboard.press("2")
    expect(page.locator('.tile[data-answer="reject"]')).to_have_count(2)
    review_saved(page)
    states = CurrentVerdict.objects.values_list("label_class__name", "answer")
    assert sorted(states) == [
        ("leopard", "accept"),
        ("leopard", "accept"),
        ("motorbike", "reject"),
        ("motorbike", "reject"),
    ]
    assert set(Verdict.objects.filter(mode="review").values_list("reason", flat=True)) == {"spots"}
    page.keyboard.press("z")
    review_saved(page)
    assert not CurrentVerdict.objects.filter(label_class=leopard).exclude(answer="").exists()
    assert CurrentVerdict.objects.filter(label_class=bike, answer="accept").count() == 2


def test_a_finger_scrolls_taps_holds_and_taps_twice(page_of, pictures, ann):
    page = page_of(ann, viewport={"width": 1024, "height": 768}, has_touch=True)
    bike = pictures.items.first()
    page.goto(f"/corpora/{pictures.pk}/workbench/?term=i{bike.pk}")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    page.locator("#tile-3").tap()
    until(page, f"{SESSION}.selection.cursor === 3")
    tap_twice(page, page.locator("#tile-3"), page.locator(".frame-dialog[open]"))
    page.get_by_role("button", name="Close").first.tap()
    page.get_by_role("button", name=re.compile("Accept")).first.tap()
    page.locator(".more-actions summary").tap()
    page.get_by_role("button", name=re.compile("light up every undecided tile on screen from")).tap()
    expect(page.locator(".armed")).to_be_visible()
    page.get_by_role("button", name=re.compile("Drop")).tap()
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="accept").count() == 1


def test_all_that_match_are_taken_as_weak_labels_and_never_answered_unseen(workbench, pictures):
    page = workbench
    page.set_viewport_size({"width": 1024, "height": 500})  # not all of 24 tiles are on the screen
    until(page, "document.querySelector('sfi-grid').visible.stop < 24")
    page.keyboard.press("Escape")
    page.evaluate("document.querySelector('sfi-grid').top()")
    page.keyboard.press("Control+a")
    num_shown = chosen(page)
    assert 0 < num_shown < 24
    expect(page.locator(".status-said")).to_have_text(f"{num_shown} chosen: all that were on the screen")
    page.keyboard.press("Control+a")
    taker = page.get_by_role("button", name="Take 24")
    expect(taker).to_be_focused()
    assert chosen(page) == 0
    page.keyboard.press("Enter")
    expect(page.locator(".status-said")).to_contain_text("24 weak labels taken")
    assert WeakBatch.objects.get().first_n == 24
    assert Verdict.objects.count() == 0


def test_a_key_before_the_ranking_is_here_says_nothing_and_is_told_so(page_of, pictures, ann):
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    rankings = Held(page, "/rank/")
    bike = pictures.items.filter(media_file__name__contains="Motorbikes").first()
    label_class = LabelClass.objects.get(name="motorbike")
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={label_class.pk}&term=i{bike.pk}")
    expect(page.locator(".status-said")).to_have_text("Still searching")  # which is said late, and of itself
    page.keyboard.press("a")
    expect(page.locator(".status-said")).to_have_text("Still loading: nothing was said yet")
    rankings.let_go()
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    assert cursor(page) == 0
    assert set(answers(page)) == {""}


def test_a_stack_is_split_where_a_key_says_so(page_of, pictures, ann):
    """Of four members the last two leave together, and one undo brings them back."""
    stack = Stack.objects.create(corpus=pictures)
    members = list(pictures.items.filter(media_file__name__contains="Motorbikes").order_by("pk")[:4])
    pictures.items.filter(pk__in=[each.pk for each in members]).update(stack=stack)
    label_class = LabelClass.objects.get(name="motorbike")
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={label_class.pk}&term=i{members[0].pk}")
    expect(page.locator("#tile-0")).to_contain_text("\u00d74")
    page.keyboard.press("a")
    expect(page.locator(".status-said")).to_have_text("1 tile accepted, 4 items with their stacks")
    all_saved(page)  # a stack waits for its answers, but not for ever
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("e")
    shown = page.locator(".member")
    expect(shown).to_have_count(4)
    expect(page.locator(".member-mark")).to_have_count(3)  # answered by their stack
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+X")
    expect(page.locator(".member[data-lit]")).to_have_count(2)
    expect(page.locator(".stack-dialog .hint")).to_have_text("2 to reject: Enter applies, Esc drops")
    page.keyboard.press("Escape")  # drops what is lit up; the dialog stays
    expect(page.locator(".member[data-lit]")).to_have_count(0)
    expect(page.locator(".stack-dialog")).to_be_visible()
    page.keyboard.press("Shift+X")
    page.keyboard.press("Enter")
    expect(page.locator('.member[data-answer="reject"]')).to_have_count(2)
    expect(page.locator("#tile-0")).to_contain_text("\u00d72")  # those that stay
    all_saved(page)
    sides = [pictures.items.get(pk=each.pk).stack_id for each in members]
    assert sides[0] == sides[1] == stack.pk
    assert sides[2] == sides[3] != stack.pk
    page.keyboard.press("Shift+ArrowLeft")  # and back: both are chosen, one key answers them
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("z")
    all_saved(page)
    expect(page.locator("#tile-0")).to_contain_text("\u00d74")
    assert {pictures.items.get(pk=each.pk).stack_id for each in members} == {stack.pk}
    expect(page.locator('.member[data-answer="reject"]')).to_have_count(0)
    page.locator(".stack-dialog").get_by_role("button", name="Reject").click()  # the same without a key
    all_saved(page)
    sides = [pictures.items.get(pk=each.pk).stack_id for each in members]
    assert sides[0] == sides[1] == sides[3] == stack.pk != sides[2]  # the one at the cursor


def test_a_key_right_behind_a_stack_that_closes_is_about_its_tile(page_of, pictures, ann):
    stack = Stack.objects.create(corpus=pictures)
    members = list(pictures.items.filter(media_file__name__contains="Motorbikes").order_by("pk")[:4])
    pictures.items.filter(pk__in=[each.pk for each in members]).update(stack=stack)
    label_class = LabelClass.objects.get(name="motorbike")
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{pictures.pk}/workbench/?class={label_class.pk}&term=i{members[0].pk}")
    expect(page.locator("#tile-0")).to_contain_text("\u00d74")
    page.keyboard.press("e")
    expect(page.locator(".member")).to_have_count(4)
    page.evaluate(
        """() => {
          document.querySelector(".stack-dialog").close(); // it tells so a moment later
          document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
        }"""
    )
    all_saved(page)
    assert CurrentVerdict.objects.filter(answer="accept").count() == 4
    assert pictures.items.filter(stack=stack).count() == 4
