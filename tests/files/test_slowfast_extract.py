"""`sfi slowfast-extract`: windows, features and times against a network run by hand on the whole video."""

import json
import os
import signal
import subprocess
import time
from math import floor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from indexing.compute.decoder import Decoder
from indexing.compute.encoders.video.slow_family import slow_family
from indexing.compute.encoders.video.slowfast import SlowFamilyNetwork
from indexing.compute.plain.report import Report
from indexing.compute.plain.side_files import read_meta, read_rows
from indexing.compute.plain.slowfast import config, extraction, inputs
from indexing.compute.plain.slowfast.network import ClipNetwork, facts_of, read_weights
from indexing.compute.sampling import FramePolicy
from tests.data.make import make_clip
from tests.indexing.compute.video.formula import filled
from tests.indexing.compute.video.slow_cases import GAINS

SIDE = 64
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def network() -> SlowFamilyNetwork:
    """As narrow as SlowFast can be: its fast pathway begins with one channel."""
    made = SlowFamilyNetwork(slow_family("slowfast-r50-8x8", {"width": 8, "num_classes": 3})).eval()
    made.load_state_dict(filled(made.state_dict(), GAINS), strict=True)
    return made


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, network) -> Path:
    """Named as PySlowFast does."""
    path = tmp_path_factory.mktemp("weights") / "slowfast.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def pickled(tmp_path_factory, network) -> Path:
    """The same, wrapped as PySlowFast does."""
    path = tmp_path_factory.mktemp("weights") / "checkpoint_epoch_00010.pyth"
    torch.save({"epoch": 10, "model_state": network.state_dict()}, path)
    return path


@pytest.fixture
def told(tmp_path, checkpoint):
    """Writes a YAML as slowfast_feature_extractor's, and the list beside the videos."""

    def write(names, **changes):
        keys = {
            "DATA.PATH_TO_DATA_DIR": str(tmp_path / "data"),
            "DATA.PATH_PREFIX": str(tmp_path / "data"),
            "DATA.NUM_FRAMES": 8,
            "DATA.SAMPLE_SIZE": [SIDE, SIDE],
            "DATA.READ_VID_FILE": True,
            "DATA.IN_FPS": 25,
            "DATA.OUT_FPS": 25,
            "SLOWFAST.ALPHA": 4,
            "SLOWFAST.FUSION_KERNEL_SZ": 7,
            "MODEL.ARCH": "slowfast",
            "SOLVER.BASE_LR": 0.1,
            "TEST.CHECKPOINT_FILE_PATH": str(checkpoint),
            "TEST.BATCH_SIZE": 3,
            "OUTPUT_DIR": str(tmp_path / "out"),
            **changes,
        }
        tree: dict = {}
        for key, value in keys.items():
            group, _, name = key.rpartition(".")
            (tree.setdefault(group, {}) if group else tree)[name] = value
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "video_list.csv").write_text("\n\n".join(names) + "\n")
        path = tmp_path / "cfg.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write


def pixels_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def by_hand(network, frames, num_frames=8, step=1, at=None, padding="zero"):
    """The rows of these frames (H, W, 3), each window forwarded alone: the original's way."""
    small = [cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for frame in frames]
    whole = (torch.from_numpy(np.stack(small)).float() / 255 - 0.45) / 0.225
    rows = []
    for center in range(len(frames)) if at is None else at:
        start = floor(center - step * num_frames / 2)
        slots = [start + slot * step for slot in range(num_frames)]
        if padding == "edge":
            slots = [min(max(slot, 0), len(frames) - 1) for slot in slots]
        blank = torch.zeros_like(whole[0])
        clip = torch.stack([whole[slot] if 0 <= slot < len(frames) else blank for slot in slots])
        with torch.inference_mode():
            rows.append(network(clip.permute(3, 0, 1, 2)[None])[0].numpy())
    return np.stack(rows)


def assert_alike(found, expected):
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_a_video_gives_the_rows_that_the_network_gives_by_hand(sfi, told, tmp_path, network, pickled):
    cfg = told(["sub/a.b"], **{"TEST.CHECKPOINT_FILE_PATH": str(pickled)})
    (tmp_path / "data" / "sub").mkdir()
    make_clip(tmp_path / "data" / "sub" / "a.b.mp4", num_frames=20, fps=25)
    ended = sfi("slowfast-extract", "--cfg", cfg, "--json")
    assert ended.code == 0, ended.err
    output = tmp_path / "out" / "sub" / "a.b_8.npy"
    frames = pixels_of(tmp_path / "data" / "sub" / "a.b.mp4")
    assert_alike(np.load(output), by_hand(network, frames))
    rows = read_rows(output)
    assert [(row.number, row.stop_number) for row in rows[:6]] == [(0, n) for n in (4, 5, 6, 7, 8)] + [(1, 9)]
    assert rows[-1].stop_number == 20
    assert rows[-1].pts_seconds == pytest.approx(15 / 25)
    meta = read_meta(output)
    assert meta["encoder"] == "slowfast-r50-head256@1"
    assert meta["fps"] == 25
    assert meta["settings"]["stride"] == 1
    assert meta["preprocessing"]["color"] == "RGB"
    assert len(meta["weights_sha256"]) == len(meta["source_sha256"]) == 64
    said = ended.json
    assert said["expected_rows"] == 20
    assert said["width"] == network.family.num_features
    assert said["pathways"] == {
        "fast": {"frames": 8, "seconds": 0.32},
        "slow": {"frames": 2, "seconds": 0.32},
    }
    assert said["keys_without_effect"] == ["SOLVER.BASE_LR"]
    assert [(each["input"], each["outputs"]) for each in said["inputs"]] == [("sub/a.b", ["sub/a.b_8.npy"])]


def test_a_video_and_its_own_frames_as_png_give_the_same_features(sfi, told, tmp_path, shared_data):
    source = shared_data / "videos" / "gestures" / "thanks.mkv"
    (tmp_path / "data" / "pictures").mkdir(parents=True)
    (tmp_path / "data" / "clip.mkv").write_bytes(source.read_bytes())
    with Decoder() as decoder:
        rate = decoder.identify(source).frames_per_second
        for frame in decoder.frames(source, FramePolicy("every")):
            name = tmp_path / "data" / "pictures" / f"f_{frame.number:03d}.png"
            Image.fromarray(frame.pixels).save(name, compress_level=0)
    flags = ("--stride", 16, "--opts", "DATA.IN_FPS", rate, "DATA.OUT_FPS", rate)
    told_video = told(["clip"], **{"DATA.VID_FILE_EXT": ".mkv"})
    assert sfi("slowfast-extract", "--cfg", told_video, *flags).code == 0
    of_pictures = {
        "DATA.READ_VID_FILE": False,
        "DATA.IMG_FILE_EXT": ".png",
        "DATA.IMG_FILE_FORMAT": "f_{:03d}.png",
    }
    assert sfi("slowfast-extract", "--cfg", told(["pictures"], **of_pictures), *flags).code == 0
    of_video, of_frames = (np.load(tmp_path / "out" / f"{name}_8.npy") for name in ("clip", "pictures"))
    assert_alike(of_frames, of_video)
    assert read_meta(tmp_path / "out" / "pictures_8.npy")["kind"] == "frames"


def test_pictures_are_taken_in_the_order_of_their_numbers_and_as_rgb(sfi, told, tmp_path, network):
    folder = tmp_path / "data" / "walk"
    folder.mkdir(parents=True)
    chance = np.random.default_rng(3)
    frames = [chance.integers(0, 256, (SIDE, SIDE, 3), np.uint8) for _ in range(12)]
    for number, pixels in enumerate(frames):
        Image.fromarray(pixels).save(folder / f"img_{number}.png")  # img_10 sorts before img_2 as text
    (folder / "img_x.png").write_bytes(b"no number")
    changes = {
        "DATA.READ_VID_FILE": False,
        "DATA.IMG_FILE_EXT": ".png",
        "DATA.IMG_FILE_FORMAT": "img_{:d}.png",
    }
    ended = sfi("slowfast-extract", "--cfg", told(["walk"], **changes))
    assert ended.code == 0
    assert "1 pictures are not named like img_{:d}.png: img_x.png" in ended.err
    assert_alike(np.load(tmp_path / "out" / "walk_8.npy"), by_hand(network, frames))


@pytest.mark.parametrize(
    ("flags", "facts"),
    [
        (("--stride", 5, "--offset", 2, "--padding", "edge"), {"at": [2, 7, 12, 17], "padding": "edge"}),
        (("--opts", "DATA.OUT_FPS", 12.5, "WINDOW.STRIDE", 9), {"at": [0, 9, 18], "step": 2}),
        (("--rate", 3, "--stride", 9), {"at": [0, 9, 18], "step": 3}),
        (("--sparse",), {"at": [16]}),
    ],
)
def test_windows_are_set_by_flags_and_keys(sfi, told, tmp_path, network, flags, facts):
    video = make_clip(tmp_path / "data" / "v.mp4", num_frames=20, fps=25)
    assert sfi("slowfast-extract", "--cfg", told(["v"]), *flags).code == 0
    found = np.load(tmp_path / "out" / "v_8.npy")
    assert_alike(found, by_hand(network, pixels_of(video), **facts))


def test_a_video_without_a_window_has_no_rows_and_that_is_said(sfi, told, tmp_path, network):
    make_clip(tmp_path / "data" / "v.mp4", num_frames=10, fps=25)
    ended = sfi("slowfast-extract", "--cfg", told(["v"]), "--sparse")
    assert ended.code == 0
    assert np.load(tmp_path / "out" / "v_8.npy").shape == (0, network.family.num_features)
    assert "too short for a window from frame 16 on" in ended.err


def test_a_variable_rate_gives_as_many_rows_as_its_duration_says(sfi, told, tmp_path):
    pts = [0, 40, 80, 400, 440, 900, 1000, 1040]  # ms, the last lasts 40
    make_clip(tmp_path / "data" / "v.mkv", num_frames=len(pts), pts=pts)
    flags = ("--opts", "DATA.VID_FILE_EXT", ".mkv", "DATA.IN_FPS", 10, "DATA.OUT_FPS", 10)
    assert sfi("slowfast-extract", "--cfg", told(["v"]), *flags).code == 0
    assert abs(len(np.load(tmp_path / "out" / "v_8.npy")) - 11) <= 1
    rows = read_rows(tmp_path / "out" / "v_8.npy")
    assert {row.start_pts for row in rows} <= set(pts)


def test_scores_are_written_beside_when_asked_for(sfi, told, tmp_path, network):
    video = make_clip(tmp_path / "data" / "v.mp4", num_frames=9, fps=25)
    ended = sfi("slowfast-extract", "--cfg", told(["v"]), "--predictions", "--stride", 4)
    assert ended.code == 0
    scores = np.load(tmp_path / "out" / "v_8.predictions.npy")
    assert scores.shape == (3, 3)
    assert scores.sum(axis=1) == pytest.approx(1)
    expected = by_hand(network, pixels_of(video), at=[0, 4, 8])
    assert_alike(np.load(tmp_path / "out" / "v_8.npy"), expected)
    logits = torch.from_numpy(expected) @ network.head["projection"].weight.T
    probabilities = (logits + network.head["projection"].bias).softmax(1)
    assert scores == pytest.approx(probabilities.detach().numpy(), abs=1e-4)


def test_what_is_done_is_not_made_again_and_what_cannot_be_read_is_listed(sfi, told, tmp_path):
    whole = make_clip(tmp_path / "data" / "good.mp4", num_frames=125, fps=25).read_bytes()
    cut = make_clip(tmp_path / "data" / "cut.mkv", num_frames=125, fps=25)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (tmp_path / "data" / "text.mp4").write_bytes(b"this is no video, whatever its name says" * 9)
    (tmp_path / "data" / "cutmp4.mp4").write_bytes(whole[: len(whole) // 2])
    names = ["good", "cut.mkv", "text", "missing", "cutmp4", "../outside"]
    flags = ("--cfg", told(names), "--stride", 60, "--json")
    ended = sfi("slowfast-extract", *flags)
    assert ended.code == 3
    said = {each["input"]: (each["state"], each["code"]) for each in ended.json["inputs"]}
    assert said["good"] == ("done", "")
    assert said["cut.mkv"] == ("rejected", "damaged")
    assert said["missing"] == ("rejected", "gone")
    assert said["../outside"] == ("rejected", "outside")
    assert said["text"][0] == said["cutmp4"][0] == "rejected"
    assert len(said) == len(names)
    made = sorted(path.name for path in (tmp_path / "out").iterdir() if path.name[0] != ".")
    assert made == ["good_8.npy", "good_8.npy.meta.json", "good_8.npy.rows.csv", "sfi-report.json"]
    before = (tmp_path / "out" / "good_8.npy").stat().st_mtime_ns
    again = sfi("slowfast-extract", *flags)
    assert again.json["counts"] == {"done": 0, "skipped": 1, "rejected": 5}
    assert (tmp_path / "out" / "good_8.npy").stat().st_mtime_ns == before
    assert sfi("slowfast-extract", *flags, "--padding", "edge").json["counts"]["done"] == 1
    kept = sfi("slowfast-extract", *flags, "--keep-damaged")
    said = {each["input"]: each["state"] for each in kept.json["inputs"]}
    assert said["cut.mkv"] == "done"
    assert "damage" in read_meta(tmp_path / "out" / "cut.mkv_8.npy")


def test_a_file_of_the_original_counts_as_done(sfi, told, tmp_path, network):
    make_clip(tmp_path / "data" / "v.mp4", num_frames=9, fps=25)
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "out" / "v_8.npy", np.zeros((9, network.family.num_features), np.float32))
    assert sfi("slowfast-extract", "--cfg", told(["v"]), "--json").json["counts"]["skipped"] == 1
    np.save(tmp_path / "out" / "v_8.npy", np.zeros((9, 7), np.float32))
    assert sfi("slowfast-extract", "--cfg", told(["v"]), "--json").json["counts"]["done"] == 1


def test_shards_share_the_list_and_the_folder(sfi, told, tmp_path):
    for name in "abc":
        make_clip(tmp_path / "data" / f"{name}.mp4", num_frames=9, fps=25)
    flags = (
        "--cfg",
        told(["c", "a", "b"]),
        "--stride",
        8,
        "--num_shards",
        2,
        "--init_method",
        "tcp://x:9",
        "--json",
    )
    halves = [sfi("slowfast-extract", *flags, "--shard_id", shard).json for shard in (0, 1)]
    assert [[each["input"] for each in half["inputs"]] for half in halves] == [["a", "c"], ["b"]]
    assert len(list((tmp_path / "out").glob("*_8.npy"))) == 3
    assert (tmp_path / "out" / "shard-1-of-2.sfi-report.json").is_file()


def test_several_devices_take_one_video_each_and_give_the_same(told, tmp_path, checkpoint, network):
    for number in range(4):
        make_clip(tmp_path / "data" / f"{number}.mp4", num_frames=9 + number, fps=25)
    said = config.read(told(["0", "1", "2", "3"]), ["WINDOW.STRIDE", "4"])
    weights = read_weights(checkpoint, said)
    networks = [ClipNetwork(said, weights, device="cpu") for _ in range(2)]
    facts = facts_of(said, weights, networks[0], "fp32")
    run = extraction.Run(said, inputs.read_list(said), facts, weights.width, "0")
    report, rows = Report("slowfast-extract", "0"), []
    extraction.extract(run, networks, report, rows.append)
    assert report.counts == {"done": 4, "skipped": 0, "rejected": 0}
    assert sum(rows) == extraction.look(said, run.names).num_rows == 3 + 3 + 3 + 3
    for number in range(4):
        frames = pixels_of(tmp_path / "data" / f"{number}.mp4")
        expected = by_hand(network, frames, at=range(0, 9 + number, 4))
        assert_alike(np.load(tmp_path / "out" / f"{number}_8.npy"), expected)


def test_an_error_of_one_device_ends_the_others_and_is_told(told, tmp_path, checkpoint):
    for number in range(3):
        make_clip(tmp_path / "data" / f"{number}.mp4", num_frames=9, fps=25)
    said = config.read(told(["0", "1", "2"]), ["WINDOW.STRIDE", "4"])
    weights = read_weights(checkpoint, said)
    good, full = (ClipNetwork(said, weights, device="cpu") for _ in range(2))

    def rows(clips):
        raise OSError(28, "No space left on device")

    full.rows = rows
    run = extraction.Run(said, ["0", "1", "2"], facts_of(said, weights, good, "fp32"), weights.width, "0")
    with pytest.raises(OSError, match="No space left"):
        extraction.extract(run, [good, full], Report("slowfast-extract", "0"), lambda num_rows: None)
    assert len(list((tmp_path / "out").glob("*.npy"))) < 3
    assert not list((tmp_path / "out").glob(".*.part"))


def test_a_killed_run_leaves_nothing_half_written_and_goes_on(sfi, told, tmp_path, model_dir):
    for name in "abc":
        make_clip(tmp_path / "data" / f"{name}.mp4", num_frames=20, fps=25)
    cfg = told(["a", "b", "c"])
    env = os.environ | {"SISYPHUS_MODEL_DIR": str(model_dir), "OMP_NUM_THREADS": "1"}
    call = [str(ROOT / "bin" / "sfi"), "slowfast-extract", "--cfg", str(cfg)]
    process = subprocess.Popen(call, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (tmp_path / "out" / "a_8.npy").is_file() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = sorted((tmp_path / "out").glob("*.npy"))
    assert all(len(np.load(path)) == 20 for path in done)
    ended = sfi("slowfast-extract", "--cfg", cfg, "--json")
    assert ended.code == 0
    assert ended.json["counts"]["skipped"] == len(done) >= 1
    assert ended.json["counts"]["done"] == 3 - len(done)


class TestRefusals:
    def refused(self, sfi, cfg, *flags):
        ended = sfi("slowfast-extract", "--cfg", cfg, *flags)
        assert ended.code == 2
        return ended.err

    def test_an_unknown_key_names_the_nearest(self, sfi, told):
        said = self.refused(sfi, told(["v"], **{"DATA.NUM_FRAME": 4}))
        assert "no key DATA.NUM_FRAME; did you mean DATA.NUM_FRAMES?" in said

    def test_weights_are_never_random(self, sfi, told):
        said = self.refused(sfi, told(["v"], **{"TEST.CHECKPOINT_FILE_PATH": ""}))
        assert "no checkpoint: set TEST.CHECKPOINT_FILE_PATH" in said

    def test_the_checkpoint_is_looked_for_in_order(self, sfi, told, tmp_path, checkpoint):
        for name in ("checkpoint_epoch_00001.safetensors", "checkpoint_epoch_00002.safetensors"):
            (tmp_path / "out" / "checkpoints").mkdir(parents=True, exist_ok=True)
            (tmp_path / "out" / "checkpoints" / name).write_bytes(checkpoint.read_bytes())
        make_clip(tmp_path / "data" / "v.mp4", num_frames=4, fps=25)
        empty = {"TEST.CHECKPOINT_FILE_PATH": "", "TRAIN.CHECKPOINT_FILE_PATH": "/none"}
        said = sfi("slowfast-extract", "--cfg", told(["v"], **empty), "--json").json
        assert said["weights"].endswith("checkpoint_epoch_00002.safetensors")

    def test_a_wrong_fusion_kernel_is_told_by_the_shapes(self, sfi, told):
        said = self.refused(sfi, told(["v"], **{"SLOWFAST.FUSION_KERNEL_SZ": 5}))
        assert "SLOWFAST.FUSION_KERNEL_SZ says 5, and the shapes of" in said
        assert "say 7" in said

    def test_another_network_is_told_by_the_shapes(self, sfi, told):
        said = self.refused(sfi, told(["v"], **{"MODEL.ARCH": "i3d"}))
        assert "MODEL.ARCH says i3d, and" in said
        assert "holds the weights of slowfast-r50" in said

    def test_frames_that_do_not_fit_alpha_are_refused(self, sfi, told):
        assert "take 8 frames or a multiple" in self.refused(sfi, told(["v"], **{"DATA.NUM_FRAMES": 10}))

    @pytest.mark.parametrize(
        ("key", "value", "sentence"),
        [
            ("MODEL.ARCH", "x3d", "MODEL.ARCH must be slowfast or slow"),
            ("DATA.NUM_FRAMES", "many", "DATA.NUM_FRAMES must be a whole number, got 'many'"),
            ("DATA.SAMPLE_SIZE", [9, 9], "DATA.SAMPLE_SIZE must be 32 to 2048 px, got 9 x 9"),
            ("DATA.TEST_CROP_SIZE", 224, "must equal DATA.SAMPLE_SIZE 64 x 64"),
            ("TEST.ENABLE", False, "TEST.ENABLE is False"),
            ("DATA.IMG_FILE_FORMAT", "img.jpg", "must hold one number"),
            ("DATA.STD", [1, 1], "DATA.STD must be three numbers"),
            ("RESNET.SPATIAL_DILATIONS", [[1], [1], [2], [2]], "RESNET.SPATIAL_DILATIONS must be"),
        ],
    )
    def test_values_that_make_no_sense_are_named(self, sfi, told, key, value, sentence):
        assert sentence in self.refused(sfi, told(["v"], **{key: value}))

    def test_a_list_is_needed(self, sfi, told, tmp_path):
        cfg = told(["v"])
        (tmp_path / "data" / "video_list.csv").rename(tmp_path / "data" / "list.csv")
        assert "there is no video_list.csv or vid_list.csv" in self.refused(sfi, cfg)

    def test_a_yaml_that_would_run_code_is_refused(self, sfi, tmp_path):
        (tmp_path / "evil.yaml").write_text("DATA: !!python/object/apply:os.system ['true']\n")
        assert "is no YAML" in self.refused(sfi, tmp_path / "evil.yaml")


def test_the_yaml_of_the_original_is_read_as_it_is(sfi, tmp_path):
    # Keys and values of slowfast_feature_extractor's SLOWFAST_8x8_R50.yaml (MIT).
    said = {
        "TRAIN": {"ENABLE": False, "DATASET": "videoset", "CHECKPOINT_TYPE": "caffe2"},
        "DATA": {
            "NUM_FRAMES": 32, "SAMPLING_RATE": 2, "TRAIN_JITTER_SCALES": [256, 320], "TRAIN_CROP_SIZE": 224,
            "TEST_CROP_SIZE": 256, "INPUT_CHANNEL_NUM": [3, 3], "IN_FPS": 60, "OUT_FPS": 60,
            "READ_VID_FILE": True, "VID_FILE_EXT": ".MP4", "SAMPLE_SIZE": [256, 256],
        },
        "SLOWFAST": {"ALPHA": 4, "BETA_INV": 8, "FUSION_CONV_CHANNEL_RATIO": 2, "FUSION_KERNEL_SZ": 7},
        "RESNET": {
            "ZERO_INIT_FINAL_BN": True, "WIDTH_PER_GROUP": 64, "NUM_GROUPS": 1, "DEPTH": 50,
            "TRANS_FUNC": "bottleneck_transform", "STRIDE_1X1": False,
            "NUM_BLOCK_TEMP_KERNEL": [[3, 3], [4, 4], [6, 6], [3, 3]],
            "SPATIAL_STRIDES": [[1, 1], [2, 2], [2, 2], [2, 2]],
            "SPATIAL_DILATIONS": [[1, 1], [1, 1], [1, 1], [1, 1]],
        },
        "NONLOCAL": {"LOCATION": [[[], []]] * 4, "GROUP": [[1, 1]] * 4, "INSTANTIATION": "dot_product"},
        "BN": {"USE_PRECISE_STATS": True},
        "SOLVER": {"WEIGHT_DECAY": "1e-4"},
        "MODEL": {"NUM_CLASSES": 400, "ARCH": "slowfast", "MODEL_NAME": "SlowFast"},
        "TEST": {"ENABLE": True, "DATASET": "videoset", "BATCH_SIZE": 1},
        "DATA_LOADER": {"NUM_WORKERS": 8},
        "NUM_GPUS": 1, "NUM_SHARDS": 1, "RNG_SEED": 0, "OUTPUT_DIR": "out",
    }  # fmt: skip
    (tmp_path / "cfg.yaml").write_text(json.dumps(said))  # JSON is YAML
    read = config.read(tmp_path / "cfg.yaml")
    assert read.plan.num_frames == 32
    assert read.plan.stride == 1
    assert read.pool == "head256"
    assert "DATA.SAMPLING_RATE" in read.without_effect
    assert config.read(tmp_path / "cfg.yaml", ["DATA.CROP_SIZE", "224"]).pool == "head224"
