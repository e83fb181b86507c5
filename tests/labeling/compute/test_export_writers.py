"""What the writers write, byte by byte where it matters."""

import io
import json
import tarfile
import xml.etree.ElementTree as ElementTree
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.compute.export_writers import archives, coco, pictures, tables
from labeling.compute.export_writers.fiftyone import FiftyOne
from labeling.compute.export_writers.lines import Line, folders_of, frames_of, sha_length
from labeling.compute.export_writers.parquet import SCHEMA, write_parquet
from labeling.compute.export_writers.pieces import Pieces
from labeling.compute.export_writers.samples import HuggingFace, WebDataset
from labeling.compute.export_writers.voc import Voc
from labeling.compute.export_writers.yolo import Yolo


def line(item=1, *, name="a.jpg", label_class="cat", answer="accept", box=(None,) * 4, **fields) -> Line:
    values = {
        "item": item, "media_sha256": f"{item:064x}", "media_name": name, "media_kind": "image",
        "media_path": "/secret/a.jpg", "kind": "frame", "start_pts": 0, "stop_pts": 1, "time_base": "1/1",
        "number": None, "pts_seconds": 0.0, "x0_px": box[0], "y0_px": box[1], "x1_px": box[2],
        "y1_px": box[3], "width_px": 64, "height_px": 48, "label_class": label_class, "answer": answer,
        "origin": "verdict", "split": "train",
    }  # fmt: skip
    return Line(**(values | fields))


def layout(kind, *classes, **fields):
    return kind(label_classes=classes, info={"corpus": "site"}, length=8, suffix="jpg", **fields)


def files_of(made, lines) -> dict[str, bytes]:
    """What an archive of the layout holds, with pictures that say which box they are."""
    found: dict[str, bytes] = {}
    for frame in frames_of(lines):
        for name, data in made.files(frame, lambda box: str(box).encode()):
            assert name not in found
            found[name] = data
    for name, data in made.lists(frames_of(lines)):
        found[name] = found.get(name, b"") + data
    return found


@pytest.mark.parametrize("name", ["=cmd", "+1", "-1", "@SUM(1)", "\tx", "\rx", "plain", "'quoted", "'=both"])
def test_a_name_that_was_made_neutral_is_made_intact(name):
    assert not tables.neutral(name).startswith(tables.FORMULA)
    if name != "'=both":  # the one name that cannot be told from a neutral one
        assert tables.intact(tables.neutral(name)) == name


def test_names_grow_until_they_differ():
    assert sha_length(["a" * 64, "b" * 64]) == 8
    assert sha_length(["a" * 64, "a" * 20 + "b" * 44]) == 32


def test_folders_are_safe_and_differ():
    folders = folders_of(["../../etc", "a/b", "a_b", "background", "CON", "Ä", ".."])
    assert len({each.lower() for each in folders.values()}) == 7
    assert "background" not in folders.values()
    assert all("/" not in each and not each.startswith(".") for each in folders.values())


def test_coco_waits_with_its_annotations_until_the_images_are_written():
    out, later = io.BytesIO(), io.BytesIO()
    rows = [
        b',"a":1\x01train\x01a\x01,"category_id":1}',
        b',"a":1\x01train\x01r\x012',
        b',"a":2\x01val\x01a\x01,"category_id":2}',
        b',"a":2\x01val\x01b\x01{"category_id":1}',
    ]
    blocks = [b"\n".join(rows[:2]) + b"\n", b"", b"\n".join(rows[2:]) + b"\n"]
    about = {"info": {"dataset_version": 3}, "label_classes": ["cat", "dog"]}
    assert coco.write_coco(out, later, blocks, **about) == 2
    loaded = json.loads(out.getvalue())
    assert loaded["images"] == [
        {"id": 1, "a": 1, "rejected": [2]},
        {"id": 2, "a": 2, "rejected": [], "rejected_boxes": [{"category_id": 1}]},
    ]
    assert [(each["id"], each["image_id"]) for each in loaded["annotations"]] == [(1, 1), (2, 2)]
    out, later = io.BytesIO(), io.BytesIO()
    assert coco.write_coco(out, later, blocks, **about, split="val") == 1
    one_side = json.loads(out.getvalue())
    assert one_side["images"] == loaded["images"][1:]
    assert one_side["annotations"] == loaded["annotations"][1:]
    out, later = io.BytesIO(), io.BytesIO()
    assert coco.write_coco(out, later, [], **about) == 0
    assert json.loads(out.getvalue())["images"] == []
    assert loaded["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


def test_yolo_boxes_are_normalized_and_background_has_an_empty_file():
    lines = [
        line(1, label_class="dog", box=(16, 12, 48, 36)),
        line(1, label_class="cat"),
        line(2, label_class="cat", answer="reject", split="val"),
    ]
    found = files_of(layout(Yolo, "cat", "dog"), lines)
    assert found["labels/train/00000000_0.txt"].decode().splitlines() == [
        "1 0.500000 0.500000 0.500000 0.500000",
        "0 0.500000 0.500000 1.000000 1.000000",
    ]
    assert found["labels/val/00000000_0.txt"] == b""
    assert {"images/train/00000000_0.jpg", "images/val/00000000_0.jpg"} <= found.keys()


def test_voc_counts_from_one_and_says_which_frames_were_rejected():
    lines = [
        line(1, label_class="d<o>g", box=(16, 12, 48, 36)),
        line(2, label_class="cat", answer="reject", start_pts=7),
    ]
    found = files_of(layout(Voc, "cat", "d<o>g"), lines)
    root = "VOCdevkit/VOC2012"
    empty = ElementTree.fromstring(found[f"{root}/Annotations/00000000_7.xml"])
    assert empty.findall("object") == []
    assert found[f"{root}/ImageSets/Main/cat_train.txt"] == b"00000000_7 -1\n"
    assert found[f"{root}/ImageSets/Main/d_o_g_train.txt"] == b"00000000_0  1\n"
    assert found[f"{root}/ImageSets/Main/val.txt"] == b""
    (thing,) = ElementTree.fromstring(found[f"{root}/Annotations/00000000_0.xml"]).findall("object")
    assert thing.findtext("name") == "d<o>g"
    corners = [int(thing.findtext(f"bndbox/{side}")) for side in ("xmin", "ymin", "xmax", "ymax")]
    assert corners == [17, 13, 48, 36]


def test_a_sample_of_webdataset_is_an_item_and_its_files_are_neighbors():
    lines = [line(1, label_class="cat", answer="reject"), line(1, label_class="dog")]
    lines.append(lines[0]._replace(item=2, x0_px=4, y0_px=8, x1_px=24, y1_px=28))
    found = files_of(layout(WebDataset, "cat", "dog"), lines)
    assert list(found) == [
        f"train/{name}.{suffix}"
        for name in ("00000000_0", "00000000_0_4-8-24-28")
        for suffix in ("jpg", "cls", "json")
    ]
    assert found["train/00000000_0.cls"] == b"2"
    assert found["train/00000000_0_4-8-24-28.cls"] == b"0"
    assert found["train/00000000_0_4-8-24-28.jpg"] == b"(4, 8, 24, 28)"
    assert json.loads(found["train/00000000_0.json"])["rejected"] == ["cat"]


def test_fiftyone_boxes_are_relative_and_every_side_is_a_dataset():
    lines = [line(1, box=(16, 12, 48, 36)), line(2, answer="reject", split="test")]
    found = files_of(layout(FiftyOne, "cat"), lines)
    train, test = (json.loads(found[f"{side}/labels.json"]) for side in ("train", "test"))
    assert train["classes"] == ["cat"]
    assert train["labels"]["00000000_0"][0]["bounding_box"] == [0.25, 0.25, 0.5, 0.5]
    assert test["labels"] == {"00000000_0": []}


def test_hugging_face_names_each_picture_in_its_metadata():
    lines = [line(1, split="val")]
    found = files_of(layout(HuggingFace, "cat"), lines)
    (row,) = map(json.loads, found["validation/metadata.jsonl"].splitlines())
    assert (row["label"], f"validation/{row['file_name']}" in found) == ("cat", True)
    assert list(files_of(layout(HuggingFace, "cat", with_pixels=False), lines)) == [
        "validation/00000000_0.jpg",
        "validation.jsonl",
    ]


def test_parquet_keeps_what_csv_cannot_tell_apart(tmp_path):
    import pyarrow.parquet

    row = "7," + "a" * 64 + ',"a,""b""\nc",image,frame,0,1,1/90000,,0.1,,,,,64,48,"",accept,verdict,train\n'
    with (tmp_path / "x.parquet").open("wb") as out:
        assert write_parquet(out, [b"", row.encode()]) == 1
    (read,) = pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert (read["media_name"], read["number"], read["label_class"]) == ('a,"b"\nc', None, "")
    assert (read["item"], read["pts_seconds"]) == (7, 0.1)
    with (tmp_path / "empty.parquet").open("wb") as out:
        assert write_parquet(out, []) == 0
    assert pyarrow.parquet.read_table(tmp_path / "empty.parquet").schema.equals(SCHEMA)


def test_an_item_rejected_for_one_class_and_accepted_for_another_is_no_background():
    folders = {"cat": "cat", "dog": "dog"}
    both = [line(1, label_class="cat"), line(1, label_class="dog", answer="reject")]
    places = pictures.image_folder_places(both, folders, length=8, suffix="jpg")
    assert places == [("train/cat/00000000_0.jpg", None)]
    rejected = [line(1, answer="reject")]
    places = pictures.image_folder_places(rejected, folders, length=8, suffix="jpg")
    assert places == [("train/background/00000000_0.jpg", None)]


def test_a_region_is_cut_out():
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[8:28, 4:24] = 200
    picture = pictures.pictures_of(pixels, "png")
    from PIL import Image

    cut = np.asarray(Image.open(io.BytesIO(picture((4, 8, 24, 28)))))
    assert cut.shape == (20, 20, 3)
    assert (cut == 200).all()
    assert np.asarray(Image.open(io.BytesIO(picture(None)))).shape == (48, 64, 3)


ENTRIES = st.lists(
    st.tuples(st.text("abcü/ ", min_size=1, max_size=120), st.binary(max_size=600)),
    unique_by=lambda entry: entry[0].rstrip("/"),
    max_size=8,
).map(lambda entries: [(f"x/{name.rstrip('/')}y", data) for name, data in entries])


@given(ENTRIES)
def test_archives_read_back_with_the_standard_library_and_repeat(entries):
    def written(kind) -> bytes:
        out = io.BytesIO()
        with kind(out) as archive:
            archive.add("folder/", b"")
            for name, data in entries:
                archive.add(name, data)
        return out.getvalue()

    with zipfile.ZipFile(io.BytesIO(written(archives.ZipArchive))) as made:
        assert made.testzip() is None
        assert made.namelist() == ["folder/", *(name for name, _ in entries)]
        assert [made.read(name) for name, _ in entries] == [data for _, data in entries]
    with tarfile.open(fileobj=io.BytesIO(written(archives.TarArchive))) as made:
        found = [(each.name, made.extractfile(each).read()) for each in made if each.isfile()]
    assert found == entries
    for kind in (archives.ZipArchive, archives.TarArchive):
        assert written(kind) == written(kind)


@pytest.mark.parametrize("name", ["a", "train/00_1.json", "x" * 100, "x" * 101, "ä.jpg", "folder/"])
@pytest.mark.parametrize("size", [0, 511, 8**11 - 1, 8**11])
def test_the_header_of_a_tar_entry_is_that_of_tarfile(name, size):
    info = tarfile.TarInfo(name.rstrip("/"))
    info.size = size
    if name.endswith("/"):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    assert archives._tar_header(name, size) == info.tobuf(tarfile.GNU_FORMAT)


def test_a_zip_with_more_entries_than_16_bits_can_count_is_read_whole(tmp_path):
    with (tmp_path / "x.zip").open("wb") as out, archives.ZipArchive(out) as archive:
        for number in range(70_000):
            archive.add(f"{number}", b"")
    with zipfile.ZipFile(tmp_path / "x.zip") as made:
        assert len(made.namelist()) == 70_000


def test_sizes_and_places_beyond_32_bits_are_written_wide(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "LIMIT_32", 1_000)  # as if a byte more than 999 were too many
    (tmp_path / "big").write_bytes(b"b" * 5_000)
    with (tmp_path / "x.zip").open("wb") as out, archives.ZipArchive(out) as archive:
        archive.add("a", b"a" * 10)
        archive.add_file("big", tmp_path / "big")
        archive.add("c", b"c" * 10)
    raw = (tmp_path / "x.zip").read_bytes()
    assert raw.count(b"PK\x06\x06") == 1
    assert raw.count(b"PK\x06\x07") == 1
    assert raw.count((5_000).to_bytes(8, "little")) == 4  # twice in its header, twice in the directory


def test_pieces_grow_their_files_in_the_order_of_their_names_first_seen(tmp_path):
    with Pieces(tmp_path) as pieces:
        for number in range(5):
            pieces.append("odd" if number % 2 else "even", b"x" * 3_000_000 + bytes([number]))
        found = {name: path.read_bytes().strip(b"x") for name, path in pieces.files()}
    assert {name: bytes(each for each in data if each < 5) for name, data in found.items()} == {
        "even": bytes([0, 2, 4]),
        "odd": bytes([1, 3]),
    }
    assert list(found) == ["even", "odd"]
