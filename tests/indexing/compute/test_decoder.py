"""The decoder child: the same answers as in-process, limits, and a death that costs one file."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

from indexing.compute import decoder as decoder_module
from indexing.compute.decoder import Decoder, Thumbnail
from indexing.compute.images import read_image
from indexing.compute.media_facts import MediaRefused
from indexing.compute.sampling import FramePolicy
from indexing.compute.thumbnails import encode_jpeg
from indexing.compute.video import frames
from tests.data.make import make_clip


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as made:
        yield made


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", num_frames=30, b_frames=2)


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    random = np.random.default_rng(0)
    paths = [tmp_path / f"{k}.jpg" for k in range(6)]
    for path in paths:
        path.write_bytes(encode_jpeg(random.integers(0, 255, (90, 120, 3), np.uint8)))
    return paths


def test_the_child_gives_what_the_same_code_gives_here(decoder, clip, photos):
    assert (decoder.image(photos[0]).pixels == read_image(photos[0]).pixels).all()
    here, there = list(frames(clip, FramePolicy("every"))), decoder.frames(clip, FramePolicy("every"))
    for mine, its in zip(here, there, strict=True):
        assert (mine.number, mine.pts, mine.time_base) == (its.number, its.pts, its.time_base)
        assert (mine.pixels == its.pixels).all()
    assert there.end.num_decoded == 30
    some = [here[7].pts, here[21].pts]
    assert [frame.pts for frame in decoder.frames_at(clip, some)] == some


def test_a_decoder_for_pictures_gives_the_same_without_loading_what_reads_videos(decoder, photos, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(photos[0].read_bytes()[:300])
    with Decoder(is_for_pictures=True) as light:
        for path in photos:
            mine, theirs = light.image(path, min_side_px=40), decoder.image(path, min_side_px=40)
            assert np.array_equal(mine.pixels, theirs.pixels)
            assert mine.width_px == theirs.width_px == 120
        refused = []
        for each in (light, decoder):
            with pytest.raises(MediaRefused) as caught:
                each.image(tmp_path / "bad.jpg")
            refused.append((caught.value.code, caught.value.sentence))
        assert refused[0] == refused[1]
        loaded = Path(f"/proc/{light._child.pid}/maps").read_text()
    assert "/simplejpeg/" in loaded
    assert not any(f"/{name}/" in loaded for name in ("av", "cv2"))


def test_thumbnails_come_in_order_and_a_bad_one_is_one_refusal(decoder, photos):
    photos[2].write_bytes(b"nonsense")
    made = list(decoder.image_thumbnails(photos))
    assert [type(each) for each in made] == [Thumbnail] * 2 + [MediaRefused] + [Thumbnail] * 3


def test_a_reading_left_half_way_does_not_disturb_the_next(decoder, clip, photos):
    for _ in decoder.frames(clip, FramePolicy("every")):
        break
    assert decoder.image(photos[0]).pixels.shape == (90, 120, 3)


def test_a_file_that_kills_the_child_is_refused_and_the_rest_goes_on(photos, monkeypatch):
    asked = decoder_module._write_line
    with Decoder() as decoder:
        decoder.image(photos[0])
        child = decoder._child.pid
        os.kill(child, signal.SIGSTOP)

        def ask_then_kill(of, request) -> None:
            asked(of, request)
            if of.pid == child:
                os.kill(child, signal.SIGSEGV)
                os.kill(child, signal.SIGCONT)

        monkeypatch.setattr(decoder_module, "_write_line", ask_then_kill)
        first, *rest = decoder.image_thumbnails(photos)
    assert isinstance(first, MediaRefused)
    assert (first.code, "SIGSEGV" in first.sentence) == ("crashed-decoder", True)
    assert all(isinstance(each, Thumbnail) for each in rest)


def test_a_child_that_says_nothing_is_stopped(photos, monkeypatch):
    with Decoder() as decoder:
        decoder.image(photos[0])
        monkeypatch.setattr(decoder_module, "PATIENCE_SECONDS", 0.3)
        os.kill(decoder._child.pid, signal.SIGSTOP)
        with pytest.raises(MediaRefused) as refused:
            decoder.image(photos[1])
        assert refused.value.code == "took-too-long"
        monkeypatch.undo()
        assert decoder.image(photos[1]).pixels.shape == (90, 120, 3)


def test_the_child_is_limited_and_has_no_secrets(decoder, photos):
    decoder.image(photos[0])
    of_child = Path(f"/proc/{decoder._child.pid}")
    limits = (of_child / "limits").read_text()
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()}
    assert rows["Max address space"] == str(4 << 30)
    assert rows["Max open files"] == "64"
    assert rows["Max file size"] == "0"
    assert rows["Max cpu time"].isdecimal()
    assert b"SECRET" not in (of_child / "environ").read_bytes()
    assert "NoNewPrivs:\t1" in (of_child / "status").read_text()


def test_a_file_that_is_gone_is_said_so(decoder, tmp_path):
    with pytest.raises(MediaRefused, match="no longer where it was"):
        decoder.identify(tmp_path / "none.mp4")


def test_the_child_ends_with_its_decoder(photos):
    with Decoder() as decoder:
        decoder.image(photos[0])
        child = decoder._child.pid
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
