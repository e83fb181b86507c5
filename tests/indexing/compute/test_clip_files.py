"""A clip in a file has exactly the frames that are shown, at their times; a copy has the very pixels."""

import subprocess
from contextlib import closing
from fractions import Fraction
from itertools import islice, pairwise

import av
import numpy as np
import pytest

from indexing.compute.clip_files import clip_file
from indexing.compute.decoder import Decoder
from indexing.compute.sampling import FramePolicy
from tests.data.make import make_clip
from tests.ffmpeg import command

EVERY = FramePolicy("every")
UNEVEN = [0, 40, 45, 130, 131, 400, 433, 1000, 1040, 1041, 1300, 1310, 1333, 1400, 1499]


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as decoder:
        yield decoder


def edit_list(path, tmp_path):
    """The same video from its frame 7 on, cut by an edit list: the frames before are there and not shown."""
    out = tmp_path / "cut.mp4"
    call = [command("ffmpeg"), "-loglevel", "error", "-ss", "0.28", "-i", path, "-c", "copy", out]
    subprocess.run([str(word) for word in call], check=True)
    return out


def odd_base(tmp_path):
    """30000/1001 frames per second, counted in 1/30000."""
    path = tmp_path / "odd.mp4"
    with av.open(str(path), "w", options={"video_track_timescale": "30000"}) as out:
        stream = out.add_stream("libx264", rate=Fraction(30000, 1001))
        stream.width, stream.height, stream.pix_fmt = 65, 49, "yuv444p"
        for number in range(20):
            pixels = np.full((49, 65, 3), 10 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    return path


MADE = {
    "variable rate": lambda at: make_clip(at / "v.mkv", num_frames=15, pts=UNEVEN, gop=5),
    "B-frames": lambda at: make_clip(at / "b.mp4", num_frames=40, b_frames=3, gop=12),
    "rotation": lambda at: make_clip(at / "r.mp4", num_frames=30, rotation=90),
    "edit list": lambda at: edit_list(make_clip(at / "e.mp4", num_frames=40, b_frames=2, gop=10), at),
    "odd time base": odd_base,
    "avi": lambda at: make_clip(at / "a.avi", num_frames=30, codec="mpeg4"),
}


def read(decoder, content, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    return list(decoder.frames(path, EVERY)), decoder.frame_table(path)


def seconds(pts, table):
    return pts * table.time_base[0] / table.time_base[1]


def same_times(found, shown, table):
    wanted = [seconds(frame.pts - shown[0].pts, table) for frame in shown]
    assert [frame.pts_seconds for frame in found] == pytest.approx(wanted, abs=1e-9)


def psnr(found, shown):
    pairs = zip(found, shown, strict=True)
    error = np.mean([np.square(a.pixels.astype(float) - b.pixels).mean() for a, b in pairs])
    return 10 * np.log10(255**2 / max(error, 1e-9))


@pytest.mark.parametrize("name", MADE)
def test_a_clip_encoded_again_has_the_frames_shown_at_their_times(decoder, tmp_path, name):
    path = MADE[name](tmp_path)
    table = decoder.frame_table(path)
    start, stop = int(table.pts[3]), int(table.pts[13])
    shown = list(decoder.span(path, start, stop))
    for quality in ("h264", "lossless"):
        content = clip_file(shown, stop_pts=stop, quality=quality)
        found, of_clip = read(decoder, content, tmp_path)
        same_times(found, shown, table)
        assert [frame.pixels.shape for frame in found] == [frame.pixels.shape for frame in shown]
        lasts = seconds(of_clip.stop_pts - of_clip.start_pts, of_clip)
        assert lasts == pytest.approx(seconds(stop - start, table))
        if quality == "lossless":
            assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(found, shown, strict=True))
        else:
            assert psnr(found, shown) > 35
        assert clip_file(shown, stop_pts=stop, quality=quality) == content


@pytest.mark.parametrize("name", ["variable rate", "B-frames", "edit list"])
def test_a_copied_clip_has_the_very_pixels_shown_or_is_none(decoder, tmp_path, name):
    """From every key frame to every later one: what is copied is exact, and something is copied."""
    path = MADE[name](tmp_path)
    table = decoder.frame_table(path)
    keys = [*table.pts[table.is_codec_keyframe].tolist(), table.stop_pts]
    num_copied = 0
    for start, stop in pairwise(keys):
        copied, why_not = decoder.copy_span(path, start, stop)
        assert bool(copied) != bool(why_not)
        if copied:
            num_copied += 1
            shown = list(decoder.span(path, start, stop))
            found, of_clip = read(decoder, copied, tmp_path)
            same_times(found, shown, table)
            assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(found, shown, strict=True))
            assert seconds(of_clip.stop_pts, of_clip) == pytest.approx(seconds(stop - start, table))
            assert decoder.copy_span(path, start, stop)[0] == copied
    assert num_copied >= 2


@pytest.mark.parametrize("name", MADE)
def test_what_a_copy_would_not_give_exactly_is_not_copied(decoder, tmp_path, name):
    path = MADE[name](tmp_path)
    table = decoder.frame_table(path)
    plain = [i for i in range(2, len(table) - 1) if not table.is_codec_keyframe[i]]
    if plain:
        for start, stop in ((plain[0], plain[-1]), (0, plain[-1]), (plain[0], len(table) - 1)):
            copied, why_not = decoder.copy_span(path, int(table.pts[start]), int(table.pts[stop]))
            assert (copied, bool(why_not)) == (b"", True)
    if name in ("rotation", "avi"):
        assert decoder.copy_span(path, int(table.pts[0]), table.stop_pts)[0] == b""


def test_real_videos_of_every_codec_are_cut_exactly(decoder, tmp_path, shared_data):
    folder = shared_data / "videos"
    for name in ("av1_video.mkv", "h265_video.mp4", "h264_10bits.mp4", "sea-360p.webm", "sea-360p.mkv"):
        path = folder / "codecs" / name
        table = decoder.frame_table(path)
        keys = [*table.pts[table.is_codec_keyframe].tolist(), table.stop_pts]
        start, stop = keys[0], keys[1]
        with closing(iter(decoder.span(path, start, stop))) as frames:
            shown = list(islice(frames, 12))
        copied, why_not = decoder.copy_span(path, start, stop)
        assert copied, (name, why_not)
        found, of_copy = read(decoder, copied, tmp_path)
        assert len(of_copy) == len(table.within(start, stop))
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(found[:12], shown, strict=True))
        part = shown[: len(shown) // 2 + 1]
        content = clip_file(part, stop_pts=part[-1].pts + 1, quality="lossless")
        found, _ = read(decoder, content, tmp_path)
        same_times(found, part, table)
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(found, part, strict=True))


def test_a_clip_needs_a_frame_and_an_end_after_it(decoder, tmp_path):
    path = make_clip(tmp_path / "one.mp4", num_frames=3)
    frames = list(decoder.frames(path, EVERY))
    with pytest.raises(ValueError, match="at least one frame"):
        clip_file([], stop_pts=1)
    with pytest.raises(ValueError, match="ends after its first frame"):
        clip_file(frames, stop_pts=frames[0].pts)
    content = clip_file(frames[:1], stop_pts=frames[1].pts)
    assert len(read(decoder, content, tmp_path)[0]) == 1
