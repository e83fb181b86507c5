"""Exports of real pictures: whole, repeatable, resumable, readable by those who train."""

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
from labeling import tasks
from labeling.models import Export
from labeling.services import exports
from labeling.services.datasets import create_version
from labeling.services.exports import path_of, request_export
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


@pytest.mark.parametrize(
    "fields", [{"format": "image_folder"}, {"format": "coco"}, {"format": "csv"}, {"format": "jsonl"}]
)
def test_an_export_repeated_is_the_same_bytes(version, mia, fields):
    first, second = export_of(version, mia, **fields), export_of(version, mia, **fields)
    assert first.sha256 == second.sha256
    assert path_of(first).read_bytes() == path_of(second).read_bytes()
    assert hashlib.sha256(path_of(first).read_bytes()).hexdigest() == first.sha256


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
    whole = tasks.sha256_of

    def cancelled_meanwhile(path):
        jobs.cancel(Job.objects.get(pk=export.job_id), by=mia)
        return whole(path)

    export = request_export(version=version, format="csv", by=mia)
    monkeypatch.setattr(tasks, "sha256_of", cancelled_meanwhile)
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
