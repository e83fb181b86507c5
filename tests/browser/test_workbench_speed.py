"""How fast the grid is, printed with -s: key press to paint, scrolling, nodes in the page."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from indexing.models import Item, ThumbnailPack
from indexing.services.thumbnails import write_pack
from labeling.models import LabelClass, Verdict
from tests.browser import deck
from tests.browser.test_workbench import all_saved
from tests.indexing.made import add_items, clustered, make_feature_set

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

NUM_TILES = 1000
MOST_NODES = 400
KEYS = """async () => {
  const painted = () => new Promise((resolve) => requestAnimationFrame(() => {
    const channel = new MessageChannel(); // its message comes after the frame
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  }));
  const times = [];
  const handled = [];
  for (let press = 0; press < 40; press++) {
    const key = press % 2 ? "x" : "a";
    const before = performance.now();
    document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    handled.push(performance.now() - before);
    await painted();
    times.push(performance.now() - before);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  const sorted = (list) => list.sort((one, other) => one - other);
  return { painted: sorted(times), handled: sorted(handled) };
}"""
SCROLL = """async (step_px) => {
  const scroller = document.querySelector(".grid-scroll");
  scroller.scrollTop = 0;
  const times = [];
  let nodes = 0;
  let last = performance.now();
  for (let frame = 0; frame < 60; frame++) {
    scroller.scrollTop += step_px;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
    nodes = Math.max(nodes, document.querySelectorAll(".tile").length);
  }
  return { times: times.sort((one, other) => one - other), nodes };
}"""


@pytest.fixture
def many(corpus, tmp_path, settings):
    """A corpus of some more items than the grid shows, all with the same thumbnail."""
    jpeg = io.BytesIO()
    Image.effect_noise((256, 192), 40).convert("RGB").save(jpeg, "JPEG")
    file, (place,) = write_pack(corpus.pk, [jpeg.getvalue()])
    pack = ThumbnailPack.objects.create(corpus=corpus, sha256=file.sha256, size_bytes=len(jpeg.getvalue()))
    add_items(make_feature_set(corpus), clustered(NUM_TILES + 300))
    Item.objects.update(
        thumbnail_pack=pack,
        thumbnail_offset=place.offset,
        thumbnail_bytes=len(jpeg.getvalue()),
        thumbnail_width_px=256,
        thumbnail_height_px=192,
    )
    settings.SEARCH_SOCKET = tmp_path / "search.sock"
    process = deck.SearchProcess(tmp_path)
    process.wait()
    yield corpus
    process.stop()


def p50(times: list[float]) -> float:
    return times[len(times) // 2]


def p95(times: list[float]) -> float:
    return times[int(len(times) * 0.95)]


def test_a_key_paints_and_the_grid_scrolls_with_a_thousand_tiles(page_of, many, ann, mia, capsys):
    bikes = LabelClass.objects.create(corpus=many, name="motorbike", created_by=mia)
    page = page_of(ann, viewport={"width": 1440, "height": 900})
    first = many.items.order_by("pk").first()
    page.goto(f"/corpora/{many.pk}/workbench/?class={bikes.pk}&term=i{first.pk}")
    expect(page.locator("#tile-0 img[src]")).to_be_visible()
    page.evaluate(f"""async () => {{
      const {{ ranking }} = document.querySelector("sfi-workbench").session;
      while (ranking.tiles.length < {NUM_TILES} && !ranking.isComplete) {{
        await ranking.more(); // at once where a page is on its way: others must have their turn
        await new Promise((resolve) => setTimeout(resolve, 20));
      }}
    }}""")
    num_tiles = page.evaluate("document.querySelector('sfi-grid').tiles.length")
    assert num_tiles >= NUM_TILES
    keys = page.evaluate(KEYS)
    page.wait_for_timeout(1000)  # the answers are on their way: not a matter of scrolling
    reading, scroll = page.evaluate(SCROLL, 24), page.evaluate(SCROLL, 120)
    all_saved(page)
    assert Verdict.objects.filter(corpus=many).count() == len(keys["painted"])
    assert scroll["nodes"] <= MOST_NODES
    with capsys.disabled():
        print(
            f"\n{num_tiles} tiles, {scroll['nodes']} tile nodes:"
            f" key to paint p50 {p50(keys['painted']):.1f} ms, p95 {p95(keys['painted']):.1f} ms"
            f" (of it script p95 {p95(keys['handled']):.1f} ms);"
            f" frame while scrolling 24 px a frame p50 {p50(reading['times']):.1f} ms,"
            f" p95 {p95(reading['times']):.1f} ms; 120 px a frame p50 {p50(scroll['times']):.1f} ms,"
            f" p95 {p95(scroll['times']):.1f} ms"
        )
