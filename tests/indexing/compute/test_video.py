"""Frames: the right ones, named by their pts, upright, the same whichever way they are reached."""

import hashlib
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indexing.compute.media_facts import MediaRefused
from indexing.compute.sampling import FramePolicy, dissimilar
from indexing.compute.seeking import frames_at
from indexing.compute.video import frames, probe, target_size
from tests.data.make import LEVELS, level_of, make_clip, number_of
from tests.ffmpeg import command

EVERY = FramePolicy("every")
UNEVEN = [0, 40, 80, 500, 510, 900, 1500, 1540, 2600, 2640, 2650, 4000]


def hashes(found) -> dict[int, str]:
    return {frame.pts: hashlib.sha256(frame.pixels.tobytes()).hexdigest() for frame in found}


CLIPS = {
    "plain.mp4": {},
    "b_frames.mp4": {"b_frames": 3, "gop": 12},
    "b_frames.mkv": {"b_frames": 2, "gop": 40},
    "b_frames.ts": {"b_frames": 2, "gop": 10},
    "open_gop.mp4": {"b_frames": 2, "options": {"x264-params": "open-gop=1:keyint=8:bframes=2"}},
    "uneven.mp4": {"num_frames": 12, "pts": UNEVEN},
    "uneven.mkv": {"num_frames": 12, "pts": UNEVEN, "b_frames": 2},
    "odd.mkv": {"size": (63, 47), "pix_fmt": "yuv444p"},
    "ten_bits.mp4": {
        "codec": "libx265",
        "pix_fmt": "yuv420p10le",
        "options": {"x265-params": "log-level=none"},
    },
    "b_frames_hevc.mp4": {"codec": "libx265", "b_frames": 3, "options": {"x265-params": "log-level=none"}},
    "full_range.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "nine.webm": {"codec": "libvpx-vp9", "num_frames": 22},
    "av1.mkv": {"codec": "libsvtav1", "num_frames": 22},
    "four.avi": {"codec": "mpeg4", "b_frames": 2, "options": {"qmax": "2", "b": "4M"}},
    "turned.mp4": {"rotation": 90},
}


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(params=CLIPS)
def clip(request, clips) -> tuple[Path, dict]:
    path, made = clips / request.param, CLIPS[request.param]
    if not path.exists():
        make_clip(path, **made)
    return path, made


def test_every_frame_comes_once_in_order_with_its_number(clip):
    path, made = clip
    reading = frames(path, EVERY)
    found = list(reading)
    num_frames = made.get("num_frames", 40)
    assert [frame.number for frame in found] == list(range(num_frames))
    assert [number_of(frame.pixels) for frame in found] == [k % LEVELS for k in range(num_frames)]
    assert reading.end.num_decoded == num_frames
    assert reading.end.is_counted
    assert reading.end.damage == ""
    assert all(a.pts < b.pts for a, b in pairwise(found))


def test_frames_at_gives_the_very_pixels_of_a_whole_reading(clip):
    path, _ = clip
    whole = hashes(frames(path, EVERY, max_side_px=40))
    times = list(whole)
    for pts in (times[0], times[1], times[len(times) // 2], times[-2], times[-1]):
        assert hashes(frames_at(path, [pts], max_side_px=40)) == {pts: whole[pts]}
    assert hashes(frames_at(path, times, max_side_px=40)) == whole
    some = dict(list(whole.items())[2::5])
    assert hashes(frames_at(path, list(some), max_side_px=40)) == some


def test_codec_key_frames_are_those_ffprobe_lists(clip):
    path, _ = clip
    listed = subprocess.run(
        [command("ffprobe"), "-v", "error", "-select_streams", "v:0", "-show_entries", "frame=key_frame",
         "-of", "csv=p=0", str(path)], capture_output=True, text=True, check=True,
    ).stdout.replace(",", "").split()  # fmt: skip
    found = list(frames(path, FramePolicy("codec_keyframe", is_exact=True)))
    assert len(found) == listed.count("1")
    assert all(frame.is_codec_keyframe for frame in found)
    whole = hashes(frames(path, EVERY))
    assert all(whole[pts] == pixels for pts, pixels in hashes(found).items())


def test_pixels_are_those_of_ffmpeg(clip):
    path, _ = clip
    facts = probe(path)
    raw = subprocess.run(
        [command("ffmpeg"), "-v", "error", "-i", str(path), "-frames:v", "3", "-fps_mode", "passthrough",
         "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True,
    ).stdout  # fmt: skip
    expected = np.frombuffer(raw, np.uint8).reshape(-1, facts.height_px, facts.width_px, 3)
    for frame, same in zip(frames(path, EVERY), expected, strict=False):
        assert frame.pixels.shape == same.shape
        assert np.abs(frame.pixels.astype(int) - same).mean() < 2.5


def test_variable_rate_is_noticed_and_its_times_are_kept(clips):
    path = make_clip(clips / "times.mp4", num_frames=12, pts=UNEVEN)
    reading = frames(path, EVERY)
    assert [round(1000 * frame.pts_seconds) for frame in reading] == UNEVEN
    assert reading.end.is_variable_rate
    even = frames(make_clip(clips / "even.mkv"), EVERY)
    list(even)
    assert not even.end.is_variable_rate  # Matroska rounds 33.3 ms


@pytest.mark.parametrize(("turn", "corner"), [(0, (0, 0)), (90, (-1, 0)), (180, (-1, -1)), (-90, (0, -1))])
def test_rotation_is_applied_once(clips, turn, corner):
    path = make_clip(clips / f"turn{turn}.mp4", rotation=turn, num_frames=2)
    facts = probe(path)
    assert (facts.width_px, facts.height_px) == ((64, 48) if turn in (0, 180) else (48, 64))
    first = next(iter(frames(path, EVERY)))
    assert first.pixels.shape == (facts.height_px, facts.width_px, 3)
    assert first.pixels[corner].min() > 200


def test_every_n_seconds_is_by_time_not_by_number(clips):
    steady = make_clip(clips / "ten.mp4", num_frames=250, fps=25)
    assert len(list(frames(steady, FramePolicy("interval", interval_seconds=0.5)))) == 20
    uneven = make_clip(clips / "uneven_ticks.mp4", num_frames=12, pts=UNEVEN)
    kept = [frame.number for frame in frames(uneven, FramePolicy("interval", interval_seconds=1.0))]
    assert kept == [0, 6, 8, 11]


def test_few_key_frames_are_replaced_by_timed_ones_and_said_so(clips):
    path = make_clip(clips / "one_key.mp4", num_frames=100, gop=1000)
    reading = frames(path, FramePolicy("codec_keyframe"))
    assert [frame.number for frame in reading] == [0, 25, 50, 75]
    assert reading.end.notes == ("1 codec key frames in 4.0 s: a frame every 1 s was taken instead",)


def test_a_key_frame_has_no_number_where_not_all_were_decoded(clips):
    path = make_clip(clips / "keys.mp4", num_frames=40, gop=10)
    assert [frame.number for frame in frames(path, FramePolicy("codec_keyframe"))] == [None] * 4


def test_content_change_keeps_a_frame_per_change(clips):
    path = make_clip(clips / "changes.mp4", num_frames=22)
    kept = [frame.number for frame in frames(path, FramePolicy("content_change"))]
    assert kept[0] == 0
    assert 8 <= len(kept) <= 12  # a level is 4 % of full range: every second one passes 6 %


def mean_color(pictures) -> np.ndarray:
    """A toy encoder: an angle by brightness."""
    angles = np.array([picture.mean() / 255 * np.pi / 2 for picture in pictures])
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_feature_similarity_compares_with_the_last_kept(clips):
    path = make_clip(clips / "similar.mp4", num_frames=22)
    kept = [f.number for f in dissimilar(frames(path, EVERY), mean_color, threshold=0.95, batch_size=5)]
    levels = [np.pi / 2 * (level_of(k) * 0.9375 + 255 / 16) / 255 for k in range(22)]  # with the white corner
    expected = [0]
    for number in range(1, 22):
        if np.cos(levels[number] - levels[expected[-1]]) <= 0.95:
            expected.append(number)
    assert kept == expected
    still = make_clip(clips / "still.mp4", num_frames=1)
    assert len(list(dissimilar(frames(still, EVERY), mean_color, threshold=0.95))) == 1
    assert len(list(dissimilar(frames(path, EVERY), mean_color, threshold=1.0))) == 22


def test_a_frame_that_is_not_there_is_named(clips):
    path = make_clip(clips / "missing.mp4")
    with pytest.raises(MediaRefused, match="no frame at pts"):
        list(frames_at(path, [123456789]))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("list.mp4", b"ffconcat version 1.0\nfile 'plain.mp4'\n", "unsupported-format"),
        ("list.m3u8", b"#EXTM3U\n#EXTINF:1,\nplain.mp4\n", "unsupported-format"),
        ("cut.mp4", b"\x00\x00\x00\x20ftypisom" + bytes(500), "damaged-header"),
        ("sound.mkv", b"\x1a\x45\xdf\xa3" + bytes(200), "damaged-header"),
    ],
)
def test_playlists_and_empty_shells_are_refused(clips, name, content, code):
    (clips / name).write_bytes(content)
    with pytest.raises(MediaRefused) as refused:
        probe(clips / name)
    assert refused.value.code == code


def test_an_avi_named_mp4_is_refused(clips):
    real = make_clip(clips / "real.avi", codec="mpeg4")
    fake = clips / "fake.mp4"
    fake.write_bytes(real.read_bytes())
    with pytest.raises(MediaRefused, match="the content is avi"):
        probe(fake)


def test_real_files_of_every_codec_decode_whole(shared_data):
    import csv

    with (shared_data / "videos" / "videos.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if "gestures" not in row["path"]]
    for row in rows:
        path = shared_data / row["path"]
        if row["container"] == "mpeg":
            with pytest.raises(MediaRefused, match="MPEG program stream"):
                probe(path)
            continue
        if "nasa" in row["path"]:  # two streams: the larger one is taken, the table has the first
            continue
        reading = frames(path, EVERY, max_side_px=32)
        assert len(list(reading)) == int(row["frames"]), path
        facts = probe(path)
        turned = int(row["rotation_deg"]) % 180 != 0
        size = (int(row["width"]), int(row["height"]))
        assert (facts.width_px, facts.height_px) == (size[::-1] if turned else size)


def test_target_size_never_enlarges():
    assert target_size(1280, 720, 224, None) == (398, 224)
    assert target_size(1280, 720, None, 256) == (256, 144)
    assert target_size(64, 48, 224, None) == (64, 48)


def test_compute_loads_neither_django_nor_torch():
    probe_code = (
        "import sys\nfor name in ('django', 'torch', 'faiss'): sys.modules[name] = None\n"
        "import indexing.compute.decoder, indexing.compute.decoder_answers, indexing.compute.walk"
    )
    subprocess.run([sys.executable, "-c", probe_code], check=True, timeout=300)
