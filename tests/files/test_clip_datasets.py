"""`sfi clip-extract --hf_dataset`: videos streamed through the `datasets` library from a hub over HTTP."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sisyphus_web.cli.errors import Exit
from tests.data.make import make_clip
from tests.files.hub import REPO, serving

ROOT = Path(__file__).resolve().parents[2]
needs_datasets = pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None,
    reason="needs the library `datasets`: pip install -r requirements-datasets.txt",
)
MODEL = ("--model", "builtin-clip@1", "--crop_type", "center")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A data set of two splits: its tables name videos beside them by path, one of them in vain."""
    root = tmp_path / "hub"
    (root / "videos").mkdir(parents=True)
    for name, num_frames in (("one", 40), ("two", 70), ("three", 33)):
        make_clip(root / "videos" / f"{name}.mp4", num_frames=num_frames, codec="libx264")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    with serving(root) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        at = f"{hub.url}/datasets/{REPO}/resolve/main/videos"
        lines = [{"id": "a/one", "path": f"{at}/one.mp4"}, {"id": "gone", "path": f"{at}/gone.mp4"}]
        (root / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
        lines = [{"id": "../../two", "path": f"{at}/two.mp4"}, {"id": "a/one", "path": f"{at}/three.mp4"}]
        lines += [{"id": "mine", "path": "/etc/hostname"}]
        (root / "test.jsonl").write_text("\n".join(map(json.dumps, lines)))
        yield hub


def extract(folder, *words, repo=REPO):
    """In a process of its own: the libraries note their hub when they are imported."""
    call = [ROOT / "bin" / "sfi", "clip-extract", "--hf_dataset", repo, "--output_dir", folder, "--json"]
    words = [str(word) for word in (*call, *MODEL, *words)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


@needs_datasets
def test_train_comes_first_then_test_and_each_video_ends_with_features_or_a_reason(hub, tmp_path):
    folder = tmp_path / "out"
    ended = extract(folder, "--force_stop_after_n_videos", 1)
    assert (ended.returncode, [path.name for path in folder.rglob("*.npy")]) == (0, ["one.npy"]), ended.stderr
    hub.asked.clear()
    ended = extract(folder)
    assert ended.returncode == Exit.SOME_REJECTED, ended.stderr
    states = {each["input"]: (each["state"], each["code"]) for each in json.loads(ended.stdout)["inputs"]}
    assert states == {
        "a/one": ("skipped", "done-before"),
        "a/one-2": ("done", ""),
        "two": ("done", ""),
        "gone": ("rejected", "not-fetched"),
        "mine": ("rejected", "not-fetched"),
    }
    found = {name: np.load(folder / f"{name}.npy").shape[0] for name in ("a/one", "two", "a/one-2")}
    assert found == {"a/one": 2, "two": 3, "a/one-2": 2}
    fetched = [asked.rpartition("/")[2] for asked in hub.asked if asked.endswith(".mp4")]
    assert list(dict.fromkeys(fetched)) == ["two.mp4", "three.mp4"]


@needs_datasets
def test_a_data_set_that_is_not_there_is_refused_before_work(hub, tmp_path):
    ended = extract(tmp_path / "out", repo="ann/none")
    assert ended.returncode == Exit.REFUSED
    assert "ann/none cannot be opened" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_without_the_library_the_command_says_what_to_install(sfi, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    ended = sfi("clip-extract", "--hf_dataset", REPO, "--output_dir", tmp_path / "out", *MODEL)
    assert ended.code == Exit.REFUSED
    assert "pip install -r requirements-datasets.txt" in ended.err
