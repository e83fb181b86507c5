"""Frames out of videos and back, clips to features: times, numbers and values against other ways to them."""

import csv
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from indexing.compute.decoder import Decoder
from indexing.compute.plain.frame_files import write_frames
from indexing.compute.plain.side_files import read_meta, read_rows
from indexing.compute.sampling import FramePolicy
from sisyphus_web.cli.errors import Exit
from tests.data.make import level_of, make_clip, number_of
from tests.files.test_feature_extract import map_of

ROOT = Path(__file__).resolve().parents[2]
KINETICS_MEAN = np.array([0.43216, 0.394666, 0.37645], np.float32)
KINETICS_STD = np.array([0.22803, 0.22145, 0.216989], np.float32)


def listing(folder: Path) -> list[dict[str, str]]:
    with (folder / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def shown(path: Path) -> int:
    with Decoder() as decoder:
        return number_of(decoder.image(path).pixels)


def test_as_many_key_frames_as_the_container_lists_and_at_their_times(sfi, shared_data, tmp_path):
    video = shared_data / "videos" / "scenes" / "car-detection.mp4"
    if not video.is_file():
        video = sorted((shared_data / "videos" / "scenes").glob("*.mp4"))[0]
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        keys = sorted(packet.pts for packet in container.demux(stream) if packet.size and packet.is_keyframe)
        start, base = stream.start_time or 0, stream.time_base
    assert sfi("video-to-key-frames", video, tmp_path / "deep" / "kf").code == 0
    rows = listing(tmp_path / "deep" / "kf")
    assert [row["file"] for row in rows] == [f"frame-{n + 1}.jpg" for n in range(len(keys))]
    assert [int(row["pts"]) for row in rows] == keys
    assert [float(row["pts_seconds"]) for row in rows] == pytest.approx(
        [float((pts - start) * base) for pts in keys], abs=1e-6
    )
    assert all((tmp_path / "deep" / "kf" / row["file"]).is_file() for row in rows)
    with Decoder() as decoder:
        numbers = {frame.pts: frame.number for frame in decoder.frames(video, FramePolicy("every"))}
    assert [int(row["number"]) for row in rows] == [numbers[pts] for pts in keys]


@pytest.mark.parametrize("fps", [1, 5, 25, 60])
def test_ten_seconds_at_two_per_second_are_twenty_files_whatever_the_rate(sfi, tmp_path, fps):
    video = make_clip(tmp_path / "v.mp4", num_frames=10 * fps, fps=fps)
    assert sfi("video-to-resampled-frames", video, tmp_path / "f", 2).code == 0
    rows = listing(tmp_path / "f")
    assert len(rows) == len(list((tmp_path / "f").glob("*.jpg"))) == 20
    # At 0, .5, 1 ... s the frame is shown that began last.
    assert [int(row["number"]) for row in rows] == [int(tick / 2 * fps) for tick in range(20)]


def test_a_variable_rate_is_sampled_by_its_times(sfi, tmp_path):
    pts = [0, 40, 80, 3000, 3040, 7000, 9960]
    video = make_clip(tmp_path / "v.mkv", num_frames=len(pts), pts=pts)
    sfi("video-to-resampled-frames", video, tmp_path / "f", 1)
    rows = listing(tmp_path / "f")
    assert [int(row["number"]) for row in rows][:10] == [0, 2, 2, 3, 4, 4, 4, 5, 5, 5]


def test_frame_2_plays_before_frame_10(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=12, fps=2)
    sfi("video-to-resampled-frames", video, tmp_path / "f", 2)
    assert sfi("key-frames-to-video", tmp_path / "f", tmp_path / "back.mp4", 2, "64x48").code == 0
    with Decoder() as decoder:
        played = [
            number_of(frame.pixels) for frame in decoder.frames(tmp_path / "back.mp4", FramePolicy("every"))
        ]
    assert played == list(range(12))


def test_a_video_of_neighbors_plays_them_in_their_order(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=12, fps=10)
    sfi("video-to-resampled-frames", video, tmp_path / "f", 10)
    near = [
        {"distance": 0.0, "path": "a.npy", "media": str(tmp_path / "f" / "frame-8.jpg")},
        {
            "distance": 1.0,
            "path": "v.npy",
            "media": str(video),
            "pts": int(listing(tmp_path / "f")[3]["pts"]),
        },
        {"distance": 2.0, "path": "b.npy", "media": str(tmp_path / "gone.jpg")},
    ]
    (tmp_path / "near.json").write_text(json.dumps(near))
    ended = sfi("key-frames-to-video", tmp_path / "near.json", tmp_path / "nearest.mp4", 1, "64x48")
    assert ended.code == Exit.SOME_REJECTED
    assert "gone.jpg" in ended.err
    with Decoder() as decoder:
        frames = list(decoder.frames(tmp_path / "nearest.mp4", FramePolicy("every")))
    assert [number_of(frame.pixels) for frame in frames] == [7, 3]


@pytest.mark.parametrize("size", ["321x180", "0x10", "big"])
def test_a_size_that_cannot_be_encoded_is_refused(sfi, tmp_path, size):
    ended = sfi("key-frames-to-video", tmp_path, tmp_path / "o.mp4", 2, size)
    assert (ended.code, "two even numbers" in ended.err) == (Exit.REFUSED, True)


SMALL = ("--image-size", 32)


def test_a_still_video_keeps_one_frame_and_similarity_1_keeps_all(sfi, tmp_path):
    path = tmp_path / "still.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(15):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    still = sfi("frames-extract", "--video", path, "--frames", tmp_path / "a", *SMALL, "--json")
    assert still.json["frames"] == {"total": 15, "keep": 1, "drop": 14}
    assert [row["file"] for row in listing(tmp_path / "a")] == ["0000000000.jpg"]
    everything = sfi(
        "frames-extract", "--video", path, "--frames", tmp_path / "b", *SMALL, "--similarity", 1, "--json"
    )
    assert everything.json["frames"]["keep"] == 15


def test_frames_are_kept_by_the_cosine_to_the_last_one_kept(sfi, shared_data, tmp_path, resnet50):
    video = shared_data / "videos" / "gestures" / "eat.mkv"
    threshold = 0.9995
    ended = sfi(
        "frames-extract",
        "--video",
        video,
        "--frames",
        tmp_path / "f",
        *SMALL,
        "--similarity",
        threshold,
        "--json",
    )
    wanted, kept = [], None
    with Decoder() as decoder:
        for frame in decoder.frames(video, FramePolicy("every")):
            small = np.asarray(Image.fromarray(frame.pixels).resize((32, 32), Image.Resampling.BILINEAR))
            vector = map_of(resnet50, small).mean(axis=(0, 1))
            vector /= np.linalg.norm(vector)
            if kept is None or float(kept @ vector) <= threshold:
                kept = vector
                wanted.append(frame.number)
    found = [int(row["number"]) for row in listing(tmp_path / "f")]
    assert found == wanted
    assert [path.name for path in sorted((tmp_path / "f").glob("*.jpg"))] == [f"{n:010d}.jpg" for n in wanted]
    assert ended.json["frames"]["total"] == 47


def test_other_settings_leave_no_frame_of_the_run_before(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=20)
    call = ("frames-extract", "--video", video, "--frames", tmp_path / "f", *SMALL, "--json")
    sfi(*call, "--similarity", 1)
    ended = sfi(*call, "--similarity", "-1")
    assert len(list((tmp_path / "f").glob("*.jpg"))) == ended.json["frames"]["keep"] == 1
    assert sfi(*call, "--similarity", "-1").json["counts"]["skipped"] == 1


def test_a_run_cut_off_leaves_the_frames_before_it_as_they_were(sfi, tmp_path, tree):
    video = make_clip(tmp_path / "v.mp4", num_frames=50, fps=25)
    folder, call = tmp_path / "f", ("video-to-resampled-frames", video, tmp_path / "f")
    assert sfi(*call, 2).code == 0
    before = tree(folder)
    with Decoder() as decoder:
        frames = cut_off(decoder.frames(video, FramePolicy("every")), 7)
        with pytest.raises(OSError, match="cut off"):
            write_frames(folder, frames, {}, name_of=lambda _, before: f"frame-{before + 1}.jpg")
    assert tree(folder) == before
    assert sfi(*call, 2, "--json").json["counts"]["skipped"] == 1
    assert sorted(path.name for path in folder.iterdir() if path.name[0] == ".") == []


def cut_off(frames, after):
    for number, frame in enumerate(frames):
        if number == after:
            raise OSError("cut off")
        yield frame


def test_what_a_killed_run_left_is_swept_and_what_a_running_one_makes_is_not(tmp_path):
    killed = subprocess.Popen(
        [sys.executable, "-c", UNFINISHED, tmp_path], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert killed.stdout.readline() == "begun\n"
    (left,) = tmp_path.glob(".*")
    write_frames(tmp_path, [], {}, name_of=lambda *_: "")
    assert left.is_dir()
    killed.kill()
    killed.communicate()
    write_frames(tmp_path, [], {}, name_of=lambda *_: "")
    assert not list(tmp_path.glob(".*"))


UNFINISHED = """
import sys, time
from pathlib import Path
from indexing.compute.plain.frame_files import write_frames

def frames():
    print("begun", flush=True)
    time.sleep(600)
    yield

write_frames(Path(sys.argv[1]), frames(), {}, name_of=lambda *_: "")
"""


def test_130_frames_at_64_are_3_rows_and_the_last_is_128_to_130(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=130, size=(32, 32))
    assert sfi("feature-extract-vid", "--video", video, "--feature", tmp_path / "v.npy").code == 0
    assert np.load(tmp_path / "v.npy").shape == (3, 512)
    rows = read_rows(tmp_path / "v.npy")
    assert [(row.number, row.stop_number) for row in rows] == [(0, 64), (64, 128), (128, 130)]
    assert rows[2].pts_seconds == pytest.approx(128 / 25, abs=1e-4)
    assert [row.stop_pts for row in rows[:2]] == [row.start_pts for row in rows[1:]]
    assert read_meta(tmp_path / "v.npy")["fps"] == 25


def test_clips_equal_a_forward_pass_of_torchvision(sfi, shared_data, tmp_path, r2plus1d):
    video = shared_data / "videos" / "gestures" / "eat.mkv"
    call = ("--timesteps", 20, "--short-side", 48)
    assert sfi("feature-extract-vid", "--video", video, "--feature", tmp_path, *call).code == 0
    with Decoder() as decoder:
        frames = decoder.frames(video, FramePolicy("every"), min_side_px=48)
        pixels = np.stack([frame.pixels for frame in frames])
    head, r2plus1d.fc = r2plus1d.fc, torch.nn.Identity()
    wanted = []
    with torch.inference_mode():
        for start in range(0, len(pixels), 20):
            clip = (pixels[start : start + 20] / np.float32(255) - KINETICS_MEAN) / KINETICS_STD
            wanted.append(r2plus1d(torch.from_numpy(clip.transpose(3, 0, 1, 2)[None].copy()))[0].numpy())
    r2plus1d.fc = head
    np.testing.assert_allclose(np.load(tmp_path / "eat.npy"), wanted, rtol=1e-4, atol=1e-4)


def test_a_video_done_before_is_not_decoded_again(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=10, size=(32, 32))
    call = (
        "feature-extract-vid",
        "--video",
        video,
        "--feature",
        tmp_path / "v.npy",
        "--timesteps",
        4,
        "--json",
    )
    sfi(*call)
    assert sfi(*call).json["counts"]["skipped"] == 1
    assert sfi(*call, "--timesteps", 5).json["counts"]["done"] == 1


@pytest.mark.parametrize(
    "call",
    [
        ("feature-extract-vid", "--video", "{}", "--feature", "{}.npy"),
        ("frames-extract", "--video", "{}", "--frames", "{}.frames"),
        ("video-to-key-frames", "{}", "{}.frames"),
        ("video-to-resampled-frames", "{}", "{}.frames", "2"),
    ],
)
def test_what_is_no_video_is_rejected_and_nothing_is_written(sfi, shared_data, tmp_path, call):
    path = tmp_path / "notes.mp4"
    path.write_bytes((shared_data / "bad_media" / "broken" / "nonsense.jpg").read_bytes())
    ended = sfi(*(word.format(path) for word in call))
    assert ended.code == Exit.SOME_REJECTED
    assert "neither an image nor a video" in ended.err
    assert not list(tmp_path.rglob("*.npy"))
    assert not list(tmp_path.rglob("frames.csv"))


def test_damage_in_a_video_is_told_and_its_good_frames_are_written(sfi, shared_data, tmp_path):
    video = shared_data / "bad_media" / "broken" / "corrupted.mp4"
    ended = sfi("video-to-resampled-frames", video, tmp_path / "f", 2)
    assert ended.code == 0
    assert "48 of 50 declared frames were read" in ended.err
    assert len(listing(tmp_path / "f")) > 0


def test_feature_inspect_shows_shape_encoder_and_the_times_of_rows(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=10, size=(32, 32))
    sfi("feature-extract-vid", "--video", video, "--feature", tmp_path / "v.npy", "--timesteps", 4)
    ended = sfi("feature-inspect", tmp_path / "v.npy")
    assert "3 x 512" in ended.out
    assert "r2plus1d18-k400@1" in ended.out
    found = sfi("feature-inspect", tmp_path / "v.npy", "--json").json
    assert [row["number"] for row in found["rows"]] == [0, 4, 8]
    np.save(tmp_path / "bare.npy", np.zeros(7, np.float32))
    assert "are unknown" in sfi("feature-inspect", tmp_path / "bare.npy").out
    (tmp_path / "bad.npy").write_bytes(b"words")
    assert sfi("feature-inspect", tmp_path / "bad.npy").code == Exit.REFUSED


def test_tiles_put_together_are_the_picture(sfi, photos, tmp_path):
    source = next(photos.rglob("*.jpg"))
    assert sfi("split-image", source, tmp_path / "t").code == 0
    with Decoder() as decoder:
        pixels = decoder.image(source).pixels
        for path in (tmp_path / "t").glob("*.png"):
            _, row, column = path.stem.split("-")
            top, left = 32 * int(row), 32 * int(column)
            np.testing.assert_array_equal(
                decoder.image(path).pixels, pixels[top : top + 32, left : left + 32]
            )
    height, width = pixels.shape[:2]
    assert len(list((tmp_path / "t").glob("*.png"))) == -(-height // 32) * -(-width // 32)


def test_scaled_and_cropped_pictures_are_224_squares_and_folders_are_kept(sfi, photos, tmp_path):
    ended = sfi("scale-crop-image", photos, tmp_path / "c", "--json")
    assert ended.json["counts"]["done"] == 6
    with Decoder() as decoder:
        sizes = {decoder.image(path).pixels.shape for path in (tmp_path / "c").rglob("*.png")}
    assert sizes == {(224, 224, 3)}
    assert len(list((tmp_path / "c" / "crab").iterdir())) == 3


def test_the_lines_of_the_grid_part_a_picture_in_seven(sfi, photos, tmp_path):
    source = next(photos.rglob("*.jpg"))
    assert sfi("drawlines", source, tmp_path / "g.png").code == 0
    with Decoder() as decoder:
        drawn, before = decoder.image(tmp_path / "g.png").pixels, decoder.image(source).pixels
    changed = (drawn != before).any(axis=2)
    height = len(changed)
    rows = [row for row in range(height) if changed[row].mean() > 0.9]
    assert rows == [line * height // 7 for line in range(1, 7)]
    ended = sfi("drawlines", source, tmp_path / "g.gif")
    assert (ended.code, "must end in one of" in ended.err) == (Exit.REFUSED, True)


def test_levels_of_the_made_clip_survive_a_jpeg(sfi, tmp_path):
    video = make_clip(tmp_path / "v.mp4", num_frames=6, fps=6, gop=2)
    sfi("video-to-key-frames", video, tmp_path / "f")
    assert [shown(tmp_path / "f" / f"frame-{n}.jpg") for n in (1, 2, 3)] == [0, 2, 4]
    assert level_of(0) == 20
