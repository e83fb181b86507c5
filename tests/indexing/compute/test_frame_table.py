"""The table of a video's frames: the very pts and numbers of a whole reading, and windows between them."""

import numpy as np
import pytest

from indexing.compute.decoder import Decoder
from indexing.compute.frame_listing import frame_table
from indexing.compute.frame_table import FrameTable
from indexing.compute.sampling import FramePolicy
from indexing.compute.seeking import frames_at
from indexing.compute.video import frames
from tests.data.make import make_clip
from tests.indexing.compute.test_video import CLIPS, UNEVEN

EVERY = FramePolicy("every")


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return tmp_path_factory.mktemp("table")


def clip_of(clips, name):
    path = clips / name
    return path if path.exists() else make_clip(path, **CLIPS[name])


def table_of(pts, stop_pts=100, keys=(0,)) -> FrameTable:
    pts = np.array(pts, np.int64)
    numbers = np.arange(len(pts), dtype=np.int32)
    return FrameTable(pts, numbers, np.isin(numbers, keys), (1, 10), 0, stop_pts, is_decoded=True)


@pytest.mark.parametrize("name", CLIPS)
def test_the_table_has_the_frames_of_a_whole_reading(clips, name):
    path = clip_of(clips, name)
    read = [(f.pts, f.number, f.is_codec_keyframe) for f in frames(path, EVERY, max_side_px=16)]
    table = frame_table(path)
    listed = zip(table.pts.tolist(), table.numbers.tolist(), table.is_codec_keyframe.tolist(), strict=True)
    assert list(listed) == read
    assert table.is_decoded
    assert table.stop_pts > table.pts[-1]


@pytest.mark.parametrize("name", ["b_frames.mp4", "b_frames.mkv", "b_frames.ts", "uneven.mkv", "av1.mkv"])
def test_packets_list_the_same_frames_where_decoding_takes_too_long(clips, name):
    path = clip_of(clips, name)
    whole, quick = frame_table(path), frame_table(path, max_decoded_pixels=0)
    assert not quick.is_decoded
    assert quick.pts.tolist() == whole.pts.tolist()
    assert quick.stop_pts == whole.stop_pts


@pytest.mark.parametrize("name", CLIPS)
def test_runs_of_frames_by_the_keys_of_the_table_are_those_of_a_whole_reading(clips, name):
    path = clip_of(clips, name)
    whole = {frame.pts: frame.pixels for frame in frames(path, EVERY)}
    table = frame_table(path)
    for start in range(0, len(table), 12):
        run = table.pts[start : start + 12].tolist()
        found = list(frames_at(path, run, keys=table.keys_near(run[0], run[-1])))
        assert sorted(frame.pts for frame in found) == run
        assert all((frame.pixels == whole[frame.pts]).all() for frame in found)


def test_real_files_of_every_kind_have_the_frames_that_a_reading_gives(shared_data):
    for name in (
        "codecs/sea-360p.avi",
        "codecs/h265_video.mp4",
        "rotated/video_90.mov",
        "codecs/sea-360p.mkv",
    ):
        path = shared_data / "videos" / name
        read = [(frame.pts, frame.number) for frame in frames(path, EVERY, max_side_px=16)]
        table = frame_table(path)
        assert list(zip(table.pts.tolist(), table.numbers.tolist(), strict=True)) == read, name


def test_the_child_gives_the_same_table(clips):
    path = clip_of(clips, "uneven.mp4")
    here = frame_table(path)
    with Decoder() as decoder:
        there = decoder.frame_table(path)
    assert (there.pts == here.pts).all()
    assert (there.stop_pts, there.time_base, len(there)) == (here.stop_pts, here.time_base, len(UNEVEN))


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((0, 100), (0, 100)),
        ((5, 21), (0, 30)),
        ((10, 20), (10, 20)),
        ((30, 31), (30, 100)),
        ((40, 50), (30, 100)),
    ],
)
def test_a_window_is_widened_to_whole_frames(asked, given):
    assert table_of([0, 10, 20, 30]).window(*asked) == given


@pytest.mark.parametrize("asked", [(10, 10), (20, 10), (100, 120), (-20, 0)])
def test_a_window_without_a_frame_is_none(asked):
    with pytest.raises(LookupError, match="no frame in"):
        table_of([0, 10, 20, 30]).window(*asked)


def test_keys_near_begin_with_the_one_before():
    table = table_of([0, 10, 20, 30, 40], keys=(0, 2, 4))
    assert table.keys_near(25, 30) == [20]
    assert table.keys_near(10, 40) == [0, 20, 40]


def test_a_table_of_nothing_is_refused():
    with pytest.raises(ValueError, match="equally many"):
        table_of([])
