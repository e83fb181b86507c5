"""What is typed into the query bar as a term: a text, where the encoder reads text, and a live classifier."""
# ruff: noqa: F811 - fixtures of another file

import json
import re

import pytest
from playwright.sync_api import Page, expect

from indexing.models import FeatureSet
from labeling.models import LabelClass
from tests.browser import deck
from tests.browser.test_workbench import CLASSES, bikes, open_workbench, pictures  # noqa: F401 - fixtures
from tests.conftest import PATIENCE_MS
from tests.training.conftest import decide, freeze, trained

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LINE = "sfi-line input"
ARCHITECTURE = "ViT-S-32-alt"  # the smallest two-tower network that open_clip knows by name


@pytest.fixture
def classifier(corpus, pictures, ann, mia, bikes):
    """A live classifier of motorbikes, from an answer to every photo."""
    items = list(corpus.items.select_related("media_file"))
    is_bike = ["Motorbikes" in item.media_file.name for item in items]
    decide(corpus, ann, bikes, items, is_bike)
    return trained(freeze(corpus, mia, bikes), mia, name="bikes").classifier


@pytest.fixture
def readable(corpus, mia, shared_data, tmp_path, settings, monkeypatch):
    """A few photos, encoded by a network for pictures and text with made weights."""
    pytest.importorskip("indexing.compute.torchvision_shim")
    open_clip = pytest.importorskip("open_clip", reason="needs requirements-models.txt")
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    settings.MODEL_DIR = tmp_path / "models"
    settings.MODEL_DIR.mkdir()
    monkeypatch.setenv("SISYPHUS_MODEL_DIR", str(settings.MODEL_DIR))
    model = open_clip.create_model(ARCHITECTURE, load_weights=False)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, settings.MODEL_DIR / "small.safetensors")
    side = {"architecture": f"openclip:{ARCHITECTURE}", "input_size": 224}
    (settings.MODEL_DIR / "small.json").write_text(json.dumps(side))
    photos = [file for name in CLASSES for file in sorted((shared_data / "photos" / name).iterdir())[:2]]
    deck.fill(corpus, tmp_path / "media" / "photos", photos, by=mia)
    assert FeatureSet.objects.get(corpus=corpus, is_active=True).encoder == "file:small.safetensors@1"
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


def enter(page: Page, line: str) -> None:
    """Types a line over what is there and enters it; waits for its ranking."""
    with page.expect_response(
        re.compile("/rank/"), timeout=2 * PATIENCE_MS
    ):  # the first one loads the network
        page.keyboard.press("/")
        page.keyboard.type(line)
        page.keyboard.press("Enter")


def terms(page: Page) -> list[dict]:
    return page.evaluate("document.querySelector('sfi-workbench').session.query.terms")


def test_a_live_classifier_is_completed_ranks_and_stays_in_the_address(
    open_workbench, mia, classifier, bikes
):
    page = open_workbench(mia, f"?class={bikes.pk}&q=state:accepted,rejected")
    page.keyboard.press("/")
    page.keyboard.press("End")
    page.keyboard.type(" classifier:b")
    expect(page.locator(".line-options li")).to_have_text(["bikes"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    with page.expect_response(re.compile("/rank/")):
        page.keyboard.press("Enter")
    expect(page.locator(".term")).to_contain_text("classifier")
    expect(page.locator(LINE)).to_have_value("state:accepted,rejected")  # what is a chip is not said twice
    captions = page.locator(".tile-caption")
    expect(captions.first).to_contain_text(re.compile(r"0\.\d{3}|1\.000"))
    first = page.evaluate(
        "document.querySelector('sfi-workbench').session.ranking.tiles.slice(0, 8).map(tile => tile.name)"
    )
    assert all("Motorbikes" in name for name in first)
    page.reload()
    expect(page.locator(".term")).to_contain_text("classifier")
    (term,) = terms(page)
    assert (term["kind"], term["classifier"], term["class"]) == ("classifier", classifier.pk, bikes.pk)


def test_a_classifier_that_is_not_there_is_told_with_those_that_are(open_workbench, mia, classifier, bikes):
    page = open_workbench(mia, f"?class={bikes.pk}&q=state:accepted")
    page.keyboard.press("/")
    page.keyboard.type("classifier:tram")
    page.keyboard.press("Enter")
    expect(page.locator(".query-problem")).to_contain_text("no live classifier “tram” here. There are:")
    expect(page.locator(LINE)).to_have_value("classifier:tram")  # to be mended, not typed again


@pytest.mark.slow
def test_text_ranks_by_what_is_typed_with_and_without_what_it_should_not_be(page_of, readable, mia):
    LabelClass.objects.create(corpus=readable, name="motorbike", created_by=mia)
    page = page_of(mia, viewport={"width": 1440, "height": 900})
    page.goto(f"/corpora/{readable.pk}/workbench/")
    expect(page.locator(".start-line")).to_contain_text("type what it looks like")
    enter(page, "a red motorbike")
    expect(page.locator(".term")).to_have_text(re.compile("a red motorbike"))
    expect(page.locator(LINE)).to_have_value("")
    expect(page.locator("#tile-0 .tile-caption")).to_contain_text(re.compile(r"-?\d\.\d{3}"))
    one = page.locator("#tile-0 .tile-caption").inner_text()
    enter(page, '-"an airplane" kind:image')
    expect(page.locator(".term")).to_have_count(2)
    expect(page.locator(LINE)).to_have_value("kind:image")
    assert [(each["text"], each["weight"]) for each in terms(page)] == [
        ("a red motorbike", 1),
        ("an airplane", -1),
    ]
    expect(page.locator("#tile-0 .tile-caption")).not_to_have_text(one)  # another similarity at least
    address = page.evaluate("location.href")
    page.goto(address)
    expect(page.locator(".term")).to_have_count(2)
    assert [each["kind"] for each in terms(page)] == ["text", "text"]


def test_where_the_encoder_reads_no_text_that_is_told_with_what_to_do(open_workbench, ann):
    page = open_workbench(ann)
    page.keyboard.press("/")
    page.keyboard.type("a red motorbike")
    page.keyboard.press("Enter")
    expect(page.locator(".query-problem")).to_contain_text(
        "cannot search by text. A manager can choose an encoder"
    )
    expect(page.locator(LINE)).to_have_value("a red motorbike")
