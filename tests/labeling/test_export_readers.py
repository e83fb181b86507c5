"""The layouts of Hugging Face and FiftyOne, opened by their own libraries (FiftyOne's: elsewhere)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.labeling.test_exports import accepted_and_rejected, export_of, extracted, version  # noqa: F401

PYTHON = os.environ.get("SISYPHUS_READERS_PYTHON", "")
needs_fiftyone = pytest.mark.skipif(
    not PYTHON, reason="needs SISYPHUS_READERS_PYTHON: an environment with requirements-readers.txt (1.2 GB)"
)
HUGGING_FACE = """
import json, sys
import datasets
kind, folder = sys.argv[1:]
loaded = datasets.load_dataset(kind, data_dir=folder)
rows = [row for side in ("train", "validation", "test") for row in loaded[side]]
sizes = [row["image"].size if "image" in row else (row["width_px"], row["height_px"]) for row in rows]
answer = {"labels": [row["label"] for row in rows], "sizes": sizes}
answer |= {"told": [[row["width_px"], row["height_px"]] for row in rows]}
print(json.dumps(answer))
"""
FIFTYONE = """
import json, os, sys
from fiftyone.utils.data.importers import FiftyOneImageDetectionDatasetImporter
answer = []
for side in ("train", "val", "test"):
    with FiftyOneImageDetectionDatasetImporter(dataset_dir=f"{sys.argv[1]}/{side}") as rows:
        for path, _, said in rows:
            assert os.path.exists(path)
            answer.append([(each.label, each.bounding_box) for each in said.detections])
print(json.dumps(answer))
"""


def read_by_them(script: str, *arguments: str, home: Path, python: str = sys.executable):
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HUB_OFFLINE": "1", "FIFTYONE_DO_NOT_TRACK": "1"}
    command = [str(Path(python).absolute()), "-c", script, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("kind", "with_pixels"), [("imagefolder", True), ("json", False)])
def test_hugging_face_datasets_loads_every_side(version, mia, tmp_path, kind, with_pixels):  # noqa: F811
    export = export_of(version, mia, format="huggingface", with_pixels=with_pixels)
    folder = extracted(export, tmp_path / "out")
    read = read_by_them(HUGGING_FACE, kind, str(folder), home=tmp_path)
    accepted, rejected = accepted_and_rejected(version)
    assert (read["labels"].count("cat"), read["labels"].count("background")) == (accepted, rejected)
    assert read["sizes"] == read["told"]


@needs_fiftyone
def test_fiftyone_reads_every_side(version, mia, tmp_path):  # noqa: F811
    folder = extracted(export_of(version, mia, format="fiftyone"), tmp_path / "out")
    read = read_by_them(FIFTYONE, str(folder), home=tmp_path, python=PYTHON)
    accepted, rejected = accepted_and_rejected(version)
    assert (len(read), sum(map(len, read))) == (accepted + rejected, accepted)
    assert all(each == [["cat", [0.0, 0.0, 1.0, 1.0]]] for each in read if each)
