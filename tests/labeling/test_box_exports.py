"""The box an answer was about: in every export that has room for it, and back on the verdict by import."""

import csv
import io
import json
import math
import random
import zipfile
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.compute.export_writers.lines import pixels_of
from labeling.models import CurrentVerdict, Export, Verdict
from labeling.services import exports, imports
from labeling.services.datasets import create_version
from labeling.services.exports import path_of
from labeling.tasks import exports as export_tasks
from labeling.tasks import imports as import_tasks
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.labeling.conftest import items_of, operation, photo
from tests.labeling.test_exports import export_of, extracted, photo_of
from tests.labeling.test_imports import copy_of, taken, uploaded
from tests.labeling.test_verdicts import record

THIRD = (0.1, 1 / 3, 0.7, 2 / 3)  # of 64 x 48 pixels: 6.4, 16, 44.8, 32
CORNER = (0.5, 0.25, 1.0, 0.75)
REGION = {"x0_px": 4, "y0_px": 8, "x1_px": 24, "y1_px": 28}
NO_SIDES = dict.fromkeys(("box_x0", "box_y0", "box_x1", "box_y1"))
HEADER = (
    "item,media_sha256,media_name,media_kind,kind,start_pts,stop_pts,time_base,number,pts_seconds,"
    "x0_px,y0_px,x1_px,y1_px,width_px,height_px,label_class,answer,origin,split"
)


def sides_of(box) -> dict[str, float]:
    return dict(zip(NO_SIDES, box, strict=True))


@pytest.fixture
def photos(corpus, tmp_path) -> list[Item]:
    (tmp_path / "media").mkdir()
    return [photo_of(corpus, tmp_path / "media" / f"{n}.jpg", (40 * n, 90, 60)) for n in range(5)]


def version_of(corpus, mia, *classes):
    return create_version(corpus=corpus, label_classes=classes, val_share=0, test_share=0, by=mia)


@pytest.fixture
def version(corpus, ann, mia, cat, dog, photos):
    """A frame accepted for a part of it and rejected for another, one rejected, one without, and regions."""
    region = Item.objects.create(corpus=corpus, media_file=photos[3].media_file, kind="region", **REGION)
    other = Item.objects.create(corpus=corpus, media_file=photos[4].media_file, kind="region", **REGION)
    record(
        corpus,
        ann,
        operation(photos[0], cat, box=THIRD),
        operation(photos[0], dog, "reject", box=CORNER),
        operation(photos[1], cat, "reject", box=THIRD),
        operation(photos[2], cat),
        operation(region, cat, box=CORNER),
        operation(other, dog, "reject", box=THIRD),
        operation(photos[4], dog, box=CORNER),
    )
    return version_of(corpus, mia, cat, dog)


def said_of(corpus) -> dict[tuple, tuple]:
    """What counts, and its box, by what does not depend on row numbers."""
    states = CurrentVerdict.objects.filter(corpus=corpus).exclude(answer="")
    return {
        (state.item.media_file.sha256, state.item.kind, state.label_class.name): (
            state.answer,
            state.verdict.box,
        )
        for state in states.select_related("item__media_file", "label_class", "verdict")
    }


def rows_of(version, mia, form: str) -> list[dict]:
    path = path_of(export_of(version, mia, format=form))
    if form == "parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    if form == "jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_have_a_column_for_each_side_in_shares_of_the_frame(version, mia, photos):
    rows = rows_of(version, mia, "jsonl")
    assert all(list(row)[-4:] == list(NO_SIDES) for row in rows)
    assert rows[0].keys() == {*HEADER.split(","), *NO_SIDES}
    told = {
        (row["item"], row["label_class"]): {name: row[name] for name in NO_SIDES}
        for row in rows
        if row["kind"] == "frame"
    }
    assert told == {
        (photos[0].pk, "cat"): sides_of(THIRD),
        (photos[0].pk, "dog"): sides_of(CORNER),
        (photos[1].pk, "cat"): sides_of(THIRD),
        (photos[2].pk, "cat"): NO_SIDES,
        (photos[4].pk, "dog"): sides_of(CORNER),
    }
    assert rows_of(version, mia, "parquet") == rows
    read = rows_of(version, mia, "csv")
    assert [{name: float(row[name]) if row[name] else None for name in NO_SIDES} for row in read] == [
        {name: row[name] for name in NO_SIDES} for row in rows
    ]


def test_a_version_without_boxes_has_no_columns_of_them(corpus, ann, mia, cat, photos):
    record(corpus, ann, operation(photos[0], cat), operation(photos[1], cat, "reject"))
    version = version_of(corpus, mia, cat)
    assert path_of(export_of(version, mia, format="csv")).read_text().splitlines()[0] == HEADER
    for form in ("jsonl", "parquet"):
        assert [row.keys() for row in rows_of(version, mia, form)] == [set(HEADER.split(","))] * 2
    for form in Export.Format.values:
        path = path_of(export_of(version, mia, format=form))
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                assert "boxes.csv" not in archive.namelist()
                texts = [archive.read(name) for name in archive.namelist() if not name.endswith(".jpg")]
        else:
            texts = [path.read_bytes()]
        for text in texts:
            assert not any(word in text for word in (b"box_x0", b'"boxes"', b"rejected_parts", b"<box>"))


def files_in(version, mia, form: str) -> dict[str, bytes]:
    """The label files of an export, without what names the version as a whole."""
    with zipfile.ZipFile(path_of(export_of(version, mia, format=form))) as archive:
        names = [each for each in archive.namelist() if not each.endswith((".jpg", ".json", "boxes.csv"))]
        return {name: archive.read(name) for name in names}


def test_a_frame_without_a_box_is_written_as_if_no_other_had_one(corpus, ann, mia, cat, dog, photos):
    region = Item.objects.create(corpus=corpus, media_file=photos[3].media_file, kind="region", **REGION)
    plain = [
        operation(photos[0], cat),
        operation(photos[1], cat),
        operation(photos[2], cat, "reject"),
        operation(region, dog, "reject"),
    ]
    record(corpus, ann, *plain)
    before = version_of(corpus, mia, cat, dog)
    record(corpus, ann, operation(photos[0], cat, box=THIRD, base_version=1))
    after = version_of(corpus, mia, cat, dog)
    own = photos[0].media_file.sha256[:8]
    for form in ("yolo", "voc"):
        old, new = files_in(before, mia, form), files_in(after, mia, form)
        assert old.keys() == new.keys()
        changed = {name for name in old if old[name] != new[name]}
        assert len(changed) == 1
        assert own in changed.pop()
    cocos = [path_of(export_of(each, mia, format="coco", with_pixels=False)) for each in (before, after)]
    old, new = (json.loads(path.read_text()) for path in cocos)
    assert old["images"] == new["images"]
    differ = [(a, b) for a, b in zip(old["annotations"], new["annotations"], strict=True) if a != b]
    assert [(a["bbox"], b["bbox"]) for a, b in differ] == [([0, 0, 64, 48], [6, 16, 39, 16])]
    fiftyone = []
    for each in (before, after):
        with zipfile.ZipFile(path_of(export_of(each, mia, format="fiftyone"))) as archive:
            fiftyone.append(json.loads(archive.read("train/labels.json"))["labels"])
    assert [name for name in fiftyone[0] if fiftyone[0][name] != fiftyone[1][name]] == [f"{own}_0"]


def test_coco_draws_what_was_accepted_and_says_where_it_was_rejected(version, mia, photos):
    from pycocotools.coco import COCO

    loaded = COCO(str(path_of(export_of(version, mia, format="coco", with_pixels=False))))
    cat, dog = (each["id"] for each in loaded.loadCats(loaded.getCatIds()))
    drawn = {
        (each["item"], each["category_id"]): (each["bbox"], each["area"], each.get("box"))
        for each in loaded.loadAnns(loaded.getAnnIds())
    }
    region = Item.objects.get(kind="region", media_file=photos[3].media_file)
    assert drawn == {
        (photos[0].pk, cat): ([6, 16, 39, 16], 39 * 16, list(THIRD)),
        (photos[2].pk, cat): ([0, 0, 64, 48], 64 * 48, None),
        (photos[4].pk, dog): ([32, 12, 32, 24], 32 * 24, list(CORNER)),
        (region.pk, cat): ([4, 8, 20, 20], 400, list(CORNER)),  # it is its own outline
    }
    images = {each["media_sha256"]: each for each in loaded.dataset["images"]}
    first, second, _, _, last = (images[each.media_file.sha256] for each in photos)
    assert (first["rejected"], first["rejected_parts"]) == (
        [dog],
        [{"category_id": dog, "box": list(CORNER)}],
    )
    assert (second["rejected"], second["rejected_parts"]) == (
        [cat],
        [{"category_id": cat, "box": list(THIRD)}],
    )
    assert last["rejected_boxes"] == [{"category_id": dog, "bbox": [4, 8, 20, 20], "box": list(THIRD)}]
    assert not loaded.getAnnIds(areaRng=[0, 1])


def test_yolo_and_voc_draw_it_for_their_own_readers(version, mia, photos, tmp_path):
    import yaml

    from indexing.compute.torchvision_shim import torchvision

    yolo = extracted(export_of(version, mia, format="yolo"), tmp_path / "yolo")
    assert yaml.safe_load((yolo / "data.yaml").read_text())["names"] == {0: "cat", 1: "dog"}
    name = f"{photos[0].media_file.sha256[:8]}_0"
    assert (
        yolo / "labels" / "train" / f"{name}.txt"
    ).read_text() == "0 0.400000 0.500000 0.600000 0.333333\n"
    voc = extracted(export_of(version, mia, format="voc"), tmp_path / "voc")
    data = torchvision.datasets.VOCDetection(str(voc), year="2012", image_set="train")
    boxes = {about["annotation"]["filename"]: about["annotation"].get("object", []) for _, about in data}
    (thing,) = boxes[f"{name}.jpg"]
    assert thing["bndbox"] == {"xmin": "7", "ymin": "17", "xmax": "45", "ymax": "32"}
    assert [float(side) for side in thing["box"].split()] == list(THIRD)
    (whole,) = boxes[f"{photos[2].media_file.sha256[:8]}_0.jpg"]
    assert (whole["bndbox"]["xmax"], "box" in whole) == ("64", False)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::ResourceWarning")
def test_samples_and_detections_carry_it(version, mia, photos):
    import webdataset

    tar = str(path_of(export_of(version, mia, format="webdataset")))
    told = {each["json"]["item"]: each["json"]["boxes"] for each in webdataset.WebDataset(tar).decode("rgb8")}
    assert told[photos[0].pk] == [
        {"label_class": "cat", "box": list(THIRD)},
        {"label_class": "dog", "box": list(CORNER)},
    ]
    assert told[photos[2].pk] == []
    with zipfile.ZipFile(path_of(export_of(version, mia, format="huggingface"))) as archive:
        rows = [json.loads(line) for line in archive.read("train/metadata.jsonl").splitlines()]
    assert {row["item"]: row["boxes"] for row in rows} == told
    with zipfile.ZipFile(path_of(export_of(version, mia, format="fiftyone"))) as archive:
        detections = json.loads(archive.read("train/labels.json"))["labels"]
    (found,) = detections[f"{photos[0].media_file.sha256[:8]}_0"]
    assert found["bounding_box"] == pytest.approx([0.1, 1 / 3, 0.6, 1 / 3], abs=1e-12)


@pytest.mark.parametrize(
    ("form", "with_pixels"),
    [("csv", False), ("jsonl", False), ("parquet", False), ("coco", True), ("coco", False)],
)
def test_the_same_box_is_on_the_verdict_after_export_and_import(version, mia, form, with_pixels):
    copy = copy_of(version.corpus, mia)
    made = taken(copy, mia, path_of(export_of(version, mia, format=form, with_pixels=with_pixels)))
    assert (made.format, made.counts["taken"], made.counts["rejected"]) == (form, 7, {})
    assert said_of(copy) == said_of(version.corpus)
    again = version_of(copy, mia, *copy.label_classes.order_by("name"))
    assert again.card["boxes"] == version.card["boxes"] == 6


@pytest.mark.parametrize("form", ["yolo", "voc"])
@pytest.mark.parametrize("with_pixels", [True, False])
def test_where_a_format_knows_only_accepted_boxes_these_come_back(version, mia, form, with_pixels):
    copy = copy_of(version.corpus, mia)
    taken(copy, mia, path_of(export_of(version, mia, format=form, with_pixels=with_pixels)), format=form)
    accepted = {key: said for key, said in said_of(version.corpus).items() if said[0] == "accept"}
    assert {key: said for key, said in said_of(copy).items() if said[0] == "accept"} == accepted


@pytest.mark.parametrize("form", Export.Format.values)
def test_exports_with_boxes_repeat_byte_by_byte_whatever_is_said_meanwhile(
    version, ann, mia, cat, photos, form
):
    first = path_of(export_of(version, mia, format=form)).read_bytes()
    record(version.corpus, ann, operation(photos[0], cat, box=CORNER, base_version=1))
    assert path_of(export_of(version, mia, format=form)).read_bytes() == first


def test_a_broken_off_export_with_boxes_goes_on_to_the_same_bytes(version, mia, monkeypatch):
    whole = export_of(version, mia, format="yolo")
    monkeypatch.setattr(export_tasks, "CHUNK_FRAMES", 2)
    export = exports.request_export(version=version, format="yolo", by=mia)
    real, chunks = export_tasks._decoded, []

    def breaking(decoder, chunk, checked):
        chunks.append(len(chunk))
        if len(chunks) == 2:
            raise OSError("the plug was pulled")
        return real(decoder, chunk, checked)

    monkeypatch.setattr(export_tasks, "_decoded", breaking)
    with pytest.raises(OSError, match="plug"):
        export_tasks.export_dataset(export.job_id)
    assert jobs.retry(Job.objects.get(pk=export.job_id), by=mia)
    export_tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert (chunks, export.sha256) == ([2, 2, 2, 1], whole.sha256)


def test_a_broken_off_import_goes_on_with_its_boxes(version, mia, monkeypatch):
    monkeypatch.setattr(import_tasks, "CHUNK_LINES", 2)
    copy, path = copy_of(version.corpus, mia), path_of(export_of(version, mia, format="csv"))
    made = imports.request_import(corpus=copy, by=mia, local=path, is_dry=False)
    real, chunks = import_tasks._lines, []

    def breaking(outcomes):
        chunks.append(len(outcomes))
        if len(chunks) == 2:
            raise OSError("the plug was pulled")  # after the commit, before the chunk's report
        return real(outcomes)

    monkeypatch.setattr(import_tasks, "_lines", breaking)
    with pytest.raises(OSError, match="plug"):
        import_tasks.import_labels(made.job_id)
    assert jobs.retry(Job.objects.get(pk=made.job_id), by=mia)
    import_tasks.import_labels(made.job_id)
    assert said_of(copy) == said_of(version.corpus)
    assert Verdict.objects.filter(corpus=copy).count() == 7


def test_boxes_are_rounded_to_pixels_alike_by_both_writers(corpus, ann, mia, cat):
    chance = random.Random(5)
    media = [
        photo(corpus, f"{n}.jpg", width_px=chance.randint(1, 500), height_px=chance.randint(1, 500))
        for n in range(60)
    ]
    items = [Item.objects.create(corpus=corpus, media_file=each) for each in media]
    boxes = []
    for _ in items:
        (x0, x1), (y0, y1) = (sorted(chance.random() for _ in range(2)) for _ in range(2))
        boxes.append((x0, y0, x0 + (x1 - x0) * chance.choice([1, 1e-6]), max(y1, y0 + 1e-9)))
    record(corpus, ann, *(operation(i, cat, box=box) for i, box in zip(items, boxes, strict=True)))
    version = version_of(corpus, mia, cat)
    loaded = json.loads(path_of(export_of(version, mia, format="coco", with_pixels=False)).read_text())
    drawn = {each["item"]: each["bbox"] for each in loaded["annotations"]}
    for item, box in zip(items, boxes, strict=True):
        size = {"width_px": item.media_file.width_px, "height_px": item.media_file.height_px}
        x0, y0, x1, y1 = pixels_of(box, **size)
        assert drawn[item.pk] == [x0, y0, x1 - x0, y1 - y0]
        assert 0 <= x0 < x1 <= size["width_px"]
        assert 0 <= y0 < y1 <= size["height_px"]


def test_a_hundred_boxes_cost_as_many_statements_as_one(
    corpus, ann, mia, cat, django_assert_num_queries, tmp_path
):
    versions = []
    for count in (1, 100):
        record(corpus, ann, *(operation(item, cat, box=THIRD) for item in items_of(corpus, count)))
        versions.append(version_of(corpus, mia, cat))
    for version, count in zip(versions, (1, 101), strict=True):
        with django_assert_num_queries(1):
            assert [line.said_of for line in exports.lines_of(version)] == [list(THIRD)] * count


@pytest.mark.parametrize(
    "sides", ["0.5,0.5,0.5,1", "0.1,0.1,0.2", "0,0,1,1.5", "nan,0,1,1", "a,0,1,1", "0.9,0,0.1,1", ",,,1"]
)
def test_a_box_that_is_none_rejects_its_line(corpus, mia, tmp_path, sides):
    (item,) = items_of(corpus, 1)
    sides += "," * (3 - sides.count(","))
    lines = f"media_sha256,class,{','.join(NO_SIDES)}\n{item.media_file.sha256},cat,{sides}\n"
    (tmp_path / "l.csv").write_text(lines)
    made = taken(corpus, mia, tmp_path / "l.csv")
    assert made.counts["rejected"] == {"bad-box": 1}
    assert not Verdict.objects.filter(corpus=corpus).exists()


def test_boxes_of_others_with_our_words_mean_what_they_meant_before(corpus, mia, tmp_path):
    media = photo(corpus, "a.jpg", width_px=64, height_px=48)
    Item.objects.create(corpus=corpus, media_file=media)
    region = Item.objects.create(corpus=corpus, media_file=media, kind="region", **REGION)
    about = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 7, "name": "swan"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [4, 8, 20, 20], "box": {"x": 1}, "kind": 3}
        ],
    }
    (tmp_path / "c.json").write_text(json.dumps(about))
    taken(corpus, mia, tmp_path / "c.json")
    state = CurrentVerdict.objects.get()
    assert (state.item, state.verdict.box) == (region, None)


def test_a_damaged_list_of_boxes_of_yolo_stops_the_import(version, mia, tmp_path):
    folder = extracted(export_of(version, mia, format="yolo", with_pixels=False), tmp_path / "out")
    listed = (folder / "boxes.csv").read_text()
    (folder / "boxes.csv").write_text(listed + "labels\n")
    made = imports.request_import(corpus=copy_of(version.corpus, mia), by=mia, local=folder, is_dry=False)
    import_tasks.import_labels(made.job_id)
    made.refresh_from_db()
    assert (made.job.status, made.job.error_code) == ("failed", "labels-unreadable")
    assert "boxes.csv is damaged after line" in made.job.error_text


def test_a_box_over_rest_from_the_answer_to_the_ledger_of_another_corpus(corpus, mia, cat, photos):
    client = APIClient()
    client.force_authenticate(mia)
    api = f"/api/v1/corpora/{corpus.pk}"
    sent = {
        "operation_id": "0a1b2c3d-0000-4000-8000-000000000001",
        "batch": "0a1b2c3d-0000-4000-8000-000000000002",
        "item": photos[0].pk,
        "class": cat.pk,
        "answer": "accept",
        "base_version": 0,
        "box": list(THIRD),
    }
    client.post(f"{api}/verdicts/", {"operations": [sent]}, format="json")
    made = client.post(f"{api}/datasets/", {"val_share": 0, "test_share": 0}, format="json").json()
    assert made["card"]["boxes"] == 1
    wanted = {"dataset_version": made["id"], "format": "csv"}
    export = client.post(f"{api}/exports/", wanted, format="json").json()
    export_tasks.export_dataset(export["job"])
    url = client.get(f"{api}/exports/{export['id']}/").json()["url"]
    data = b"".join(client.get(url).streaming_content)
    (row,) = csv.DictReader(io.StringIO(data.decode()))
    assert [float(row[name]) for name in NO_SIDES] == list(THIRD)
    copy = copy_of(corpus, mia)
    there = f"/api/v1/corpora/{copy.pk}"
    asked = {"upload": uploaded(client, copy, "labels.csv", data), "dry_run": False}
    imported = client.post(f"{there}/imports/", asked, format="json").json()
    import_tasks.import_labels(imported["job"])
    (event,) = client.get(f"{there}/verdicts/").json()["results"]
    assert (event["answer"], event["mode"], event["box"]) == ("accept", "import", list(THIRD))


def test_pixels_of_a_box_have_an_inside_at_every_edge():
    for width, box, expected in (
        (64, (0.5, 0.5, 1, 1), (32, 32, 64, 64)),
        (64, (1 - 1e-9, 0, 1, 1), (63, 0, 64, 64)),
        (1, (0.6, 0.6, 0.7, 0.7), (0, 0, 1, 1)),
        (10, (0.05, 0.25, 0.15, 0.35), (1, 3, 2, 4)),
    ):
        assert pixels_of(box, width_px=width, height_px=width) == expected
    assert math.floor(0.35 * 10 + 0.5) == 4  # half up, also where Python's own round would go to even


def test_voc_says_of_what_a_box_was(version, mia):
    files = files_in(version, mia, "voc")
    things = [
        thing
        for name, data in files.items()
        if name.endswith(".xml")
        for thing in ElementTree.fromstring(data).findall("object")
    ]
    assert sorted(thing.findtext("kind") or "" for thing in things) == ["", "frame", "frame", "region"]


def test_the_page_says_in_one_line_that_boxes_are_included(version, mia, client):
    client.force_login(mia)
    url = reverse("datasets", args=[version.corpus_id])
    page = client.get(url).content.decode()
    assert "Boxes are included" in page
    assert '<span class="number">6</span> answers are about a part of the frame' in page
    version.card.pop("boxes")
    version.save()
    assert "Boxes are included" not in client.get(url).content.decode()
