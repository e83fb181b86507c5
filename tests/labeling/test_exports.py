"""Exports of real pictures: whole, repeatable, resumable, readable by those who train."""

import csv
import errno
import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.models import Export
from labeling.services import exports
from labeling.services.datasets import create_version
from labeling.services.exports import path_of, request_export
from labeling.tasks import exports as tasks
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.labeling.conftest import operation, photo
from tests.labeling.test_verdicts import record


def media_of(corpus, path: Path, **fields):
    return photo(
        corpus, path.name, path=str(path), sha256=hashlib.sha256(path.read_bytes()).hexdigest(), **fields
    )


def photo_of(corpus, path: Path, color, *, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (64, 48), color).save(path, "JPEG", quality=95, exif=exif)
    turned = {"width_px": 48, "height_px": 64} if orientation > 4 else {"width_px": 64, "height_px": 48}
    media = media_of(corpus, path, **turned)
    return Item.objects.create(corpus=corpus, media_file=media)


def video_of(corpus, path: Path):
    """A video whose frames are told apart by their brightness; items of its frames 0, 4 and 8."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(10):
            pixels = np.full((48, 64, 3), 20 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))
    with av.open(str(path)) as found:
        base = found.streams.video[0].time_base
        pts = sorted(frame.pts for frame in found.decode(video=0))
    media = media_of(
        corpus,
        path,
        kind="video",
        width_px=64,
        height_px=48,
        time_base_numerator=base.numerator,
        time_base_denominator=base.denominator,
    )
    return [
        Item.objects.create(
            corpus=corpus,
            media_file=media,
            start_pts=pts[n],
            stop_pts=pts[n] + 1,
            number=n,
            pts_seconds=float(pts[n] * base),
        )
        for n in (0, 4, 8)
    ]


@pytest.fixture
def version(corpus, ann, mia, cat, tmp_path):
    """12 photos of which 8 are accepted, and 3 accepted frames of a video; on three sides."""
    folder = tmp_path / "media"
    folder.mkdir()
    photos = [
        photo_of(corpus, folder / f"{n}.jpg", (200 - 9 * n, 30 + 9 * n, 90), orientation=6 if n == 1 else 1)
        for n in range(12)
    ]
    answers = ["accept"] * 8 + ["reject"] * 4
    made = [operation(item, cat, answer) for item, answer in zip(photos, answers, strict=True)]
    made += [operation(item, cat) for item in video_of(corpus, folder / "clip.mp4")]
    record(corpus, ann, *made)
    return create_version(corpus=corpus, label_classes=[cat], val_share=0.2, test_share=0.2, by=mia)


def export_of(version, mia, **fields) -> Export:
    export = request_export(version=version, by=mia, **fields)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert export.job.status == "done", export.job.error_text
    return export


def test_the_image_folder_loads_with_torchvision(version, mia, tmp_path):
    from indexing.compute.torchvision_shim import torchvision

    export = export_of(version, mia, format="image_folder")
    with zipfile.ZipFile(path_of(export)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    seen = 0
    for side in ("train", "val", "test"):
        folder = torchvision.datasets.ImageFolder(str(tmp_path / "out" / side))
        assert folder.class_to_idx == {"background": 0, "cat": 1}
        seen += len(folder)
        assert len(folder) == sum(version.counts[side].values())
    assert seen == 15
    about = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert (about["dataset_version"], about["sha256"]) == (1, version.sha256)


def test_a_class_without_pictures_on_a_side_keeps_its_number(corpus, ann, mia, cat, tmp_path):
    from indexing.compute.torchvision_shim import torchvision

    photos = [photo_of(corpus, tmp_path / f"{n}.jpg", (200 - 30 * n, 90, 90)) for n in range(6)]
    answers = ["accept"] * 5 + ["reject"]
    record(corpus, ann, *[operation(i, cat, a) for i, a in zip(photos, answers, strict=True)])
    version = create_version(corpus=corpus, label_classes=[cat], val_share=0.3, test_share=0.0, by=mia)
    with zipfile.ZipFile(path_of(export_of(version, mia, format="image_folder"))) as archive:
        archive.extractall(tmp_path / "out")
    sides = [tmp_path / "out" / side for side in ("train", "val")]
    loaded = [torchvision.datasets.ImageFolder(str(side), allow_empty=True) for side in sides]
    assert [folder.class_to_idx for folder in loaded] == [{"background": 0, "cat": 1}] * 2
    assert sum(map(len, loaded)) == 6
    with pytest.raises(FileNotFoundError, match="background"):  # said, not numbered otherwise in silence
        [torchvision.datasets.ImageFolder(str(side)) for side in sides]


def test_pixels_are_those_that_were_shown_upright_and_at_their_pts(version, mia):
    export = export_of(version, mia, format="image_folder", image_format="png")
    with zipfile.ZipFile(path_of(export)) as archive:
        pictures = {
            name: np.asarray(Image.open(io.BytesIO(archive.read(name))))
            for name in archive.namelist()
            if name.endswith(".png")
        }
    turned = [name for name, pixels in pictures.items() if pixels.shape == (64, 48, 3)]
    assert len(turned) == 1
    for entry in version.entries.select_related("item__media_file").filter(item__media_file__kind="video"):
        name = f"{entry.split}/cat/{entry.item.media_file.sha256[:8]}_{entry.item.start_pts}.png"
        assert abs(float(pictures[name].mean()) - 20 * entry.item.number) < 4


def test_exported_pictures_carry_no_metadata(version, mia):
    export = export_of(version, mia, format="image_folder")
    with zipfile.ZipFile(path_of(export)) as archive:
        for name in archive.namelist():
            if name.endswith(".jpg"):
                assert not Image.open(io.BytesIO(archive.read(name))).getexif()


@pytest.mark.parametrize("with_pixels", [True, False])
def test_coco_loads_with_pycocotools(version, mia, tmp_path, with_pixels):
    from pycocotools.coco import COCO

    export = export_of(version, mia, format="coco", with_pixels=with_pixels)
    if not with_pixels:
        loaded = COCO(str(path_of(export)))
        assert (len(loaded.getImgIds()), len(loaded.getAnnIds())) == (15, 11)
        return
    with zipfile.ZipFile(path_of(export)) as archive:
        archive.extractall(tmp_path / "out")
    images = 0
    for side in ("train", "val", "test"):
        loaded = COCO(str(tmp_path / "out" / "annotations" / f"instances_{side}.json"))
        for image in loaded.loadImgs(loaded.getImgIds()):
            with Image.open(tmp_path / "out" / "images" / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
            images += 1
    assert images == 15


@pytest.mark.parametrize("with_pixels", [True, False])
@pytest.mark.parametrize("form", Export.Format.values)
def test_an_export_repeated_is_the_same_bytes(version, mia, form, with_pixels):
    fields = {"format": form, "with_pixels": with_pixels}
    first, second = export_of(version, mia, **fields), export_of(version, mia, **fields)
    assert first.sha256 == second.sha256
    assert path_of(first).read_bytes() == path_of(second).read_bytes()
    assert hashlib.sha256(path_of(first).read_bytes()).hexdigest() == first.sha256


def all_bytes_of(path: Path) -> bytes:
    """What a reader of an export sees: the file, or what is packed in it."""
    import pyarrow.parquet

    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return b"".join(name.encode() + archive.read(name) for name in archive.namelist())
    if path.read_bytes()[:4] == b"PAR1":
        return repr(pyarrow.parquet.read_table(path).to_pylist()).encode()
    return path.read_bytes()


@pytest.mark.parametrize("form", Export.Format.values)
def test_where_a_file_lies_is_not_exported(version, mia, tmp_path, form):
    seen = all_bytes_of(path_of(export_of(version, mia, format=form)))
    assert version.entries.first().item.media_file.sha256[:8].encode() in seen
    assert str(tmp_path / "media").encode() not in seen
    assert b"media_path" not in seen


def test_tables_have_a_line_per_item_and_class(version, mia):
    lines = path_of(export_of(version, mia, format="jsonl")).read_text().splitlines()
    assert len(lines) == 15
    assert {json.loads(line)["answer"] for line in lines} == {"accept", "reject"}
    assert len(path_of(export_of(version, mia, format="csv")).read_text().splitlines()) == 16


def test_a_broken_off_export_goes_on_where_it_was(version, mia, settings, monkeypatch):
    whole = export_of(version, mia, format="image_folder")
    monkeypatch.setattr(tasks, "CHUNK_FRAMES", 4)
    export = request_export(version=version, format="image_folder", by=mia)
    decoded = []
    real = tasks._decoded

    def breaking(decoder, chunk, checked):
        decoded.append(len(chunk))
        if len(decoded) == 3:
            raise OSError("the plug was pulled")
        return real(decoder, chunk, checked)

    monkeypatch.setattr(tasks, "_decoded", breaking)
    with pytest.raises(OSError, match="plug"):
        tasks.export_dataset(export.job_id)
    chunks = settings.DATA_DIR / "runs" / str(export.job_id) / "chunks"
    assert sorted(path.name for path in chunks.iterdir()) == ["000000.zip", "000001.zip"]
    assert not path_of(export).exists()
    assert jobs.retry(Job.objects.get(pk=export.job_id), by=mia)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert decoded == [4, 4, 4, 4, 3]  # the third twice
    assert export.sha256 == whole.sha256
    assert not chunks.exists()


def test_a_medium_that_is_gone_is_named_and_nothing_half_written_is_visible(version, mia, tmp_path):
    (tmp_path / "media" / "3.jpg").unlink()
    export = request_export(version=version, format="image_folder", by=mia)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert (export.job.status, export.job.error_code, export.sha256) == ("failed", "media-gone", "")
    assert "3.jpg" in export.job.error_text
    assert not path_of(export).exists()


def test_a_cancelled_export_leaves_nothing_to_download(version, mia):
    export = request_export(version=version, format="image_folder", by=mia)
    jobs.cancel(export.job, by=mia)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert (export.sha256, path_of(export).exists()) == ("", False)


def test_an_export_cancelled_at_the_last_moment_leaves_nothing(version, mia, monkeypatch):
    write = tasks._write_lines

    def cancelled_meanwhile(*arguments):
        write(*arguments)
        jobs.cancel(Job.objects.get(pk=export.job_id), by=mia)

    export = request_export(version=version, format="csv", by=mia)
    monkeypatch.setattr(tasks, "_write_lines", cancelled_meanwhile)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert (export.job.status, export.sha256) == ("cancelled", "")
    assert not path_of(export).parent.exists()


def test_what_a_crash_left_of_an_export_is_removed_after_a_day(version, mia):
    whole = export_of(version, mia, format="csv")
    left = request_export(version=version, format="csv", by=mia)
    path_of(left).parent.mkdir(parents=True)
    path_of(left).write_text("item")
    assert exports.remove_orphans() == []
    for each in (whole, left):
        os.utime(path_of(each).parent, (0, 0))
    assert exports.remove_orphans() == [str(left.pk)]
    assert (path_of(whole).exists(), path_of(left).exists()) == (True, False)


@pytest.fixture
def client(mia):
    made = APIClient()
    made.force_authenticate(mia)
    return made


def body_of(response) -> bytes:
    return b"".join(response.streaming_content)


def test_an_export_over_rest_from_the_classes_to_the_file(corpus, version, mia, cat, client):
    api = f"/api/v1/corpora/{corpus.pk}"
    asked = {"classes": [cat.pk], "val_share": 0.2, "test_share": 0.2, "name": "second"}
    made = client.post(f"{api}/datasets/", asked, format="json")
    assert (made.status_code, made.json()["sha256"]) == (201, version.sha256)
    wanted = {"dataset_version": made.json()["id"], "format": "csv"}
    export = client.post(f"{api}/exports/", wanted, format="json").json()
    assert (export["status"], export["url"], export["with_pixels"]) == ("queued", None, False)
    assert client.get(f"{api}/exports/{export['id']}/file/").status_code == 409
    tasks.export_dataset(export["job"])
    export = client.get(f"{api}/exports/{export['id']}/").json()
    assert (export["status"], export["file_name"]) == ("done", "street-scenes_v2_cat_csv.csv")
    response = client.get(export["url"])
    assert hashlib.sha256(body_of(response)).hexdigest() == export["sha256"]
    assert response["Content-Disposition"] == 'attachment; filename="street-scenes_v2_cat_csv.csv"'
    different = client.get(f"{api}/datasets/{made.json()['id']}/diff/{version.pk}/").json()
    assert (set(different["counts"].values()), different["changes"]) == ({0}, [])


def test_a_download_goes_on_where_it_broke_off(corpus, version, mia, client):
    export = export_of(version, mia, format="image_folder")
    address = f"/api/v1/corpora/{corpus.pk}/exports/{export.pk}/file/"
    whole = path_of(export).read_bytes()
    etag = client.get(address)["ETag"]
    assert etag == f'"{export.sha256}"'
    part = client.get(address, headers={"range": "bytes=100-", "if-range": etag})
    assert (part.status_code, body_of(part)) == (206, whole[100:])
    assert part["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    cases = {
        "bytes=0-0": (206, whole[:1]),
        "bytes=-10": (206, whole[-10:]),
        f"bytes=5-{10**12}": (206, whole[5:]),
        "bytes=9-5": (200, whole),
        "bytes=0-1,5-6": (200, whole),
        "chars=1-2": (200, whole),
        "bytes=-": (200, whole),
    }
    for asked, expected in cases.items():
        response = client.get(address, headers={"range": asked})
        assert (response.status_code, body_of(response)) == expected, asked
    beyond = client.get(address, headers={"range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(whole)}")
    other = client.get(address, headers={"range": "bytes=100-", "if-range": '"other"'})
    assert (other.status_code, body_of(other)) == (200, whole)
    assert client.get(address, headers={"if-none-match": etag}).status_code == 304


def test_downloads_leave_half_of_the_threads_to_pages(corpus, version, mia, client, monkeypatch):
    monkeypatch.setattr("labeling.api.downloads.SMALL_BYTES", 0)
    address = f"/api/v1/corpora/{corpus.pk}/exports/{export_of(version, mia, format='csv').pk}/file/"
    held = [client.get(address) for _ in range(tasks.settings.DOWNLOADS_AT_ONCE)]
    assert {each.status_code for each in held} == {200}
    busy = client.get(address)
    assert (busy.status_code, busy.json()["code"], busy["Retry-After"]) == (503, "busy", "15")
    page = client.get(address, headers={"sec-fetch-dest": "document"})  # a person who followed the link
    assert (page.status_code, page["Refresh"]) == (503, "15")
    assert "asks again by itself after 15 seconds" in page.content.decode()
    assert client.get(f"/api/v1/corpora/{corpus.pk}/exports/").status_code == 200
    whole = body_of(held.pop())
    assert body_of(client.get(address)) == whole
    del held, busy  # readers who went away
    assert [body_of(client.get(address)) for _ in range(2)] == [whole] * 2


def test_only_managers_export(corpus, version, mia, ann, vera, stan):
    export = export_of(version, mia, format="csv")
    for user, expected in ((ann, 403), (vera, 403), (stan, 404)):
        client = APIClient()
        client.force_authenticate(user)
        for path in ("exports/", f"exports/{export.pk}/", f"exports/{export.pk}/file/", "datasets/"):
            assert client.get(f"/api/v1/corpora/{corpus.pk}/{path}").status_code == expected


def test_an_export_without_its_file_is_not_found(corpus, version, mia, client):
    export = export_of(version, mia, format="csv")
    shutil.rmtree(path_of(export).parent)
    assert client.get(f"/api/v1/corpora/{corpus.pk}/exports/{export.pk}/file/").status_code == 404


def test_other_bytes_in_the_place_of_a_file_are_not_exported_for_it(version, mia, tmp_path):
    Image.new("RGB", (64, 48), "white").save(tmp_path / "media" / "3.jpg", "JPEG")
    export = request_export(version=version, by=mia, format="image_folder")
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert (export.job.status, export.job.error_code, export.sha256) == ("failed", "media-gone", "")
    assert "3.jpg holds other bytes" in export.job.error_text


@pytest.mark.parametrize("format", ["image_folder", "csv"])
def test_a_disk_that_fills_up_ends_the_job_with_its_code_and_nothing_to_see(
    version, mia, format, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("indexing.compute.files.os.fsync", full)
    export = request_export(version=version, by=mia, format=format)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert (export.job.status, export.job.error_code, export.sha256) == ("failed", "no-space", "")
    assert not path_of(export).exists()
    assert not list((Path(tasks.settings.DATA_DIR) / "runs").rglob("*.zip"))


def extracted(export, folder: Path) -> Path:
    with zipfile.ZipFile(path_of(export)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def accepted_and_rejected(version) -> tuple[int, int]:
    sides = version.counts.values()
    return sum(side["accept"] for side in sides), sum(side["reject"] for side in sides)


def test_voc_loads_with_torchvision(version, mia, tmp_path):
    from indexing.compute.torchvision_shim import torchvision

    folder = extracted(export_of(version, mia, format="voc", image_format="png"), tmp_path / "out")
    seen = []
    for side in ("train", "val"):
        data = torchvision.datasets.VOCDetection(str(folder), year="2012", image_set=side)
        for picture, about in data:
            size = about["annotation"]["size"]
            assert picture.size == (int(size["width"]), int(size["height"]))
            seen.append(len(about["annotation"].get("object", [])))
    sides = {side: sum(version.counts[side].values()) for side in ("train", "val")}
    assert len(seen) == sum(sides.values())
    assert sum(seen) == sum(version.counts[side]["accept"] for side in sides)


def test_yolo_is_as_its_documentation_says(version, mia, tmp_path):
    import yaml

    folder = extracted(export_of(version, mia, format="yolo"), tmp_path / "out")
    about = yaml.safe_load((folder / "data.yaml").read_text())
    assert about["names"] == {0: "cat"}
    boxes = empty = 0
    for side in ("train", "val", "test"):
        for picture in (folder / about[side]).iterdir():
            label = folder / "labels" / side / f"{picture.stem}.txt"
            rows = [line.split() for line in label.read_text().splitlines()]
            assert all(row == ["0", "0.500000", "0.500000", "1.000000", "1.000000"] for row in rows)
            boxes, empty = boxes + len(rows), empty + (not rows)
    assert (boxes, empty) == accepted_and_rejected(version)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_webdataset_reads_the_tar(version, mia):
    import webdataset

    export = export_of(version, mia, format="webdataset")
    samples = list(webdataset.WebDataset(str(path_of(export)), shardshuffle=False).decode("rgb8"))
    assert len(samples) == 15
    assert sum(sample["cls"] for sample in samples) == accepted_and_rejected(version)[0]
    for sample in samples:
        about = sample["json"]
        assert sample["jpg"].shape == (about["height_px"], about["width_px"], 3)
        assert sample["__key__"].split("/")[0] == about["split"]
        assert about["label"] == ("cat" if sample["cls"] else "background")


def test_parquet_has_the_rows_of_jsonl(version, mia):
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path_of(export_of(version, mia, format="parquet")))
    lines = path_of(export_of(version, mia, format="jsonl")).read_text().splitlines()
    assert table.to_pylist() == [json.loads(line) for line in lines]


def test_csv_reads_back_as_the_rows_of_jsonl(version, mia):
    with path_of(export_of(version, mia, format="csv")).open(newline="", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    lines = path_of(export_of(version, mia, format="jsonl")).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [dict(row) for row in read] == [
        {name: "" if value is None else str(value).removesuffix(".0") for name, value in row.items()}
        for row in rows
    ]


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+1", "@x", "\tx", '"=1"', "a,b\nc", "ünï\u202e", "\\N"]
)
def test_a_formula_is_neutral_in_csv_and_intact_elsewhere(version, mia, name):
    import pyarrow.parquet

    version.card["classes"][0]["name"] = name
    version.save()
    version.entries.first().item.media_file.__class__.objects.update(name=name)
    with path_of(export_of(version, mia, format="csv")).open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert not row["media_name"].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row["label_class"] == row["media_name"]
    assert row["media_name"].removeprefix("'") == name
    line = json.loads(path_of(export_of(version, mia, format="jsonl")).read_text().splitlines()[0])
    assert (line["media_name"], line["label_class"]) == (name, name)
    table = pyarrow.parquet.read_table(path_of(export_of(version, mia, format="parquet")))
    assert table.to_pylist()[0] == line
    assert "media_path" not in line
    coco = json.loads(path_of(export_of(version, mia, format="coco", with_pixels=False)).read_text())
    assert (coco["categories"][0]["name"], coco["images"][0]["media_name"]) == (name, name)


def test_coco_has_boxes_and_says_what_was_rejected(corpus, ann, mia, cat, dog):
    from pycocotools.coco import COCO

    first, second, third = (
        photo(corpus, f"{n}.jpg", width_px=64, height_px=48, sha256=f"{n}" * 64) for n in "123"
    )
    whole = [Item.objects.create(corpus=corpus, media_file=media) for media in (first, third)]
    box = {"x0_px": 4, "y0_px": 8, "x1_px": 24, "y1_px": 28}
    region = Item.objects.create(corpus=corpus, media_file=second, kind="region", **box)
    answers = [
        (whole[0], cat, "accept"),
        (whole[0], dog, "reject"),
        (region, dog, "accept"),
        (whole[1], cat, "reject"),
    ]
    record(corpus, ann, *(operation(item, to, answer) for item, to, answer in answers))
    version = create_version(corpus=corpus, label_classes=[cat, dog], val_share=0, test_share=0, by=mia)
    loaded = COCO(str(path_of(export_of(version, mia, format="coco", with_pixels=False))))
    assert [each["name"] for each in loaded.loadCats(loaded.getCatIds())] == ["cat", "dog"]
    annotations = loaded.loadAnns(loaded.getAnnIds())
    assert [each["bbox"] for each in annotations] == [[0, 0, 64, 48], [4, 8, 20, 20]]
    assert [each["area"] for each in annotations] == [64 * 48, 400]
    assert [each["image_id"] for each in annotations] == [1, 2]
    assert [each["rejected"] for each in loaded.loadImgs(loaded.getImgIds())] == [[2], [], [1]]
    assert loaded.dataset["info"]["dataset_version"] == 1
