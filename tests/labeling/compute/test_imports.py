"""The readers of other people's labels, on small trees made by hand."""

import json
import zipfile

import pytest

from labeling.compute.imports.readers import guess, read_rows
from labeling.compute.imports.rows import ImportRefused, fits, named
from labeling.compute.imports.trees import Tree
from labeling.compute.imports.yolo import _names_of


def tree_of(folder, files: dict[str, str]) -> Tree:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Tree(folder)


def short(rows) -> list[tuple]:
    return [(row.label_class, row.answer, row.media_name, row.box, row.problem) for row in rows]


@pytest.mark.parametrize(
    ("given", "known", "expected"),
    [
        ("a.jpg", "photos/a.jpg", True),
        ("train/a.jpg", "a.jpg", True),
        ("x/train/a.jpg", "train/a.jpg", True),
        ("b/a.jpg", "c/a.jpg", False),
        ("a.jpg", "a.png", False),
        ("a", "photos/a.png", True),
        ("a", "photos/ab.png", False),
        ("a.b", "a.b.jpg", True),
        ("", "a.jpg", False),
    ],
)
def test_names_fit_where_the_shorter_is_the_end_of_the_longer(given, known, expected):
    assert fits(given, known) is expected


def test_our_own_names_say_media_file_pts_and_box():
    assert named("train/cat/0123abcd_90.jpg")["media_sha256"] == "0123abcd"
    assert named("0123abcd_90_1-2-3-4.png")["box"] == (1.0, 2.0, 3.0, 4.0)
    assert named("0123abcd_90") == {
        "media_name": "0123abcd_90", "media_sha256": "0123abcd", "start_pts": 90, "box": None,
    }  # fmt: skip
    assert named("IMG_0001.jpg") == {"media_name": "IMG_0001.jpg"}


@pytest.mark.parametrize(
    "text",
    [
        'names:\n  0: swan\n  1: "a: b"\n',
        "names:\n- swan\n- 'a: b'\nnc: 2\n",
        "nc: 2\nnames: [swan, 'a: b'] # two\n",
    ],
)
def test_class_names_of_yolo_are_read_in_every_way_they_are_written(text):
    assert _names_of(text) == ["swan", "a: b"]


def test_yolo_lines_are_boxes_polygons_or_a_reason(tmp_path):
    lines = [
        "0 .5 .5 .2 .4",
        "1 .5 .5 .2 .4 .9",
        "0 .1 .2 .3 .2 .3 .6",
        "7 .5 .5 .2 .4",
        "0 .5 .5",
        "0 5 5 2 4",
    ]
    tree = tree_of(
        tmp_path,
        {
            "data.yaml": "names: [swan, duck]\n",
            "labels/train/a.txt": "\n".join(lines) + "\n",
            "labels/train/b.txt": "",
            "images/train/a.jpg": "x",
        },
    )
    assert guess(tree) == "yolo"
    found = short(read_rows(tree, "yolo"))
    boxes = [tuple(round(corner, 3) for corner in row[3]) for row in found if row[3]]
    assert boxes == [(0.4, 0.3, 0.6, 0.7), (0.4, 0.3, 0.6, 0.7), (0.1, 0.2, 0.3, 0.6)]
    assert [row[-1] for row in found[3:6]] == ["no-class", "unreadable", "bad-box"]
    assert [row[:3] for row in found[6:]] == [("swan", "reject", "b"), ("duck", "reject", "b")]
    assert found[0][2] == "a.jpg"


@pytest.mark.parametrize("above", ["", "my set/"])
@pytest.mark.parametrize("side", ["", "train/"])
def test_the_class_is_the_folder_whatever_is_above_it(tmp_path, above, side):
    tree = tree_of(
        tmp_path,
        {
            f"{above}{side}swan/1.jpg": "x",
            f"{above}{side}duck/in/2.jpg": "x",
            f"{above}{side}background/3.png": "x",
        },
    )
    assert guess(tree) == "image_folder"
    assert sorted(short(read_rows(tree, "image_folder"))) == [
        ("duck", "accept", "in/2.jpg", None, ""),
        ("duck", "reject", "3.png", None, ""),
        ("swan", "accept", "1.jpg", None, ""),
        ("swan", "reject", "3.png", None, ""),
    ]


def test_one_class_alone_is_still_a_class(tmp_path):
    tree = tree_of(tmp_path, {"swan/1.jpg": "x", "swan/2.jpg": "x"})
    assert {row[0] for row in short(read_rows(tree, "image_folder"))} == {"swan"}


def test_coco_of_others_says_what_is_wrong_with_a_line(tmp_path):
    about = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 3, "name": "swan"}],
        "annotations": [
            {"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "segmentation": [], "iscrowd": 0},
            {"image_id": 1, "category_id": 3},
            {"image_id": 9, "category_id": 3},
            {"image_id": 1, "category_id": 9},
            {"image_id": 1, "category_id": 3, "bbox": [1, 2]},
        ],
    }
    (tmp_path / "x.json").write_text(json.dumps(about))
    found = short(read_rows(Tree(tmp_path / "x.json"), "coco"))
    assert [row[-1] for row in found] == ["", "", "no-media", "no-class", "bad-box"]
    assert [row[3] for row in found[:2]] == [(1.0, 2.0, 4.0, 6.0), None]


def test_tables_take_the_names_that_others_give_their_columns(tmp_path):
    (tmp_path / "x.csv").write_text("\ufefffile_name,class,pts\na.jpg,'=swan,7\n", encoding="utf-8")
    (row,) = read_rows(Tree(tmp_path / "x.csv"), "csv")
    assert (row.label_class, row.media_name, row.start_pts, row.place) == ("=swan", "a.jpg", 7, "line 2")
    (tmp_path / "y.csv").write_bytes(b"file_name,class\na.jpg,swan\nb.jpg,\xff\n")
    assert [each.problem for each in read_rows(Tree(tmp_path / "y.csv"), "csv")][-1] == "unreadable"


def test_links_and_hidden_files_are_not_read_and_zips_are_read_like_folders(tmp_path):
    files = {"swan/1.jpg": "x", "swan/.hidden.jpg": "x"}
    folder = tmp_path / "folder"
    tree_of(folder, files)
    (tmp_path / "secret.jpg").write_text("secret")
    (folder / "swan" / "2.jpg").symlink_to(tmp_path / "secret.jpg")
    assert Tree(folder).names == ["swan/1.jpg"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("swan/1.jpg", "x")
    with Tree(tmp_path / "x.zip") as tree:
        assert tree.names == ["swan/1.jpg"]
        assert (tree.read("swan/1.jpg"), tree.sha256("swan/1.jpg")) == (
            b"x",
            Tree(folder).sha256("swan/1.jpg"),
        )


def test_a_folder_without_anything_known_is_refused(tmp_path):
    with pytest.raises(ImportRefused, match="none of the known formats"):
        guess(tree_of(tmp_path, {"notes.txt": "hello"}))
    with pytest.raises(ImportRefused, match="no picture"):
        list(read_rows(Tree(tmp_path), "image_folder"))


def test_the_digest_of_a_folder_changes_with_its_labels(tmp_path):
    before = tree_of(tmp_path, {"a.csv": "1", "b/c.jpg": "x"}).digest()
    assert Tree(tmp_path).digest() == before
    (tmp_path / "a.csv").write_text("2")
    assert Tree(tmp_path).digest() != before


@pytest.mark.parametrize(
    ("form", "name", "text"),
    [
        ("jsonl", "deep.jsonl", '{"label_class": "cat", "media_name": "a.jpg", "more": ' + "[" * 100_000),
        ("coco", "annotations/deep.json", '{"images": [], "categories": [], "more": ' + "[" * 100_000),
        ("voc", "Annotations/hex.xml", '<?xml version="1.0" encoding="hex"?><annotation/>'),
    ],
)
def test_a_file_that_no_parser_takes_is_a_line_of_the_report(tmp_path, form, name, text):
    other = {"coco": ("annotations/good.json", '{"images": [], "categories": []}')}.get(form, ("x.txt", ""))
    with tree_of(tmp_path, dict([(name, text), other])) as tree:
        assert [row.problem for row in read_rows(tree, form)] == ["unreadable"]


def test_a_media_name_that_is_a_number_is_read_as_text(tmp_path):
    lines = '{"label_class": "cat", "media_name": 7}\n{"label_class": "cat", "media_sha256": [7]}\n'
    with tree_of(tmp_path, {"a.jsonl": lines}) as tree:
        assert [row.media_name or row.media_sha256 for row in read_rows(tree, "jsonl")] == ["7", "[7]"]


def test_a_class_of_an_absurd_number_makes_no_list_of_that_length():
    assert _names_of("names:\n  0: cat\n  99999999999: dog\n") == ["cat"]
