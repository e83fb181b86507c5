"""`sfi feature-extract`: equal to torchvision, nothing lost, resumable, shared."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from indexing.compute.encoders import exported
from indexing.compute.plain.picture_networks import EXPORT_FROM, PictureNetwork, PictureSettings
from indexing.compute.plain.side_files import read_meta
from indexing.compute.torchvision_shim import torchvision
from sisyphus_web.cli.errors import Exit
from sisyphus_web.cli.plain.verbs import PLAIN_VERBS

ROOT = Path(__file__).resolve().parents[2]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
SMALL = ("--image-size", 64)


def map_of(network: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """torchvision's last map (h, w, 2048) of a picture, by the layers one after another."""
    planes = torch.from_numpy(((pixels / np.float32(255) - MEAN) / STD).transpose(2, 0, 1)[None].copy())
    with torch.inference_mode():
        x = network.maxpool(network.relu(network.bn1(network.conv1(planes))))
        x = network.layer4(network.layer3(network.layer2(network.layer1(x))))
    return x[0].permute(1, 2, 0).numpy()


def squared(path: Path, side: int) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BILINEAR))


def padded(path: Path) -> np.ndarray:
    pixels = np.asarray(Image.open(path).convert("RGB"))
    height, width = (-(-side // 32) * 32 for side in pixels.shape[:2])
    full = np.zeros((height, width, 3), np.uint8)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    full[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return full


def same(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("pool", "of_map"),
    [
        ("mac", lambda m: m.max(axis=(0, 1))),
        ("mean", lambda m: m.mean(axis=(0, 1))),
        ("none", lambda m: m.reshape(-1, 2048)),
    ],
)
def test_values_equal_a_forward_pass_of_torchvision(sfi, photos, tmp_path, resnet50, pool, of_map):
    assert (
        sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL, "--pool", pool).code
        == 0
    )
    for path in photos.rglob("*.jpg"):
        found = np.load((tmp_path / "f" / path.relative_to(photos)).with_suffix(".npy"))
        wanted = of_map(map_of(resnet50, squared(path, 64)))
        assert (found.shape, found.dtype) == (wanted.shape, np.float32)
        same(found, wanted)


def test_batch_1_keeps_the_native_size_padded_with_black_to_32(sfi, photos, tmp_path, resnet50):
    assert sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", "--batch", 1).code == 0
    path = next(photos.rglob("*.jpg"))
    found = np.load((tmp_path / "f" / path.relative_to(photos)).with_suffix(".npy"))
    same(found, map_of(resnet50, padded(path)).max(axis=(0, 1)))
    by_name = tmp_path / "g"
    assert (
        sfi(
            "feature_extract".replace("_", "-"), "--images", photos, "--features", by_name, "--native_size"
        ).code
        == 0
    )
    np.testing.assert_array_equal(np.load((by_name / path.relative_to(photos)).with_suffix(".npy")), found)


def test_unpooled_rows_are_the_positions_of_the_grid(sfi, photos, tmp_path):
    sfi(
        "feature-extract",
        "--images",
        photos,
        "--features",
        tmp_path / "f",
        "--image-size",
        224,
        "--pool",
        "none",
    )
    path = next((tmp_path / "f").rglob("*.npy"))
    assert np.load(path).shape == (49, 2048)  # 7 x 7 at 224
    assert read_meta(path)["grid"] == [7, 7]


def test_the_side_file_says_what_a_feature_was_made_of(sfi, photos, tmp_path, model_dir):
    sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL)
    [path, *_] = sorted((tmp_path / "f" / "crab").glob("*.npy"))
    meta = read_meta(path)
    assert Path(meta["source"]) == photos / "crab" / f"{path.stem}.jpg"
    assert meta["encoder"] == "resnet50-mac-64@1"
    assert meta["settings"] == {"network": "resnet50", "pool": "mac", "image_size": 64, "precision": "fp32"}
    assert len(meta["source_sha256"]) == len(meta["weights_sha256"]) == 64
    assert meta["preprocessing"]["mean"] == [0.485, 0.456, 0.406]


def test_names_that_would_meet_keep_their_whole_name(sfi, photos, tmp_path):
    source = next(photos.rglob("*.jpg"))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(source.read_bytes())
    Image.open(source).save(folder / "a.png")
    ended = sfi("feature-extract", "--images", folder, "--features", tmp_path / "f", *SMALL, "--json")
    assert sorted(path.name for path in (tmp_path / "f").glob("*.npy")) == ["a.jpg.npy", "a.png.npy"]
    assert {each["input"]: each["outputs"] for each in ended.json["inputs"]} == {
        "a.jpg": ["a.jpg.npy"],
        "a.png": ["a.png.npy"],
    }


def test_broken_files_are_each_rejected_with_a_reason_and_stop_nothing(sfi, photos, shared_data, tmp_path):
    for path in (shared_data / "bad_media" / "broken").iterdir():
        (photos / path.name).write_bytes(path.read_bytes())
    ended = sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL, "--json")
    assert ended.code == Exit.SOME_REJECTED
    report = json.loads((tmp_path / "f" / "sfi-report.json").read_text())
    assert report["counts"] == {"done": 6, "skipped": 0, "rejected": 19}
    assert all(each["code"] and each["sentence"] for each in report["inputs"] if each["state"] == "rejected")
    assert report["inputs"] == ended.json["inputs"]


def test_odd_but_valid_pictures_of_the_six_formats_are_done(sfi, shared_data, tmp_path):
    ended = sfi(
        "feature-extract", "--images", shared_data / "bad_media" / "odd_but_valid", "--features", tmp_path,
        *SMALL, "--json",
    )  # fmt: skip
    states = {each["input"]: each["state"] for each in ended.json["inputs"]}
    rejected = [name for name, state in states.items() if state == "rejected"]
    assert rejected == ["frozenpond.mpo", "rot3mir0.avif"]
    assert len(states) == 17


def test_what_is_done_is_skipped_and_what_changed_is_done_again(sfi, photos, tmp_path, tree):
    call = ("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL, "--json")
    sfi(*call)
    before = tree(tmp_path / "f")
    assert sfi(*call).json["counts"] == {"done": 0, "skipped": 6, "rejected": 0}
    assert tree(tmp_path / "f") == before
    first, second, *_ = sorted((photos / "crab").iterdir())
    first.write_bytes(second.read_bytes())
    assert sfi(*call).json["counts"] == {"done": 1, "skipped": 5, "rejected": 0}
    assert sfi(*call, "--force").json["counts"]["done"] == 6
    assert sfi(*call, "--pool", "mean").json["counts"]["done"] == 6


def test_a_feature_without_a_side_file_counts_if_it_has_the_right_width(sfi, photos, tmp_path):
    (tmp_path / "f" / "crab").mkdir(parents=True)
    first, second, third = sorted((photos / "crab").iterdir())
    np.save(tmp_path / "f" / "crab" / f"{first.stem}.npy", np.ones(2048, np.float32))
    np.save(tmp_path / "f" / "crab" / f"{second.stem}.npy", np.ones(512, np.float32))
    (tmp_path / "f" / "crab" / f"{third.stem}.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr'")
    ended = sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL, "--json")
    states = {each["input"]: each["state"] for each in ended.json["inputs"]}
    assert [states[f"crab/{path.name}"] for path in (first, second, third)] == ["skipped", "done", "done"]


def test_without_weights_it_refuses_and_says_which_file_goes_where(sfi, photos, tmp_path):
    ended = sfi(
        "feature-extract", "--images", photos, "--features", tmp_path / "f", "--encoder", "timm:resnet10t@1"
    )
    assert ended.code == Exit.REFUSED
    assert "needs its weights: put them into" in ended.err
    assert "give another file of them as --weights FILE; or --encoder builtin@1 needs none" in ended.err
    assert not (tmp_path / "f").exists()


def test_a_network_that_does_not_exist_is_told_with_the_nearest(sfi, photos, tmp_path):
    ended = sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", "--encoder", "resnet500")
    assert ended.code == Exit.REFUSED
    assert "torchvision has no network 'resnet500'; did you mean resnet50" in ended.err


def test_weights_of_another_network_are_refused_with_the_keys_that_do_not_fit(
    sfi, photos, tmp_path, model_dir
):
    ended = sfi(
        "feature-extract", "--images", photos, "--features", tmp_path / "f",
        "--weights", model_dir / "r2plus1d_18-made.pth", *SMALL,
    )  # fmt: skip
    assert ended.code == Exit.REFUSED
    assert "does not fit its network" in ended.err
    assert list((tmp_path / "f").glob("**/*.npy")) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--images", "/no/such/folder"), "/no/such/folder does not exist"),
        (("--image-size", "100"), "a multiple of 32 from 32 to 448, got '100'"),
        (("--batch", "0"), "a whole number from 1 to 4096, got '0'"),
        (("--encoder", "resnet51"), "torchvision has no image network 'resnet51'"),
        (("--device", "tpu"), "invalid choice: 'tpu'"),
    ],
)
def test_bad_arguments_are_one_sentence_and_2(sfi, photos, tmp_path, model_dir, words, sentence):
    call = [
        "--images",
        photos,
        "--features",
        tmp_path / "f",
        "--weights",
        model_dir / "resnet50-made.pth",
        *words,
    ]
    ended = sfi("feature-extract", *call)
    assert ended.code == Exit.REFUSED
    assert sentence in ended.err
    assert "Traceback" not in ended.err


def test_links_to_nothing_and_pipes_are_rejected_and_names_that_are_no_text_are_done(sfi, photos, tmp_path):
    (photos / "crab" / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    os.mkfifo(photos / "crab" / "pipe.jpg")
    source = next((photos / "llama").iterdir())
    source.rename(os.fsdecode(bytes(photos / "llama") + b"/caf\xe9.jpg"))
    ended = sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL, "--json")
    states = {each["input"]: each["state"] for each in ended.json["inputs"]}
    assert (states["crab/gone.jpg"], states["crab/pipe.jpg"]) == ("rejected", "rejected")
    assert states[os.fsdecode(b"llama/caf\xe9.jpg")] == "done"
    assert ended.json["counts"] == {"done": 6, "skipped": 0, "rejected": 2}
    assert sfi("build-index", "--features", tmp_path / "f", "--index", tmp_path / "i").code == 0


def test_a_file_in_the_place_of_the_output_folder_is_refused(sfi, photos, tmp_path):
    (tmp_path / "f").write_text("in the way")
    ended = sfi("feature-extract", "--images", photos, "--features", tmp_path / "f", *SMALL)
    assert (ended.code, "is a file; a folder is wanted" in ended.err) == (Exit.REFUSED, True)
    ended = sfi("feature-extract", "--images", photos, "--features", tmp_path / "f" / "g", *SMALL)
    assert (ended.code, "Not a directory" in ended.err) == (Exit.FAILED, True)


def test_an_empty_folder_is_refused(sfi, tmp_path):
    (tmp_path / "in").mkdir()
    ended = sfi("feature-extract", "--images", tmp_path / "in", "--features", tmp_path / "f")
    assert (ended.code, "there is no file in" in ended.err) == (Exit.REFUSED, True)


def start(photos: Path, out: Path, model_dir: Path, *words: str, **more) -> subprocess.Popen[str]:
    env = os.environ | {"SISYPHUS_MODEL_DIR": str(model_dir), "OMP_NUM_THREADS": "1"}
    call = [
        ROOT / "bin" / "sfi",
        "feature-extract",
        "--images",
        photos,
        "--features",
        out,
        "--batch-size",
        "2",
    ]
    return subprocess.Popen(
        [*map(str, call), "--image-size", "64", "--json", *words],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


@pytest.fixture
def many(shared_data, tmp_path) -> Path:
    """Forty photos."""
    root = tmp_path / "many"
    root.mkdir()
    for path in sorted((shared_data / "photos" / "cup").iterdir())[:40]:
        (root / path.name).write_bytes(path.read_bytes())
    return root


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_half_written_and_is_finished_by_the_next(sfi, many, tmp_path, model_dir):
    killed = start(many, tmp_path / "f", model_dir)
    deadline = time.monotonic() + 240
    while not list((tmp_path / "f").glob("*.npy")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    left = sorted((tmp_path / "f").glob("*.npy"))
    assert 0 < len(left) < 40
    for path in left:
        assert np.load(path).shape == (2048,)
    whole = (
        "feature-extract",
        "--images",
        many,
        "--image-size",
        64,
        "--batch-size",
        2,
        "--json",
        "--features",
    )
    counts = sfi(*whole, tmp_path / "f").json["counts"]
    assert counts["done"] + counts["skipped"] == 40
    assert counts["skipped"] == len(left)
    sfi(*whole, tmp_path / "g")
    # Pictures met in other batches than without the kill: rounding may differ, nothing else.
    for path in sorted((tmp_path / "g").glob("*.npy")):
        same(np.load(tmp_path / "f" / path.name), np.load(path))


@pytest.mark.slow
def test_two_processes_share_a_folder_and_no_picture_is_encoded_twice(many, tmp_path, model_dir):
    out = tmp_path / "f"
    both = [start(many, out, model_dir) for _ in range(2)]
    answers = [json.loads(each.communicate(timeout=300)[0]) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum(answer["counts"]["done"] for answer in answers) == 40
    assert all(answer["counts"]["rejected"] == 0 for answer in answers)
    assert len(list(out.glob("*.npy"))) == 40


def small_files_only() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_when_the_disk_takes_no_more_it_says_so_and_leaves_nothing_half_written(photos, tmp_path, model_dir):
    ended = start(photos, tmp_path / "f", model_dir, preexec_fn=small_files_only)
    _, err = ended.communicate(timeout=300)
    assert ended.returncode == Exit.FAILED
    assert f"{tmp_path}" in err
    assert "File too large; what was done stays done. Raise the limit" in err
    assert "Traceback" not in err
    assert list((tmp_path / "f").rglob("*.npy*")) == []


def test_verbs_on_plain_files_need_no_django_no_database_and_no_faiss_to_make_features(
    photos, tmp_path, model_dir
):
    program = (
        "import sys\n"
        "for name in ('django', 'celery', 'psycopg', 'redis', 'faiss'): sys.modules[name] = None\n"
        "from sisyphus_web.cli import main\n"
        "sys.exit(main.main(sys.argv[1:]))"
    )
    words = ["feature-extract", "--images", photos, "--features", tmp_path / "f", "--image-size", "32"]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SISYPHUS_MODEL_DIR": str(model_dir)}
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "f").rglob("*.npy"))) == 6


@pytest.fixture(scope="module")
def exported_models(tmp_path_factory):
    """A model folder with a small network, exported by a run before."""
    folder = tmp_path_factory.mktemp("exported-models")
    torch.manual_seed(2)
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), folder / "resnet18-made.pth")
    network = PictureNetwork(PictureSettings("resnet18", "mac", 32), model_dir=folder, device="cpu")
    assert network.engine(EXPORT_FROM).name == exported.NAME
    return folder


def test_a_network_exported_before_gives_the_same_features_without_torch(photos, tmp_path, exported_models):
    without = "for name in ('torch', 'torchvision'): sys.modules[name] = None"
    for folder, line in (("a", "import torch"), ("b", without)):
        program = f"import sys\n{line}\nfrom sisyphus_web.cli import main\nsys.exit(main.main(sys.argv[1:]))"
        words = ["feature-extract", "--images", photos, "--features", tmp_path / folder]
        words += ["--encoder", "resnet18", "--image-size", "32", "--model-dir", exported_models]
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    found = sorted((tmp_path / "b").rglob("*.npy"))
    assert len(found) == 6
    network = PictureNetwork(PictureSettings("resnet18", "mac", 32), model_dir=exported_models, device="cpu")
    network._export_folder = lambda: tmp_path / "nothing exported"
    assert network.engine().name.startswith("torch")
    for path in found:
        name = path.relative_to(tmp_path / "b")
        assert path.read_bytes() == (tmp_path / "a" / name).read_bytes()
        photo = (photos / name).with_suffix(".jpg")
        same(np.load(path), network.rows([squared(photo, 32)])[0][0])


@pytest.mark.parametrize("lacks", ["nothing", "its file", "a cosine", "a near cosine", "a CPU", "its end"])
def test_an_exported_network_is_taken_only_if_all_that_is_asked_of_it_is_known(
    tmp_path, exported_models, lacks
):
    cache = tmp_path / "exported"
    shutil.copytree(next((exported_models / "exported").iterdir()), cache)
    path, known = cache / "32.onnx", cache / "32.cosines.json"
    if lacks == "its file":
        path.unlink()
    elif lacks == "a cosine":
        known.write_text("{}")
    elif lacks == "a near cosine":
        known.write_text(json.dumps(dict.fromkeys(json.loads(known.read_text()), 0.99)))
    elif lacks == "its end":
        path.write_bytes(path.read_bytes()[:1000])
    device = "cuda:0" if lacks == "a CPU" else "cpu"
    found = exported.agreed(cache, input_size=32, device=device, precision="fp32")
    assert (found is not None) == (lacks == "nothing")


@pytest.mark.parametrize("verb", sorted(PLAIN_VERBS))
def test_no_verb_on_plain_files_imports_django_or_a_service(verb):
    program = (
        "import importlib, sys\n"
        "for name in ('django', 'celery', 'psycopg', 'redis'): sys.modules[name] = None\n"
        "from sisyphus_web.cli.plain import index_server\n"
        "importlib.import_module(sys.argv[1])"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program, PLAIN_VERBS[verb][0]], env=env, check=True, timeout=300)
