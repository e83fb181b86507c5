"""Frames of a video over REST: what is shown is what is decoded and what is exported, pixel by pixel."""

import hashlib
import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from rest_framework.test import APIClient

from indexing.compute.decoder import Decoder
from indexing.compute.sampling import FramePolicy
from indexing.models import Item, MediaFile
from indexing.services.items import pixels_of
from labeling.compute.export_writers.pictures import picture_bytes
from tests import factories as made
from tests.data.make import make_clip
from tests.indexing.compute.test_video import CLIPS

pytestmark = pytest.mark.django_db
EVERY = FramePolicy("every")
REAL = (
    "rotated/video_90.mov",
    "rotated/video_270.mov",
    "codecs/h265_10bits.mp4",
    "codecs/sea-360p.avi",
    "codecs/av1_video.mkv",
    "gestures/brother.mkv",
)


def make_edit_list(path: Path) -> Path:
    """An mp4 whose edit list leaves out its first frames: they are in the file, and are not shown."""
    whole = make_clip(path.with_name("whole.mp4"), num_frames=30, b_frames=2, gop=30)
    with av.open(str(whole)) as source, av.open(str(path), "w") as cut:
        stream = cut.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is None:
                continue
            shift = round(
                Fraction(1, 5) / packet.time_base
            )  # what lies before 0 is left out by the edit list
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
            cut.mux(packet)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("frames")


def media_of(path: Path, corpus) -> MediaFile:
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return made.MediaFileFactory(
        corpus=corpus,
        is_video=True,
        path=str(path),
        name=path.name,
        sha256=sha256,
        size_bytes=path.stat().st_size,
    )


@pytest.fixture
def client(vera, corpus) -> APIClient:
    client = APIClient()
    client.force_login(vera)
    return client


def unpack(body: bytes) -> dict[int, bytes]:
    (count,) = struct.unpack_from("<I", body)
    at, found = 4 + 12 * count, {}
    for row in range(count):
        pts, size = struct.unpack_from("<qI", body, 4 + 12 * row)
        found[pts], at = body[at : at + size], at + size
    assert at == len(body)
    return found


def assert_shown_is_exported(client, media: MediaFile) -> None:
    """For every frame: the table names it, its PNG has the decoder's pixels, and so has its export."""
    url = f"/api/v1/corpora/{media.corpus_id}/media/{media.pk}/"
    with Decoder() as decoder:
        frames = list(decoder.frames(media.path, EVERY))
        listed = client.get(f"{url}frames/").json()
        assert listed["pts"] == [frame.pts for frame in frames]
        assert (listed["numbers"] or list(range(len(frames)))) == [frame.number for frame in frames]
        base = Fraction(*listed["time_base"])
        for frame in frames[:: max(1, len(frames) // 6)]:
            assert float((frame.pts - listed["start_pts"]) * base) == frame.pts_seconds
            shown = client.get(f"{url}frame/", {"pts": frame.pts, "form": "png"})
            assert shown.status_code == 200, shown.content
            pixels = np.asarray(Image.open(io.BytesIO(shown.content)))
            assert (pixels == frame.pixels).all(), frame.pts
            item = Item(media_file=media, start_pts=frame.pts, stop_pts=frame.pts + 1)
            exported = Image.open(io.BytesIO(picture_bytes(pixels_of(item, decoder), "png")))
            assert (np.asarray(exported) == pixels).all(), frame.pts


@pytest.mark.parametrize("name", [*CLIPS, "edited.mp4"])
def test_what_is_shown_is_what_is_decoded_and_exported(client, corpus, folder, name):
    path = folder / name
    if name == "edited.mp4":
        make_edit_list(path)
    else:
        make_clip(path, **CLIPS[name])
    assert_shown_is_exported(client, media_of(path, corpus))


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_shown_as_they_are_exported(client, corpus, shared_data, name):
    assert_shown_is_exported(client, media_of(shared_data / "videos" / name, corpus))


def test_frames_before_an_edit_are_not_shown(client, corpus, folder):
    media = media_of(make_edit_list(folder / "cut.mp4"), corpus)
    listed = client.get(f"/api/v1/corpora/{corpus.pk}/media/{media.pk}/frames/").json()
    assert listed["num_frames"] == 25


def test_a_run_has_the_frames_asked_for_in_their_order(client, corpus, folder):
    media = media_of(make_clip(folder / "run.mp4", b_frames=2), corpus)
    url = f"/api/v1/corpora/{corpus.pk}/media/{media.pk}/"
    pts = client.get(f"{url}frames/").json()["pts"]
    wanted = [pts[7], pts[3], pts[3] + 1, pts[30]]
    run = client.get(f"{url}frame-run/", {"pts": ",".join(map(str, wanted))})
    assert run["Cache-Control"] == "private, max-age=31536000, immutable"
    found = unpack(run.content)
    assert list(found) == [pts[7], pts[3], pts[30]]
    assert found[pts[3]] == client.get(f"{url}frame/", {"pts": pts[3]}).content
    small = unpack(client.get(f"{url}frame-run/", {"pts": str(pts[3]), "max_side_px": 64}).content)
    assert Image.open(io.BytesIO(small[pts[3]])).size == (64, 48)


def test_a_table_comes_in_pages_and_is_not_sent_twice(client, corpus, folder):
    media = media_of(make_clip(folder / "pages.mp4"), corpus)
    url = f"/api/v1/corpora/{corpus.pk}/media/{media.pk}/frames/"
    whole = client.get(url)
    first, second = client.get(url, {"limit": 25}).json(), client.get(url, {"limit": 25, "offset": 25}).json()
    assert first["pts"] + second["pts"] == whole.json()["pts"]
    assert (first["next"], second["next"]) == (25, None)
    assert second["codec_keyframes"] == [30]
    assert client.get(url, headers={"If-None-Match": whole["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("frame/?pts=1", 410),
        ("frame/?pts=abc", 400),
        ("frame/?pts=0,512", 400),
        ("frame/?pts=0&form=bmp", 400),
        ("frame/?pts=0&max_side_px=9", 400),
        ("frame-run/?pts=" + ",".join(map(str, range(65))), 400),
        ("frames/?limit=-1", 400),
    ],
)
def test_what_cannot_be_shown_is_refused(client, corpus, folder, path, status):
    clip = folder / "refused.mp4"
    media = media_of(clip if clip.exists() else make_clip(clip), corpus)
    assert client.get(f"/api/v1/corpora/{corpus.pk}/media/{media.pk}/{path}").status_code == status


def test_a_photo_and_a_file_that_is_gone_have_no_frames(client, corpus, folder):
    photo = made.MediaFileFactory(corpus=corpus)
    assert client.get(f"/api/v1/corpora/{corpus.pk}/media/{photo.pk}/frames/").status_code == 404
    gone = made.MediaFileFactory(corpus=corpus, is_video=True, path=str(folder / "nowhere.mp4"))
    answer = client.get(f"/api/v1/corpora/{corpus.pk}/media/{gone.pk}/frames/")
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_an_item_is_previewed_by_the_frames_of_its_time(client, corpus, folder):
    media = media_of(make_clip(folder / "preview.mp4", num_frames=60), corpus)
    pts = client.get(f"/api/v1/corpora/{corpus.pk}/media/{media.pk}/frames/").json()["pts"]
    clip = made.ItemFactory(media_file=media, kind="clip", start_pts=pts[10], stop_pts=pts[50], number=None)
    found = unpack(client.get(f"/api/v1/corpora/{corpus.pk}/items/{clip.pk}/preview/").content)
    assert len(found) == 16
    assert next(iter(found)) == pts[10]
    assert set(found) < set(pts[10:50])
