"""What the writers write, byte by byte where it matters."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.compute.export_writers import coco, pictures, tables, zips
from labeling.compute.export_writers.lines import Line, folders_of, sha_length


def line(item=1, *, name="a.jpg", label_class="cat", answer="accept", box=(None,) * 4, **fields) -> Line:
    values = {
        "item": item, "media_sha256": f"{item:064x}", "media_name": name, "media_kind": "image",
        "media_path": "/secret/a.jpg", "kind": "frame", "start_pts": 0, "stop_pts": 1, "time_base": "1/1",
        "number": None, "pts_seconds": 0.0, "x0_px": box[0], "y0_px": box[1], "x1_px": box[2],
        "y1_px": box[3], "width_px": 64, "height_px": 48, "label_class": label_class, "answer": answer,
        "origin": "verdict", "split": "train",
    }  # fmt: skip
    return Line(**(values | fields))


NAUGHTY = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\tx", "\rx", '"=1"', "a,b\nc", "ünï\u202e"]


@pytest.mark.parametrize("name", NAUGHTY)
def test_a_formula_is_neutral_in_csv_and_intact_in_jsonl(name):
    out, lines = io.BytesIO(), io.BytesIO()
    tables.write_csv(out, [line(name=name, label_class=name)])
    tables.write_jsonl(lines, [line(name=name, label_class=name)])
    ((row),) = csv.DictReader(io.StringIO(out.getvalue().decode(), newline=""))
    assert not row["media_name"].startswith(tables.FORMULA)
    assert row["media_name"].removeprefix("'") == name
    assert row["label_class"] == row["media_name"]
    assert json.loads(lines.getvalue())["media_name"] == name


def test_where_a_file_lies_is_not_exported():
    for write in (tables.write_csv, tables.write_jsonl):
        out = io.BytesIO()
        write(out, [line()])
        assert b"secret" not in out.getvalue()


@given(st.integers(0, 2500))
def test_every_line_is_written_once(count):
    out = io.BytesIO()
    assert tables.write_jsonl(out, (line(item) for item in range(count))) == count
    assert [json.loads(each)["item"] for each in out.getvalue().splitlines()] == list(range(count))


def test_names_grow_until_they_differ():
    assert sha_length(["a" * 64, "b" * 64]) == 8
    assert sha_length(["a" * 64, "a" * 20 + "b" * 44]) == 32


def test_folders_are_safe_and_differ():
    folders = folders_of(["../../etc", "a/b", "a_b", "background", "CON", "Ä", ".."])
    assert len({each.lower() for each in folders.values()}) == 7
    assert "background" not in folders.values()
    assert all("/" not in each and not each.startswith(".") for each in folders.values())


def test_coco_has_boxes_and_says_what_was_rejected(tmp_path):
    from pycocotools.coco import COCO

    lines = [
        line(1, label_class="cat"),
        line(1, label_class="dog", answer="reject"),
        line(2, label_class="dog", box=(4, 8, 24, 28)),
        line(3, label_class="cat", answer="reject", split="val"),
    ]
    path = tmp_path / "instances.json"
    with path.open("wb") as out:
        arguments = {"info": {"dataset_version": 3}, "label_classes": ["cat", "dog"], "length": 8}
        coco.write_coco(out, lambda: lines, suffix="jpg", **arguments)
    loaded = COCO(str(path))
    assert [each["name"] for each in loaded.loadCats(loaded.getCatIds())] == ["cat", "dog"]
    boxes = [each["bbox"] for each in loaded.loadAnns(loaded.getAnnIds())]
    assert boxes == [[0, 0, 64, 48], [4, 8, 20, 20]]
    images = loaded.loadImgs(loaded.getImgIds())
    assert [each["rejected"] for each in images] == [[2], [], [1]]
    assert loaded.dataset["info"]["dataset_version"] == 3


def test_an_item_rejected_for_one_class_and_accepted_for_another_is_no_background():
    folders = {"cat": "cat", "dog": "dog"}
    both = [line(1, label_class="cat"), line(1, label_class="dog", answer="reject")]
    places = pictures.image_folder_places(both, folders=folders, length=8, suffix="jpg")
    assert places == [("train/cat/00000000_0.jpg", None)]
    rejected = [line(1, answer="reject")]
    places = pictures.image_folder_places(rejected, folders=folders, length=8, suffix="jpg")
    assert places == [("train/background/00000000_0.jpg", None)]


def test_a_region_is_cut_out():
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[8:28, 4:24] = 200
    ((_, data),) = pictures.pictures_of(pixels, [("x", (4, 8, 24, 28))], "png")
    from PIL import Image

    cut = np.asarray(Image.open(io.BytesIO(data)))
    assert cut.shape == (20, 20, 3)
    assert (cut == 200).all()


def test_archives_of_the_same_entries_are_the_same_bytes():
    def archive():
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as made:
            zips.add_entry(made, "a.txt", b"a")
            with zips.entry_open(made, "b.txt") as entry:
                entry.write(b"b" * 100)
        return out.getvalue()

    assert archive() == archive()
    with zipfile.ZipFile(io.BytesIO(archive())) as made:
        assert made.testzip() is None
        assert made.infolist()[0].compress_type == zipfile.ZIP_STORED
