"""`sfi clip-extract`: the original's arrays, resumable, shared; one bad video stops nothing."""

import copy
import csv
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from indexing.compute.encoders.video import torch_clips
from indexing.compute.encoders.video.clip_catalog import spec_of
from indexing.compute.encoders.video.clip_loading import load_clips
from indexing.compute.encoders.weights import LocalWeights
from indexing.compute.plain import crop_features
from indexing.compute.plain.clip_recipe import ClipRecipe, CroppedEncoder
from indexing.compute.plain.progress_files import ProgressFile
from indexing.compute.plain.side_files import read_meta
from indexing.compute.torchvision_shim import torchvision
from sisyphus_web.cli.errors import Exit
from tests.data.make import make_clip

SFI = Path(__file__).resolve().parents[2] / "bin" / "sfi"
BUILTIN = ("--model", "builtin-clip@1")
QUICK = ("--num_frames", 2, "--sampling_rate", 8)  # a clip of 16 frames that costs little


@pytest.fixture
def videos(tmp_path):
    """Three made videos in two folders, each of another container and length."""
    root = tmp_path / "videos"
    (root / "a").mkdir(parents=True)
    make_clip(root / "one.mp4", num_frames=30)
    make_clip(root / "two.mkv", num_frames=40)
    make_clip(root / "a" / "one.avi", num_frames=10, codec="mpeg4")
    return root


def extract(sfi, root, folder, *words):
    return sfi("clip-extract", "--input_dir", root, "--output_dir", folder, *BUILTIN, *QUICK, *words)


def states(ended):
    return {each["input"]: each["state"] for each in ended.json["inputs"]}


def rows_of(path):
    with path.with_name(f"{path.name}.rows.csv").open(newline="") as file:
        return [(int(row["number"]), int(row["stop_number"])) for row in csv.DictReader(file)]


def arrays(folder):
    return {str(path.relative_to(folder)): np.load(path) for path in sorted(folder.rglob("*.npy"))}


@pytest.mark.parametrize(
    ("num_frames", "expected"),
    [
        (10, [(0, 10)]),
        (65, [(0, 64), (64, 65)]),
        (126, [(0, 64), (64, 126)]),
        (128, [(0, 64), (64, 128)]),
    ],
)
def test_the_rows_are_the_originals_clips_of_32_frames_every_second(sfi, tmp_path, num_frames, expected):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "video.mp4", num_frames=num_frames)
    words = ("--num_frames", 32, "--sampling_rate", 2, "--crop_type", "center")
    assert extract(sfi, tmp_path / "in", tmp_path / "out", *words).code == 0
    assert rows_of(tmp_path / "out" / "video.npy") == expected
    found = np.load(tmp_path / "out" / "video.npy")
    assert (found.shape, found.dtype) == ((len(expected), 1, found.shape[2]), np.float32)


def test_a_part_filled_clip_is_tiled_repeated_or_dropped_as_asked(sfi, tmp_path):
    """The values equal the encoder's on frames that are put together by hand: 70 frames, L=16, r=2."""
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "video.mp4", num_frames=70)
    encoder = load_clips("builtin-clip@1", model_dir=tmp_path)
    with av.open(str(tmp_path / "in" / "video.mp4")) as container:
        frames = [encoder.prepare(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    words = ("--num_frames", 16, "--sampling_rate", 2, "--crop_type", "center")
    for pad, slots in (
        ("tile", [64, 66, 68, 64, 66, 68, 64, 66, 68, 64, 66, 68, 64, 66, 68, 64]),
        ("repeat_last", [64, 66] + [68] * 14),
    ):
        assert extract(sfi, tmp_path / "in", tmp_path / pad, *words, "--pad", pad).code == 0
        found = np.load(tmp_path / pad / "video.npy")
        np.testing.assert_allclose(found[2], encoder.raw([np.stack([frames[i] for i in slots])]), atol=0.02)
    assert extract(sfi, tmp_path / "in", tmp_path / "drop", *words, "--drop_last").code == 0
    assert len(np.load(tmp_path / "drop" / "video.npy")) == 2


def test_uniform_covers_beginning_middle_and_end_and_first_wraps_around(sfi, tmp_path):
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "video.mp4", num_frames=200)
    make_clip(tmp_path / "in" / "short.mp4", num_frames=20)
    words = ("--num_clips_per_video", 3, "--crop_type", "center")
    assert extract(sfi, tmp_path / "in", tmp_path / "u", *words, "--clip_spread", "uniform").code == 0
    starts = [start for start, _ in rows_of(tmp_path / "u" / "video.npy")]
    assert starts == [0, 96, 191]
    assert extract(sfi, tmp_path / "in", tmp_path / "f", *words).code == 0
    assert [start for start, _ in rows_of(tmp_path / "f" / "video.npy")] == [0, 16, 32]
    assert [start for start, _ in rows_of(tmp_path / "f" / "short.npy")] == [0, 16, 12]  # modulo 20


def test_clips_of_several_videos_fill_a_batch_and_give_what_one_by_one_gives(sfi, videos, tmp_path):
    assert extract(sfi, videos, tmp_path / "a", "--batch_size", 1).code == 0
    assert extract(sfi, videos, tmp_path / "b", "--batch_size", 64).code == 0
    assert extract(sfi, videos, tmp_path / "c", "--batch_size", -1, "--num_workers", 2).code == 0
    one, many, most = (arrays(tmp_path / name) for name in "abc")
    assert list(one) == list(many) == list(most) == ["a/one.npy", "one.npy", "two.npy"]
    for name in one:
        np.testing.assert_allclose(one[name], many[name], atol=1e-6)
        np.testing.assert_allclose(one[name], most[name], atol=1e-6)


def written(path, frames):
    """A video without loss."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264rgb", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.options = "rgb24", {"qp": "0"}
        for each in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(each), format="rgb24")))
        out.mux(stream.encode(None))


def test_a_mirrored_video_has_the_ten_crops_with_halves_swapped(sfi, tmp_path, shared_data):
    (tmp_path / "in").mkdir()
    with av.open(str(shared_data / "videos" / "gestures" / "yes.mkv")) as container:
        frames = [f.to_ndarray(format="rgb24")[:147, :200] for f in islice(container.decode(video=0), 20)]
    written(tmp_path / "in" / "plain.mkv", frames)
    written(tmp_path / "in" / "turned.mkv", [frame[:, ::-1] for frame in frames])
    assert extract(sfi, tmp_path / "in", tmp_path / "out", "--crop_type", "10-crop").code == 0
    plain, turned = arrays(tmp_path / "out").values()
    assert plain.shape[:2] == (2, 10)
    swapped = np.concatenate([turned[:, 5:], turned[:, :5]], axis=1)
    np.testing.assert_allclose(plain, swapped, rtol=1e-4, atol=1e-4 * np.abs(plain).max())
    assert np.abs(plain - turned).max() > 0.01 * np.abs(plain).max()


def test_crops_of_a_real_network_equal_torchvisions_crops_and_forward_pass(tmp_path, shared_data, r2plus1d):
    torch.save(r2plus1d.state_dict(), tmp_path / "made.pth")
    spec = replace(spec_of("r2plus1d18-k400@1", tmp_path), num_frames=2, side_px=37, crop_px=32)
    encoder = torch_clips.load(spec, LocalWeights(tmp_path / "made.pth", "0"), device="cpu", cache=None)
    with av.open(str(shared_data / "videos" / "gestures" / "yes.mkv")) as container:
        frames = [f.to_ndarray(format="rgb24") for f in islice(container.decode(video=0), 2)]
    clip = np.stack([encoder.prepare(frame) for frame in frames])
    found = CroppedEncoder(encoder, ClipRecipe(2, 2, crop_type="5-crop")).features([clip])
    planes = torch.from_numpy(clip).permute(0, 3, 1, 2)
    cut = torchvision.transforms.functional.five_crop(planes, 32)
    mean, std = (torch.tensor(each).reshape(3, 1, 1, 1) for each in (spec.mean, spec.std))
    network = copy.deepcopy(r2plus1d)
    network.fc = torch.nn.Identity()
    with torch.inference_mode():
        wanted = [
            network(((each.transpose(0, 1).float() / 255 - mean) / std)[None])[0].numpy() for each in cut
        ]
    assert found.shape == (1, 5, 512)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


def test_a_truncated_file_counts_as_not_done_and_an_originals_whole_one_as_done(sfi, videos, tmp_path):
    folder = tmp_path / "out"
    assert extract(sfi, videos, folder).code == 0
    before = arrays(folder)
    whole = (folder / "one.npy").read_bytes()
    (folder / "one.npy").write_bytes(whole[: len(whole) // 2])
    (folder / "two.npy.meta.json").unlink()  # as the original leaves it
    (folder / "a" / "one.npy.meta.json").unlink()
    (folder / "a" / "one.npy").write_bytes(whole[: len(whole) // 2])
    ended = extract(sfi, videos, folder, "--json")
    assert states(ended) == {"one.mp4": "done", "two.mkv": "skipped", "a/one.avi": "done"}
    for name, array in arrays(folder).items():
        np.testing.assert_array_equal(array, before[name])


def test_other_settings_or_another_video_are_not_taken_for_done(sfi, videos, tmp_path):
    assert extract(sfi, videos, tmp_path / "out").code == 0
    make_clip(videos / "one.mp4", num_frames=41)
    assert states(extract(sfi, videos, tmp_path / "out", "--json"))["one.mp4"] == "done"
    ended = extract(sfi, videos, tmp_path / "out", "--sampling_rate", 9, "--json")
    assert set(states(ended).values()) == {"done"}


def test_with_a_progress_file_nothing_is_computed_again_even_without_outputs(
    sfi, videos, tmp_path, monkeypatch
):
    names = tmp_path / "progress.txt"
    names.write_text("two")  # by the original: no newline at its end
    words = ("--check_progress", names, "--json")
    assert states(extract(sfi, videos, tmp_path / "out", *words))["two.mkv"] == "skipped"
    assert names.read_text().splitlines() == ["two", "one", "a/one"]
    shutil.rmtree(tmp_path / "out")

    def never(*_: object) -> None:
        raise AssertionError("a video was read")

    monkeypatch.setattr(crop_features, "is_done", never)
    ended = extract(sfi, videos, tmp_path / "out", *words)
    assert (ended.code, set(states(ended).values())) == (0, {"skipped"})
    assert arrays(tmp_path / "out") == {}


def test_several_writers_of_a_progress_file_lose_no_name(tmp_path):
    one, two = ProgressFile(tmp_path / "p"), ProgressFile(tmp_path / "p")
    for i in range(20):
        one.add(f"one/{i}")
        two.add(f"two/{i}")
        two.add(f"two/{i}")
    assert len(ProgressFile(tmp_path / "p")) == 40 == len((tmp_path / "p").read_text().splitlines())


def test_two_runs_of_one_equal_one_of_two_and_what_is_bad_does_not_count(sfi, videos, tmp_path):
    (videos / "0-bad.mp4").write_bytes(b"no video")
    for num_done in (1, 2, 3, 3):  # the last has nothing left to do
        ended = extract(sfi, videos, tmp_path / "out", "--force_stop_after_n_videos", 1)
        assert ended.code == Exit.SOME_REJECTED
        assert len(arrays(tmp_path / "out")) == num_done
    assert extract(sfi, videos, tmp_path / "whole").code == Exit.SOME_REJECTED
    for name, array in arrays(tmp_path / "whole").items():
        np.testing.assert_array_equal(array, arrays(tmp_path / "out")[name])


def test_a_bad_video_is_rejected_with_its_reason_and_the_others_go_on(sfi, videos, tmp_path, shared_data):
    whole = (videos / "two.mkv").read_bytes()
    (videos / "cut.mkv").write_bytes(whole[:400])
    (videos / "notes.txt").write_text("no video")
    (videos / "photo.mp4").write_bytes(next((shared_data / "photos" / "crab").iterdir()).read_bytes())
    ended = extract(sfi, videos, tmp_path / "out", "--json")
    assert ended.code == Exit.SOME_REJECTED
    told = {each["input"]: each for each in ended.json["inputs"]}
    bad = ("cut.mkv", "notes.txt", "photo.mp4")
    assert all(told[name]["state"] == "rejected" and told[name]["sentence"] for name in bad)
    assert list(arrays(tmp_path / "out")) == ["a/one.npy", "one.npy", "two.npy"]


def test_outputs_that_would_meet_keep_their_whole_names(sfi, videos, tmp_path):
    shutil.copy(videos / "two.mkv", videos / "one.mkv")
    assert extract(sfi, videos, tmp_path / "out").code == 0
    assert list(arrays(tmp_path / "out")) == ["a/one.npy", "one.mkv.npy", "one.mp4.npy", "two.npy"]


def test_the_configuration_told_asks_for_the_same_work_again(sfi, videos, tmp_path):
    first = extract(sfi, videos, tmp_path / "out", "--crop_type", "center", "--pad", "repeat_last")
    told = json.loads(first.out[: first.out.rindex("}") + 1])
    words = []
    for name, value in told.items():
        if value is not None and value is not False:
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    again = sfi("clip-extract", *words, "--json")
    assert set(states(again).values()) == {"skipped"}


def test_a_killed_run_leaves_no_part_and_the_next_one_goes_on(videos, tmp_path, sfi):
    for i in range(12):
        shutil.copy(videos / "two.mkv", videos / f"more-{i}.mkv")
        with (videos / f"more-{i}.mkv").open("ab") as file:
            file.write(bytes([i]))  # another content
    folder, parts = tmp_path / "out", tmp_path / "parts"
    parts.mkdir()
    call = [SFI, "clip-extract", "--input_dir", videos, "--output_dir", folder, *BUILTIN, *QUICK]
    words = [str(word) for word in (*call, "--batch_size", 2)]
    env = os.environ | {"TMPDIR": str(parts), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while len(list(folder.glob("*.npy"))) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    assert len(done) >= 3
    assert all(np.load(folder / name).shape[1] == 5 for name in done)
    assert list(parts.iterdir()) == []
    ended = extract(sfi, videos, folder, "--json")
    assert (ended.code, len(arrays(folder))) == (0, 15)
    skipped = [each["outputs"][0] for each in ended.json["inputs"] if each["state"] == "skipped"]
    assert set(done) <= set(skipped) | {Path(name).name for name in skipped}
    assert all((folder / name).stat().st_mtime_ns == before for name, before in done.items())


def test_two_processes_on_one_folder_share_the_work_and_end_with_all_of_it(videos, tmp_path):
    for i in range(6):
        make_clip(videos / f"more-{i}.mp4", num_frames=40 + i)
    folder = tmp_path / "out"
    call = [SFI, "clip-extract", "--input_dir", videos, "--output_dir", folder, *BUILTIN, *QUICK]
    words = [str(word) for word in (*call, "--json", "--batch_size", 2)]
    both = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    told = [json.loads(process.communicate(timeout=300)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(each["counts"]["done"] for each in told) == 9
    assert sum(each["counts"]["skipped"] for each in told) == 9
    assert len(arrays(folder)) == 9


def test_inspect_knows_the_files(sfi, videos, tmp_path):
    assert extract(sfi, videos, tmp_path / "out", "--crop_type", "10-crop").code == 0
    ended = sfi("feature-inspect", tmp_path / "out" / "two.npy", "--json")
    assert (ended.code, ended.json["shape"][:2], len(ended.json["rows"])) == (0, [3, 10], 3)
    assert ended.json["meta"]["encoder"] == "builtin-clip@1"
    assert "3 x 10 x" in sfi("feature-inspect", tmp_path / "out" / "two.npy").out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_half_precision_without_a_gpu_is_refused_in_a_sentence(sfi, videos, tmp_path):
    words = ("--model", "r2plus1d18-k400@1", "--precision", "fp16")
    ended = extract(sfi, videos, tmp_path / "out", *words)
    assert (ended.code, "fp16 needs a GPU" in ended.err) == (Exit.REFUSED, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "i4d"), "no clip encoder"),
        (("--model", "c3d"), "weights"),
        (("--num_clips_per_video", "0"), "whole number"),
        (("--batch_size", "-2"), "whole number"),
        (("--crop_type", "7-crop"), "7-crop"),
    ],
)
def test_what_cannot_be_done_is_refused_before_work(sfi, videos, tmp_path, words, sentence):
    ended = extract(sfi, videos, tmp_path / "out", *words)
    assert ended.code == Exit.REFUSED
    assert sentence in ended.err
    assert not (tmp_path / "out").exists()


def test_memory_holds_a_few_clips_however_many_there_are(sfi, tmp_path, monkeypatch):
    """Of 60 clips never more wait than a batch."""
    (tmp_path / "in").mkdir()
    make_clip(tmp_path / "in" / "long.mp4", num_frames=960)
    waiting = []
    encode = crop_features._Run._encode

    def noted(run):
        waiting.append(len(run._waiting))
        encode(run)

    monkeypatch.setattr(crop_features._Run, "_encode", noted)
    words = ("--crop_type", "center", "--batch_size", 4)
    assert extract(sfi, tmp_path / "in", tmp_path / "out", *words).code == 0
    assert len(np.load(tmp_path / "out" / "long.npy")) == 60
    assert max(waiting) == 4
    meta = read_meta(tmp_path / "out" / "long.npy")
    assert (meta["num_frames"], meta["fps"]) == (960, 25.0)
