"""Imports: every format there and back, every line with its outcome, harmless twice, taken back whole."""

import csv
import json
import os
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image
from rest_framework.test import APIClient

from indexing.models import Item, MediaPath, Source
from labeling.compute.imports.reasons import REASONS
from labeling.models import CurrentVerdict, LabelClass, LabelImport, Verdict, WeakBatch, WeakLabel
from labeling.services import imports
from labeling.services.datasets import create_version
from labeling.services.exports import path_of
from labeling.services.history import recent_batches
from labeling.tasks import imports as tasks
from sisyphus_web.accounts.models import Corpus, Membership, Role
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.labeling.conftest import operation, photo
from tests.labeling.test_exports import export_of, photo_of, version  # noqa: F401 - a fixture
from tests.labeling.test_verdicts import record


def run(made: LabelImport) -> LabelImport:
    tasks.import_labels(made.job_id)
    made.refresh_from_db()
    return made


def taken(corpus, by, path: Path, **fields) -> LabelImport:
    made = run(imports.request_import(corpus=corpus, by=by, local=path, is_dry=False, **fields))
    assert made.job.status == "done", made.job.error_text
    return made


def report_of(made: LabelImport) -> list[dict[str, str]]:
    with imports.report_path(made).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def answers_of(corpus) -> set[tuple]:
    """What counts, by what does not depend on row numbers."""
    states = (
        CurrentVerdict.objects.filter(corpus=corpus).exclude(answer="").select_related("item__media_file")
    )
    box = ("x0_px", "y0_px", "x1_px", "y1_px")
    return {
        (
            state.item.media_file.sha256, state.item.start_pts, *(getattr(state.item, side) for side in box),
            state.label_class.name, state.answer,
        )
        for state in states.select_related("label_class")
    }  # fmt: skip


@pytest.fixture
def empty_copy(version, mia) -> Corpus:  # noqa: F811
    """The media and items of the version's corpus, and nothing that was said about them."""
    return copy_of(version.corpus, mia)


def copy_of(corpus, mia) -> Corpus:
    made = Corpus.objects.create(name=f"copy {Corpus.objects.count()}", created_by=mia)
    Membership.objects.create(corpus=made, user=mia, role=Role.MANAGER)
    for media in corpus.media_files.all():
        items = list(media.items.all())
        media.pk, media.corpus = None, made
        media.save()
        for item in items:
            item.pk, item.corpus, item.media_file, item.stack = None, made, media, None
            item.save()
    return made


@pytest.mark.parametrize(
    ("form", "with_pixels"),
    [
        ("image_folder", True), ("coco", True), ("coco", False), ("yolo", True), ("yolo", False),
        ("voc", True), ("voc", False), ("csv", False), ("jsonl", False), ("parquet", False),
    ],
)  # fmt: skip
def test_what_is_exported_comes_back_by_import(version, mia, empty_copy, form, with_pixels):  # noqa: F811
    export = export_of(version, mia, format=form, with_pixels=with_pixels)
    made = taken(empty_copy, mia, path_of(export))
    assert (made.format, made.counts["lines"], made.counts["taken"]) == (form, 15, 15)
    assert answers_of(empty_copy) == answers_of(version.corpus)
    assert set(Verdict.objects.filter(corpus=empty_copy).values_list("mode", flat=True)) == {"import"}
    cat = empty_copy.label_classes.get()
    again = create_version(corpus=empty_copy, label_classes=[cat], val_share=0.2, test_share=0.2, by=mia)
    assert again.card["origins"] == {"verdict": 0, "derived": 0, "weak": 0, "import": 15}
    assert again.counts == version.counts
    repeated = export_of(again, mia, format=form, with_pixels=with_pixels)
    assert labels_in(form, path_of(repeated)) == labels_in(form, path_of(export))


def labels_in(form: str, path: Path) -> object:
    """What a file says, without what names the version and the rows of this database."""
    own = {"item", "origin"}
    if form == "csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [{key: row[key] for key in row.keys() - own} for row in csv.DictReader(file)]
    if form == "jsonl":
        rows = map(json.loads, path.read_text().splitlines())
        return [{key: row[key] for key in row.keys() - own} for row in rows]
    if form == "parquet":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).drop_columns(sorted(own)).to_pylist()
    if not zipfile.is_zipfile(path):
        return _coco(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name != "dataset.json"]
        read = {name: archive.read(name) for name in names}

    def plain(name: str) -> object:
        if name.endswith(".json"):
            return _coco(read[name])
        return re.sub(rb"<database>.*", b"", read[name]) if name.endswith(".xml") else read[name]

    return {name: plain(name) for name in read}


def _coco(data: bytes) -> object:
    loaded = json.loads(data)
    for each in loaded["annotations"]:
        del each["item"], each["origin"]
    return {key: loaded[key] for key in ("images", "annotations", "categories")}


def test_boxes_and_several_classes_come_back(corpus, ann, mia, cat, dog, tmp_path):
    photos = [photo_of(corpus, tmp_path / f"{n}.jpg", (90, 30 * n, 60)) for n in range(3)]
    boxes = [
        Item.objects.create(corpus=corpus, media_file=each.media_file, kind="region", **corners)
        for each, corners in (
            (photos[0], {"x0_px": 3, "y0_px": 5, "x1_px": 31, "y1_px": 29}),
            (photos[1], {"x0_px": 0, "y0_px": 0, "x1_px": 11, "y1_px": 48}),
        )
    ]
    said = [
        (photos[0], cat, "accept"), (photos[1], dog, "reject"), (photos[2], cat, "reject"),
        (photos[2], dog, "reject"), (boxes[0], cat, "accept"), (boxes[0], dog, "accept"),
        (boxes[1], dog, "reject"),
    ]  # fmt: skip
    record(corpus, ann, *(operation(item, to, answer) for item, to, answer in said))
    version = create_version(corpus=corpus, label_classes=[cat, dog], val_share=0, test_share=0, by=mia)  # noqa: F811
    for form, num in (("coco", 7), ("jsonl", 7), ("csv", 7), ("voc", 6), ("image_folder", 3), ("yolo", 3)):
        copy = copy_of(corpus, mia)
        taken(copy, mia, path_of(export_of(version, mia, format=form)), format=form)
        there = answers_of(copy)
        assert answers_of(corpus) >= there if form in ("coco", "jsonl", "csv", "voc") else len(there) >= num
        if form in ("coco", "jsonl", "csv"):
            assert there == answers_of(corpus)
        if form == "voc":
            assert there == {each for each in answers_of(corpus) if each[2] is None or each[-1] == "accept"}


def test_a_dry_run_writes_nothing_and_says_the_same(version, mia, empty_copy):  # noqa: F811
    path = path_of(export_of(version, mia, format="jsonl"))
    made = run(imports.request_import(corpus=empty_copy, by=mia, local=path))
    assert (made.state, made.preview["taken"], made.preview["new_classes"]) == ("previewed", 15, ["cat"])
    assert not empty_copy.label_classes.exists()
    assert not Verdict.objects.filter(corpus=empty_copy).exists()
    foreseen = [{**row, "item": ""} for row in report_of(made)]
    made = run(imports.take_import(made, by=mia))
    assert (made.state, made.counts["taken"]) == ("taken", 15)
    assert [{**row, "item": ""} for row in report_of(made)] == foreseen


def test_the_same_file_again_changes_nothing(version, mia, empty_copy):  # noqa: F811
    path = path_of(export_of(version, mia, format="csv"))
    taken(empty_copy, mia, path)
    before = list(Verdict.objects.order_by("id").values_list("id", flat=True))
    again = taken(empty_copy, mia, path)
    assert (again.counts["taken"], again.counts["skipped"]) == (0, {"said-already": 15})
    assert list(Verdict.objects.order_by("id").values_list("id", flat=True)) == before


def test_an_import_is_taken_back_as_one_and_can_be_taken_again(version, mia, empty_copy, monkeypatch):  # noqa: F811
    monkeypatch.setattr(imports, "UNDO_CHUNK", 4)
    path = path_of(export_of(version, mia, format="csv"))
    made = taken(empty_copy, mia, path)
    answered = CurrentVerdict.objects.filter(corpus=empty_copy).first()
    other = "reject" if answered.answer == "accept" else "accept"
    item, label_class = answered.item, answered.label_class
    record(empty_copy, mia, operation(item, label_class, other, base_version=1))
    made = run(imports.undo_import(made, by=mia))
    assert made.state == "undone"
    assert made.job.result["undone"] == 14  # what was answered since stays
    assert [each[-1] for each in answers_of(empty_copy)] == [other]
    with pytest.raises(imports.WrongState):
        imports.undo_import(made, by=mia)
    again = taken(empty_copy, mia, path)
    assert (again.counts["taken"], again.counts["skipped"]) == (14, {"said-otherwise": 1})


def test_origins_survive_an_undo_of_what_was_said_after_the_import(version, mia, empty_copy):  # noqa: F811
    from labeling.services.undo import undo_batch

    taken(empty_copy, mia, path_of(export_of(version, mia, format="csv")))
    cat = empty_copy.label_classes.get()
    state = CurrentVerdict.objects.filter(corpus=empty_copy, answer="accept").first()
    said = operation(state.item, cat, "reject", base_version=1)
    record(empty_copy, mia, said)
    undo_batch(corpus=empty_copy, batch=said.batch, operation_id=UUID(int=7), by=mia, is_manager=True)
    again = create_version(corpus=empty_copy, label_classes=[cat], val_share=0.2, test_share=0.2, by=mia)
    assert again.card["origins"]["import"] == 15


def test_a_broken_off_import_goes_on_where_it_was(version, mia, empty_copy, monkeypatch):  # noqa: F811
    monkeypatch.setattr(tasks, "CHUNK_LINES", 4)
    path = path_of(export_of(version, mia, format="csv"))
    made = imports.request_import(corpus=empty_copy, by=mia, local=path, is_dry=False)
    lines, real = [], tasks._lines

    def breaking(outcomes):
        lines.append(len(outcomes))
        if len(lines) == 2:
            raise OSError("the plug was pulled")  # after the commit, before the chunk's report
        return real(outcomes)

    monkeypatch.setattr(tasks, "_lines", breaking)
    with pytest.raises(OSError, match="plug"):
        tasks.import_labels(made.job_id)
    assert Verdict.objects.filter(corpus=empty_copy).count() == 8
    assert jobs.retry(Job.objects.get(pk=made.job_id), by=mia)
    run(made)
    assert lines == [4, 4, 4, 4, 3]
    assert (made.counts["lines"], made.counts["taken"]) == (15, 15)
    assert Verdict.objects.filter(corpus=empty_copy).count() == 15


def test_weak_labels_come_in_as_such_and_go_as_one(version, mia, empty_copy):  # noqa: F811
    made = taken(empty_copy, mia, path_of(export_of(version, mia, format="csv")), as_weak=True)
    assert (made.counts["taken"], made.counts["skipped"]) == (11, {"weak-accepts-only": 4})
    assert WeakLabel.objects.filter(batch__corpus=empty_copy).count() == 11
    assert not Verdict.objects.filter(corpus=empty_copy).exists()
    run(imports.undo_import(made, by=mia))
    assert WeakBatch.objects.get(corpus=empty_copy).reverted_at is not None


def test_weak_labels_of_an_export_stay_weak(corpus, ann, mia, cat, tmp_path):
    items = [photo_of(corpus, tmp_path / f"{n}.jpg", (n, n, n)) for n in range(4)]
    (tmp_path / "a.jsonl").write_text(
        "".join(
            json.dumps({"media_sha256": item.media_file.sha256, "class": "cat", "origin": origin}) + "\n"
            for item, origin in zip(items, ("weak", "verdict", "weak", "derived"), strict=True)
        )
    )
    taken(corpus, mia, tmp_path / "a.jsonl")
    assert (WeakLabel.objects.count(), Verdict.objects.count()) == (2, 2)


def test_every_line_ends_with_a_reason(corpus, ann, mia, cat, tmp_path):
    first, second = photo(corpus, "a/x.jpg"), photo(corpus, "b/x.jpg")
    third, gone = photo(corpus, "y.jpg"), photo(corpus, "z.jpg")
    items = {each: Item.objects.create(corpus=corpus, media_file=each) for each in (first, second, third)}
    clip = photo(corpus, "clip.mp4", kind="video")
    for pts in (0, 40):
        Item.objects.create(
            corpus=corpus, media_file=clip, start_pts=pts, stop_pts=pts + 1, pts_seconds=pts / 40
        )
    retired = LabelClass.objects.create(corpus=corpus, name="old", created_by=mia, retired_at=cat.created_at)
    record(corpus, ann, operation(items[third], cat, "reject"))
    lines = {
        "x.jpg,cat,accept,": ("rejected", "ambiguous-media"),
        "a/x.jpg,cat,accept,": ("taken", ""),
        "a/x.jpg,cat,accept,,": ("skipped", "said-twice"),
        "a/x.jpg,cat,reject,": ("rejected", "contradicts"),
        "y.jpg,cat,accept,": ("skipped", "said-otherwise"),
        "y.jpg,cat,reject,": ("rejected", "contradicts"),
        "z.jpg,cat,accept,": ("rejected", "unknown-frame"),
        "nowhere.jpg,cat,accept,": ("rejected", "unknown-media"),
        "clip.mp4,cat,accept,": ("rejected", "no-time"),
        "clip.mp4,cat,accept,1.01": ("taken", ""),
        "clip.mp4,cat,accept,0.5": ("rejected", "unknown-frame"),
        f"b/x.jpg,{retired.name},accept,": ("rejected", "retired-class"),
        "b/x.jpg,,accept,": ("rejected", "no-class"),
        "b/x.jpg,cat,maybe,": ("rejected", "unknown-answer"),
        ",cat,accept,": ("rejected", "no-media"),
        "b/x.jpg,new class,reject,": ("taken", ""),
    }
    (tmp_path / "l.csv").write_text("file_name,label,answer,seconds\n" + "\n".join(lines) + "\n")
    made = taken(corpus, mia, tmp_path / "l.csv")
    found = [(row["outcome"], row["reason"]) for row in report_of(made)]
    assert dict(zip(lines, found, strict=True)) == lines
    assert made.counts["lines"] == len(lines)
    assert gone.items.count() == 0
    assert all(row["detail"] for row in report_of(made) if row["outcome"] != "taken")


def test_files_of_others_are_found_by_their_bytes_and_by_their_names(corpus, mia, tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    one, two = (photo_of(corpus, media / f"{n}.jpg", (n, 90, 90)) for n in (1, 2))
    source = Source.objects.create(corpus=corpus, kind="folder", path=str(media), created_by=mia)
    MediaPath.objects.create(
        source=source,
        relative_path="deep/down/renamed.jpg",
        size_bytes=1,
        mtime_ns=1,
        media_file=two.media_file,
    )
    folder = tmp_path / "labels" / "train"
    (folder / "swan").mkdir(parents=True)
    (folder / "duck").mkdir()
    (folder / "swan" / "any name.jpg").write_bytes((media / "1.jpg").read_bytes())
    Image.new("RGB", (9, 9)).save(folder / "duck" / "renamed.jpg")  # smaller, but called so
    made = taken(corpus, mia, tmp_path / "labels")
    assert made.format == "image_folder"
    assert {(row["class"], int(row["item"])) for row in report_of(made)} == {
        ("swan", one.pk),
        ("duck", two.pk),
    }


def test_boxes_without_regions_are_refused_or_say_what_is_in_the_frame(corpus, mia, tmp_path):
    media = photo(corpus, "a.jpg", width_px=640, height_px=480)
    frame = Item.objects.create(corpus=corpus, media_file=media)
    about = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
        "categories": [{"id": 7, "name": "swan"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 30, 20]}],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(about))
    assert taken(corpus, mia, path).counts["rejected"] == {"no-region": 1}
    assert taken(corpus, mia, path, boxes="frames").counts["taken"] == 1
    assert CurrentVerdict.objects.get().item == frame
    region = Item.objects.create(
        corpus=corpus, media_file=media, kind="region", x0_px=11, y0_px=20, x1_px=310, y1_px=219
    )
    about["annotations"].append({"id": 2, "image_id": 1, "category_id": 7, "bbox": [2, 2, 5, 5]})
    path.write_text(json.dumps(about))
    assert taken(corpus, mia, path).counts["taken"] == 2
    regions = Item.objects.filter(kind="region").order_by("id")
    assert regions.first() == region  # near enough: it is the same box
    made = regions.last()
    assert (made.x0_px, made.y0_px, made.x1_px, made.y1_px) == (20, 20, 70, 70)
    about["annotations"][0]["bbox"] = [1, 2, 300, 20]
    path.write_text(json.dumps(about))
    assert taken(corpus, mia, path).counts["rejected"] == {"bad-box": 1}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", b"colour,size\n1,2\n", "needs a column label_class"),
        ("a.json", b'{"images": 7}', "is no COCO file"),
        ("a.json", b"\xff\xfe", "is no COCO file"),
        ("a.parquet", b"PAR1 nothing", "no Parquet file"),
        ("a.txt", b"hello", "none of the known formats"),
        ("a.zip", b"PK\x03\x04 cut off", "no end"),
        ("a.zip", None, "does not exist"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(corpus, mia, tmp_path, name, content, sentence):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    made = run(imports.request_import(corpus=corpus, by=mia, local=path))
    if content is None:
        sentence = "cannot be read"
    assert (made.job.status, made.job.error_code, made.state) == ("failed", "labels-unreadable", "new")
    assert sentence in made.job.error_text


def test_an_annotation_with_entities_is_refused_and_the_others_are_taken(corpus, mia, tmp_path):
    Item.objects.create(corpus=corpus, media_file=photo(corpus, "a.jpg", width_px=64, height_px=48))
    thing = "<object><name>swan</name><bndbox>{}</bndbox></object>"
    good = f"<annotation><filename>a.jpg</filename>{thing}</annotation>"
    corners = "<xmin>1</xmin><ymin>1</ymin><xmax>64</xmax><ymax>48</ymax>"
    bomb = '<!DOCTYPE a [<!ENTITY x "boom">]>' + good.format("&x;")
    deep = "<annotation>" + "<a>" * 100
    with zipfile.ZipFile(tmp_path / "voc.zip", "w") as archive:
        for stem, text in (
            ("a", good.format(corners)),
            ("b", bomb),
            ("c", deep),
            ("d", good.format("<xmin>x</xmin>")),
        ):
            archive.writestr(f"VOC2012/Annotations/{stem}.xml", text)
        archive.writestr("VOC2012/JPEGImages/../../../evil.xml", good.format(corners))
    made = taken(corpus, mia, tmp_path / "voc.zip")
    assert made.counts["rejected"] == {"unreadable": 2, "bad-box": 1}
    assert made.counts["taken"] == 1


def test_a_file_that_changed_after_its_preview_is_not_taken(version, mia, empty_copy, tmp_path):  # noqa: F811
    path = tmp_path / "labels.csv"
    path.write_bytes(path_of(export_of(version, mia, format="csv")).read_bytes())
    made = run(imports.request_import(corpus=empty_copy, by=mia, local=path))
    path.write_text(path.read_text().replace("accept", "reject"))
    made = run(imports.take_import(made, by=mia))
    assert (made.state, made.job.error_code) == ("previewed", "labels-changed")
    assert not Verdict.objects.filter(corpus=empty_copy).exists()


@pytest.fixture
def client(mia):
    made = APIClient()
    made.force_authenticate(mia)
    return made


def uploaded(client, corpus, name: str, data: bytes) -> str:
    api = f"/api/v1/corpora/{corpus.pk}/uploads/"
    made = client.post(api, {"name": name, "size_bytes": len(data)}, format="json").json()
    headers = {"Upload-Offset": "0"}
    sent = client.patch(f"{api}{made['id']}/", data, content_type="application/octet-stream", headers=headers)
    assert sent.json()["state"] == "received"
    return made["id"]


def test_an_import_over_rest_from_the_upload_to_its_undo(version, mia, empty_copy, client):  # noqa: F811
    data = path_of(export_of(version, mia, format="jsonl")).read_bytes()
    api = f"/api/v1/corpora/{empty_copy.pk}"
    upload = uploaded(client, empty_copy, "labels.jsonl", data)
    made = client.post(f"{api}/imports/", {"upload": upload}, format="json").json()
    assert (made["state"], made["name"], made["report"]) == ("new", "labels.jsonl", None)
    tasks.import_labels(made["job"])
    address = f"{api}/imports/{made['id']}/"
    seen = client.get(address).json()
    assert (seen["state"], seen["format"], seen["preview"]["taken"]) == ("previewed", "jsonl", 15)
    tasks.import_labels(client.post(f"{address}take/").json()["job"])
    seen = client.get(address).json()
    assert (seen["state"], seen["counts"]["taken"]) == ("taken", 15)
    report = b"".join(client.get(seen["report"]).streaming_content).decode()
    assert report.startswith("place,outcome,reason")
    assert report.count("taken") == 15
    tasks.import_labels(client.post(f"{address}undo/").json()["job"])
    assert client.get(address).json()["state"] == "undone"
    assert answers_of(empty_copy) == set()
    assert client.post(f"{address}take/").status_code == 409
    assert [each["id"] for each in client.get(f"{api}/imports/").json()["results"]] == [made["id"]]


def test_only_folders_below_the_media_roots_are_imported_by_rest(corpus, mia, client, tmp_path, settings):
    (tmp_path / "roots").mkdir()
    settings.MEDIA_ROOTS = [str(tmp_path / "roots")]
    (tmp_path / "l.csv").write_text("file_name,label\na.jpg,cat\n")
    api = f"/api/v1/corpora/{corpus.pk}/imports/"
    refused = client.post(api, {"path": str(tmp_path / "l.csv")}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "folder-not-allowed")
    (tmp_path / "l.csv").rename(tmp_path / "roots" / "l.csv")
    assert client.post(api, {"path": str(tmp_path / "roots" / "l.csv")}, format="json").status_code == 201
    assert client.post(api, {}, format="json").status_code == 400


def test_only_managers_import(corpus, ann, vera, stan):
    for user, expected in ((ann, 403), (vera, 403), (stan, 404)):
        client = APIClient()
        client.force_authenticate(user)
        api = f"/api/v1/corpora/{corpus.pk}/imports/"
        assert client.get(api).status_code == expected
        assert client.post(api, {"path": "/x"}, format="json").status_code == expected


def test_every_reason_has_words():
    codes = set()
    for path in (Path(tasks.__file__).parents[1]).rglob("import*/*.py"):
        codes |= set(re.findall(r'problem="([a-z-]+)"', path.read_text()))
    for path in (Path(tasks.__file__).parents[1] / "services").glob("import*.py"):
        text = path.read_text()
        codes |= set(re.findall(r'(?:Unmatched|reject|skip)\(\s*"([a-z-]+)"', text))
        codes |= set(re.findall(r'"([a-z]+-[a-z-]+)"', text)) & set(REASONS)
    assert len(codes) > 15
    assert codes <= set(REASONS)


def test_an_import_is_not_undone_from_the_history_and_is_nobodys_work(version, mia, empty_copy):  # noqa: F811
    from labeling.services.people import people_of
    from labeling.services.undo import Imported, undo_batch

    made = taken(empty_copy, mia, path_of(export_of(version, mia, format="csv")))
    (batch,) = recent_batches(empty_copy)
    assert (batch.batch, batch.mode, batch.decisions) == (made.batch, "import", 15)
    with pytest.raises(Imported, match="page of datasets"):
        undo_batch(corpus=empty_copy, batch=made.batch, operation_id=UUID(int=7), by=mia, is_manager=True)
    assert people_of(empty_copy).people == []


def test_what_was_uploaded_and_forgotten_is_removed(version, mia, empty_copy, client, settings):  # noqa: F811
    data = path_of(export_of(version, mia, format="csv")).read_bytes()
    upload = uploaded(client, empty_copy, "labels.csv", data)
    made = run(imports.request_import(corpus=empty_copy, by=mia, upload=UUID(upload)))
    lost = settings.DATA_DIR / "imports" / "12345"
    lost.mkdir()
    os.utime(lost, (0, 0))
    assert imports.remove_orphans() == ["12345"]
    assert Path(made.path).is_file()
    LabelImport.objects.update(created_at=made.created_at - timedelta(days=8))
    assert imports.remove_orphans() == []
    assert not Path(made.path).exists()
