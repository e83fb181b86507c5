"""The page of a video in Chromium: what is shown is the decoder's frame; spans by mouse and by keyboard."""

import base64
import hashlib
import io

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Page, expect

from indexing.compute.decoder import Decoder
from indexing.compute.sampling import FramePolicy
from indexing.models import Item, MediaFile
from labeling.models import CurrentVerdict, Verdict
from tests import factories as made
from tests.browser.waiting import eventually, until

# The apps are named so that the flush cascades: knox leaves an unused table that points at the users.
pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, available_apps=django_settings.INSTALLED_APPS),
]
WIDE = {"viewport": {"width": 1440, "height": 900}}
PLAYER = "document.querySelector('sfi-player')"
GUTTER_PX = 84  # of the time line, for the names of its lanes


@pytest.fixture
def open_video(page_of, ann, corpus, shared_data):
    made.LabelClassFactory(corpus=corpus, name="waving")

    def open_it(name: str, container: str, codec: str) -> tuple[Page, MediaFile]:
        path = shared_data / "videos" / name
        media = made.MediaFileFactory(
            corpus=corpus,
            is_video=True,
            name=path.name,
            path=str(path),
            container=container,
            codec=codec,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size_bytes=path.stat().st_size,
            time_base_denominator=1000 if container == "matroska" else 25_000,
        )
        page = page_of(ann, **WIDE)
        page.goto(reverse("video", args=[corpus.pk, media.pk]))
        page.locator("canvas[data-place='0']").wait_for()
        return page, media

    return open_it


def shown(page: Page) -> dict[str, str]:
    """The numbers beside the frame."""
    return {
        name: page.locator(f".player-facts [data-fact='{name}']").inner_text()
        for name in ("frame", "pts", "time base", "seconds")
    }


def pixels(page: Page) -> np.ndarray:
    """(H, W, 3) what is drawn."""
    drawn = page.locator("sfi-player canvas").evaluate("canvas => canvas.toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(drawn.partition(",")[2])))
    return np.asarray(picture.convert("RGB"))


def counts(item: Item, answer: str) -> None:
    """Waits until `answer` counts for the item: it is painted first, and sent after."""
    eventually(lambda: CurrentVerdict.objects.filter(item=item, answer=answer).exists())


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [("gestures/brother.mkv", "matroska", "h264"), ("codecs/sea-360p.avi", "avi", "h264"),
     ("rotated/video_90.mov", "mp4", "h264")],
)  # fmt: skip
def test_every_step_shows_the_decoders_frame_with_its_own_numbers(open_video, name, container, codec):
    page, media = open_video(name, container, codec)
    with Decoder() as decoder:
        frames = list(decoder.frames(media.path, FramePolicy("every")))
    last = len(frames) - 1
    places = {"Home": 0, ".": 1, "End": last, ",": last - 1}
    for key, place in places.items():
        page.keyboard.press(key)
        page.locator(f"canvas[data-place='{place}']").wait_for()
        frame = frames[place]
        expect(page.locator("[data-fact='pts']")).to_have_text(str(frame.pts))
        assert shown(page) == {
            "frame": str(frame.number),
            "pts": str(frame.pts),
            "time base": f"{frame.time_base[0]}/{frame.time_base[1]}",
            "seconds": f"{frame.pts_seconds:.6f}",
        }
        drawn = pixels(page).astype(int)
        assert drawn.shape == frame.pixels.shape
        # A JPEG of quality 92 is between: a neighbor of these frames differs by more.
        assert np.abs(drawn - frame.pixels).mean() < 2
    middle = frames[len(frames) // 2]
    page.keyboard.press("t")
    page.keyboard.type(str(middle.pts))
    page.keyboard.press("Enter")
    expect(page.locator("[data-fact='frame']")).to_have_text(str(middle.number))


def test_a_span_is_dragged_accepted_undone_and_selected_by_keyboard(open_video, corpus):
    page, media = open_video("scenes/car-detection.mp4", "mp4", "h264")
    page.wait_for_load_state("networkidle")  # what comes later moves the lanes

    def at(share: float) -> tuple[float, float]:
        """A point in the lowest lane, which is that of the verdicts."""
        box = page.locator("sfi-time-line canvas").bounding_box()
        assert box is not None
        plot_px = box["width"] - GUTTER_PX
        return box["x"] + GUTTER_PX + share * plot_px, box["y"] + box["height"] - 16

    page.mouse.move(*at(0.25))
    page.mouse.down()
    page.mouse.move(*at(0.3), steps=3)
    page.mouse.move(*at(0.5), steps=3)
    page.mouse.up()
    expect(page.locator(".video-subject")).to_contain_text("frames")
    page.keyboard.press("a")
    expect(page.locator(".video-side .badge")).to_contain_text("accept")
    clip = Item.objects.get(media_file=media, kind="clip")
    counts(clip, "accept")
    expect(page.locator(".status-unsaved")).to_have_text("all saved")
    said = Verdict.objects.get(item=clip)
    assert (said.answer, said.mode) == ("accept", "timeline")
    with Decoder() as decoder:
        pts = decoder.frame_table(media.path).pts.tolist()
    assert {clip.start_pts, clip.stop_pts} <= set(pts)
    assert abs(pts.index(clip.start_pts) - 0.25 * len(pts)) < 4
    assert abs(pts.index(clip.stop_pts) - 0.5 * len(pts)) < 4
    page.keyboard.press("z")
    expect(page.locator(".video-side")).to_contain_text("undecided")
    counts(clip, "")
    page.keyboard.press("Shift+Z")
    expect(page.locator(".video-side .badge")).to_contain_text("accept")
    counts(clip, "accept")
    # By keyboard alone: frames 1 to 3 are the span, which is rejected.
    page.keyboard.press("Home")
    page.keyboard.press(".")
    page.locator("canvas[data-place='1']").wait_for()
    page.keyboard.press("[")
    page.keyboard.press(".")
    page.keyboard.press(".")
    page.locator("canvas[data-place='3']").wait_for()
    page.keyboard.press("]")
    expect(page.locator(".video-subject")).to_contain_text("3 frames")
    page.keyboard.press("x")
    expect(page.locator(".video-side .badge")).to_contain_text("reject")
    short = Item.objects.get(media_file=media, kind="clip", start_pts=pts[1])
    assert short.stop_pts == pts[4]
    counts(short, "reject")
    page.reload()
    page.locator("canvas[data-place='0']").wait_for()
    expect(page.locator(".line-tools")).to_contain_text("2 items")
    page.mouse.click(*at(0.4))
    expect(page.locator(".video-side .badge")).to_contain_text("accept")
    page.keyboard.press("Escape")
    expect(page.locator(".line-canvas")).to_have_attribute(
        "aria-valuetext", "0:00:12.000, frame 150, in a clip, accept"
    )


@pytest.mark.parametrize(
    ("name", "container"), [("codecs/sea-360p.avi", "avi"), ("scenes/car-detection.mp4", "mp4")]
)
def test_it_plays_on_its_own_and_stands_on_the_frame_it_says(open_video, name, container):
    page, media = open_video(name, container, "h264")
    page.keyboard.press("l")
    expect(page.locator("[data-fact='frame']")).not_to_have_text("0")
    page.keyboard.press("k")
    expect(page.locator(".player-play")).to_have_text("Play")
    expect(page.locator("sfi-player canvas")).to_be_visible()
    until(page, f"!{PLAYER}.isPlaying && {PLAYER}.standing === {PLAYER}.place")  # the whole frame has come
    place = int(page.locator("sfi-player canvas").get_attribute("data-place") or -1)
    with Decoder() as decoder:
        frame = list(decoder.frames(media.path, FramePolicy("every")))[place]
    assert shown(page)["pts"] == str(frame.pts)
    assert np.abs(pixels(page).astype(int) - frame.pixels).mean() < 2
