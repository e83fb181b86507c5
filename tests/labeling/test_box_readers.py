"""Boxes of answers as the libraries of Hugging Face and FiftyOne read them (FiftyOne's: elsewhere)."""

import pytest

from tests.labeling.test_box_exports import CORNER, THIRD, photos, version  # noqa: F401 - fixtures
from tests.labeling.test_export_readers import PYTHON, needs_fiftyone, read_by_them
from tests.labeling.test_exports import export_of, extracted

HUGGING_FACE = """
import json, sys
import datasets
kind, folder = sys.argv[1:]
loaded = datasets.load_dataset(kind, data_dir=folder)
print(json.dumps({row["item"]: row["boxes"] for row in loaded["train"]}))
"""
FIFTYONE = """
import json, sys
from fiftyone.utils.data.importers import FiftyOneImageDetectionDatasetImporter
from fiftyone.utils.voc import VOCDetectionDatasetImporter
from fiftyone.utils.coco import COCODetectionDatasetImporter
fiftyone, voc, coco = sys.argv[1:]
named = {
    "fiftyone": FiftyOneImageDetectionDatasetImporter(dataset_dir=f"{fiftyone}/train"),
    "voc": VOCDetectionDatasetImporter(
        data_path=f"{voc}/VOCdevkit/VOC2012/JPEGImages", labels_path=f"{voc}/VOCdevkit/VOC2012/Annotations"
    ),
    "coco": COCODetectionDatasetImporter(
        data_path=f"{coco}/images", labels_path=f"{coco}/annotations/instances_train.json"
    ),
}
answer = {}
for name, rows in named.items():
    with rows:
        found = []
        for _, _, said in rows:
            said = said.get("detections") if isinstance(said, dict) else said
            found += said.detections if said is not None else []
        answer[name] = sorted((each.label, [round(side, 3) for side in each.bounding_box]) for each in found)
print(json.dumps(answer))
"""
WHOLE = ["cat", [0.0, 0.0, 1.0, 1.0]]


@pytest.mark.parametrize(("kind", "with_pixels"), [("imagefolder", True), ("json", False)])
def test_hugging_face_datasets_reads_the_boxes(version, mia, photos, tmp_path, kind, with_pixels):  # noqa: F811
    export = export_of(version, mia, format="huggingface", with_pixels=with_pixels)
    read = read_by_them(HUGGING_FACE, kind, str(extracted(export, tmp_path / "out")), home=tmp_path)
    assert read[str(photos[0].pk)] == [
        {"label_class": "cat", "box": list(THIRD)},
        {"label_class": "dog", "box": list(CORNER)},
    ]
    assert read[str(photos[2].pk)] == []


@needs_fiftyone
def test_fiftyone_reads_them_from_three_layouts(version, mia, tmp_path):  # noqa: F811
    folders = [
        str(extracted(export_of(version, mia, format=form), tmp_path / form))
        for form in ("fiftyone", "voc", "coco")
    ]
    read = read_by_them(FIFTYONE, *folders, home=tmp_path, python=PYTHON)
    region = ["cat", [0.062, 0.167, 0.312, 0.417]]
    in_pixels = [WHOLE, region, ["cat", [0.094, 0.333, 0.609, 0.333]], ["dog", [0.5, 0.25, 0.5, 0.5]]]
    in_shares = [WHOLE, region, ["cat", [0.1, 0.333, 0.6, 0.333]], ["dog", [0.5, 0.25, 0.5, 0.5]]]
    assert read["fiftyone"] == sorted(in_shares)
    assert read["coco"] == sorted(in_pixels)
    for (label, box), (expected, drawn) in zip(read["voc"], sorted(in_pixels), strict=True):
        assert (label, box) == (expected, pytest.approx(drawn, abs=0.022))  # it counts corners from 0
