"""Media over REST: sources, uploads, media files, items, thumbnails, frames."""

import hashlib
import io
import os
import shutil
import struct
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from django.utils import timezone
from rest_framework.test import APIClient

from indexing.models import Item, Upload
from indexing.services import uploads
from indexing.services.uploads import part_path, remove_abandoned, stored_path
from indexing.tasks.ingest import ingest_media

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(tmp_path, settings) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    settings.MEDIA_ROOTS = [folder]
    settings.FREE_SPACE_FLOOR_BYTES = 0
    return folder


def client_of(user) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def client(mia) -> APIClient:
    return client_of(mia)


@pytest.fixture
def url(corpus) -> str:
    return f"/api/v1/corpora/{corpus.pk}/"


def jpeg(red: int, green: int, blue: int) -> bytes:
    return simplejpeg.encode_jpeg(np.full((48, 64, 3), (red, green, blue), np.uint8))


def send(client, url, name: str, body: bytes, *, chunk: int = 1000) -> str:
    sha256 = hashlib.sha256(body).hexdigest()
    begun = client.post(
        f"{url}uploads/", {"name": name, "size_bytes": len(body), "sha256": sha256}, format="json"
    )
    assert begun.status_code == 201, begun.content
    upload = begun.json()["id"]
    for at in range(0, len(body), chunk):
        sent = client.patch(
            f"{url}uploads/{upload}/",
            body[at : at + chunk],
            content_type="application/octet-stream",
            headers={"Upload-Offset": str(at)},
        )
        assert sent.status_code == 200, sent.content
    return upload


def finish(client, url, *uploads: str):
    answer = client.post(f"{url}uploads/finish/", {"uploads": uploads}, format="json")
    assert answer.status_code == 202, answer.content
    ingest_media(answer.json()["job"])
    return client.get(f"{url}jobs/{answer.json()['job']}/").json()


def test_a_folder_is_ingested_over_rest(client, url, root, shared_data):
    shutil.copytree(shared_data / "photos" / "crab", root / "crab")
    name = min(path.name for path in (root / "crab").iterdir())
    answer = client.post(f"{url}sources/", {"path": str(root)}, format="json")
    assert answer.status_code == 202
    ingest_media(answer.json()["job"])
    media = client.get(f"{url}media/", {"kind": "image", "search": name}).json()["results"]
    assert [file["name"] for file in media] == [f"crab/{name}"]
    items = client.get(f"{url}items/", {"media_file": media[0]["id"]}).json()["results"]
    assert len(items) == 1
    thumbnail = client.get(items[0]["thumbnail"])
    assert thumbnail["Content-Type"] == "image/jpeg"
    assert "immutable" in thumbnail["Cache-Control"]
    assert client.get(items[0]["thumbnail"], headers={"If-None-Match": thumbnail["ETag"]}).status_code == 304
    frame = simplejpeg.decode_jpeg(client.get(items[0]["frame"]).content)
    assert frame.shape[:2] == (items[0]["height_px"], items[0]["width_px"])
    assert client.post(f"{url}sources/{answer.json()['source']}/scan/").status_code == 202


def test_a_frame_of_a_video_is_decoded_on_demand(client, url, corpus, root, shared_data):
    shutil.copy(shared_data / "videos" / "codecs" / "h265_video.mp4", root)
    ingest_media(client.post(f"{url}sources/", {"path": str(root)}, format="json").json()["job"])
    item = Item.objects.order_by("start_pts").last()
    answer = client.get(f"{url}items/{item.pk}/frame/")
    assert simplejpeg.decode_jpeg_header(answer.content)[:2] == (128, 128)
    Path(item.media_file.path).unlink()
    other = Item.objects.order_by("start_pts").first()
    gone = client.get(f"{url}items/{other.pk}/frame/")
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")


def test_thumbnails_come_packed_in_the_order_asked_for(client, url, root, shared_data):
    shutil.copytree(shared_data / "photos" / "crab", root / "crab")
    ingest_media(client.post(f"{url}sources/", {"path": str(root)}, format="json").json()["job"])
    ids = list(Item.objects.order_by("?").values_list("pk", flat=True))
    body = client.get(f"{url}thumbnails/", {"ids": ",".join(map(str, ids))}).content
    (count,) = struct.unpack_from("<I", body)
    table = [struct.unpack_from("<QI", body, 4 + 12 * row) for row in range(count)]
    assert [item for item, _ in table] == ids
    at = 4 + 12 * count
    for item, size in table:
        assert client.get(f"{url}items/{item}/thumbnail/").content == body[at : at + size]
        at += size
    assert client.get(f"{url}thumbnails/", {"ids": "1,x"}).status_code == 400


def test_an_upload_is_continued_checked_and_ingested(client, url, corpus, root):
    body = jpeg(200, 10, 10)
    upload = send(client, url, "../../red.jpg", body, chunk=100)
    job = finish(client, url, upload)
    assert job["status"] == "done"
    file = corpus.media_files.get()
    assert (file.name, file.state) == ("red.jpg", "done")
    assert stored_path(file.sha256).read_bytes() == body
    assert not part_path(upload).exists()
    assert Upload.objects.get().state == "ingested"


def test_a_chunk_for_another_place_is_told_the_right_one(client, url, corpus, root):
    begun = client.post(f"{url}uploads/", {"name": "a.jpg", "size_bytes": 10}, format="json").json()
    wrong = client.patch(
        f"{url}uploads/{begun['id']}/",
        b"12345",
        content_type="application/octet-stream",
        headers={"Upload-Offset": "5"},
    )
    assert wrong.status_code == 409
    assert wrong.json()["fields"] == {"offset": 0}
    assert wrong["Upload-Offset"] == "0"


def test_other_bytes_than_announced_are_refused_and_can_be_sent_again(client, url, corpus, root):
    body = jpeg(1, 2, 3)
    wrong = {"name": "a.jpg", "size_bytes": len(body), "sha256": "0" * 64}
    begun = client.post(f"{url}uploads/", wrong, format="json").json()
    answer = client.patch(
        f"{url}uploads/{begun['id']}/",
        body,
        content_type="application/octet-stream",
        headers={"Upload-Offset": "0"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "checksum-mismatch")
    assert client.get(f"{url}uploads/{begun['id']}/").json()["received_bytes"] == 0


@pytest.mark.parametrize(
    ("fields", "floor", "status", "code"),
    [
        ({"size_bytes": 0}, 0, 400, "empty"),
        ({"size_bytes": 2**50}, 0, 413, "too-large"),
        ({"size_bytes": 10}, 2**62, 507, "no-space"),
    ],
)
def test_an_upload_that_cannot_fit_is_refused_before_a_byte_is_sent(
    client, url, corpus, root, settings, fields, floor, status, code
):
    settings.FREE_SPACE_FLOOR_BYTES = floor
    answer = client.post(f"{url}uploads/", {"name": "a.mp4", **fields}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_bytes_that_the_disk_lost_are_asked_for_again(client, url, corpus, root):
    body = jpeg(9, 9, 200)
    begun = client.post(f"{url}uploads/", {"name": "a.jpg", "size_bytes": len(body)}, format="json").json()
    address = f"{url}uploads/{begun['id']}/"

    def put(at: int, part: bytes):
        headers = {"HTTP_UPLOAD_OFFSET": str(at)}
        return client.patch(address, part, content_type="application/octet-stream", **headers)

    assert put(0, body[:300]).status_code == 200
    part_path(begun["id"]).unlink()
    refused = put(300, body[300:])
    assert (refused.status_code, refused.headers["Upload-Offset"]) == (409, "0")
    assert client.get(address).json()["received_bytes"] == 0
    assert put(0, body).status_code == 200
    assert part_path(begun["id"]).read_bytes() == body


def test_an_unfinished_upload_is_not_ingested(client, url, corpus, root):
    begun = client.post(f"{url}uploads/", {"name": "a.jpg", "size_bytes": 10}, format="json").json()
    answer = client.post(f"{url}uploads/finish/", {"uploads": [begun["id"]]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "not-finished")


def test_an_upload_is_its_owners_and_a_managers(url, corpus, client, ann, stan, olga, root):
    begun = client.post(f"{url}uploads/", {"name": "a.jpg", "size_bytes": 10}, format="json").json()
    assert client_of(ann).get(f"{url}uploads/{begun['id']}/").status_code == 403
    assert client_of(stan).get(f"{url}uploads/{begun['id']}/").status_code == 404


def test_a_zip_is_taken_entry_by_entry_and_its_bad_ones_left_out(client, url, corpus, root, ann):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/red.jpg", jpeg(250, 0, 0))
        archive.writestr("../../../etc/passwd.jpg", jpeg(0, 250, 0))
        archive.writestr("bomb.bmp", b"BM" + bytes(3_000_000))
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("inner.zip", b"PK\x03\x04 nested")
        archive.writestr("notes.txt", "hello")
        archive.writestr("__MACOSX/red.jpg", b"x")
    job = finish(client, url, send(client, url, "set.zip", whole.getvalue(), chunk=10_000))
    states = {file.name: (file.state, file.reason_code) for file in corpus.media_files.all()}
    assert states == {
        "set.zip/set/red.jpg": ("done", ""),
        "set.zip/etc/passwd.jpg": ("done", ""),
        "set.zip/inner.zip": ("refused", "unsupported-format"),
        "set.zip/notes.txt": ("refused", "unknown-format"),
    }
    upload = Upload.objects.get()
    assert "bomb.bmp in set.zip was left out: it unpacks to more than 200 times" in upload.reason
    assert "link.jpg in set.zip was left out: it is a link" in upload.reason
    assert job["result"]["new"] == 4


def test_a_deleted_file_takes_its_items_out_and_an_upload_brings_it_back(client, url, corpus, root, ann):
    body = jpeg(9, 9, 200)
    finish(client, url, send(client, url, "blue.jpg", body))
    file = corpus.media_files.get()
    assert client_of(ann).delete(f"{url}media/{file.pk}/").status_code == 403
    assert client.delete(f"{url}media/{file.pk}/").status_code == 204
    assert client.get(f"{url}media/").json()["results"] == []
    assert client.get(f"{url}items/").json()["results"] == []
    finish(client, url, send(client, url, "blue again.jpg", body))
    assert len(client.get(f"{url}items/").json()["results"]) == 1


def test_pictures_of_a_deleted_file_are_not_found(client, url, corpus, root):
    finish(client, url, send(client, url, "blue.jpg", jpeg(9, 9, 200)))
    item = Item.objects.get()
    addresses = [f"{url}items/{item.pk}/{what}" for what in ("", "thumbnail/", "frame/")]
    assert [client.get(each).status_code for each in addresses] == [200, 200, 200]
    client.delete(f"{url}media/{item.media_file_id}/")
    assert [client.get(each).status_code for each in addresses] == [404, 404, 404]
    assert client.get(f"{url}thumbnails/?ids={item.pk}").content == struct.pack("<I", 0)


@pytest.mark.parametrize(
    "asked", ["items/?media_file={}", "items/?stack={}", "media/?source={}", "thumbnails/?ids={}"]
)
def test_an_id_of_thousands_of_digits_is_refused(client, url, asked):
    assert client.get(url + asked.format("9" * 5000)).status_code == 400


def test_settings_are_read_by_viewers_and_changed_by_managers(client, url, corpus, vera):
    assert client_of(vera).get(f"{url}settings/").json()["frame_policy"] == "codec_keyframe"
    assert client_of(vera).patch(f"{url}settings/", {}, format="json").status_code == 403
    answer = client.patch(
        f"{url}settings/", {"frame_policy": "interval", "interval_seconds": 0.5}, format="json"
    )
    assert answer.json()["interval_seconds"] == 0.5
    assert client.patch(f"{url}settings/", {"interval_seconds": 0}, format="json").status_code == 400


def test_the_settings_name_an_encoder_that_can_be_loaded_and_no_path(client, url, root):
    weights = root / "net.torchscript"  # a manager may be able to write into a root
    weights.write_bytes(b"code")
    weights.with_suffix(".json").write_text('{"run_code": true}')
    for key in (f"script:{weights}@1", "no such@1"):
        answer = client.patch(f"{url}settings/", {"encoder": key}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (409, "encoder-not-usable")
    assert client.get(f"{url}settings/").json()["encoder"] == "auto"
    answer = client.patch(f"{url}settings/", {"encoder": "builtin@1"}, format="json")
    assert answer.json()["encoder"] == "builtin@1"


def test_a_strangers_item_is_not_found(client, url, corpus, stan):
    assert client_of(stan).get(f"{url}items/").status_code == 404
    assert client.get(f"{url}items/999999/frame/").status_code == 404


def test_uploads_that_were_given_up_leave_with_their_bytes(client, url, corpus, root, data_dir):
    begun, _, awaited, fresh = (
        Upload.objects.get(pk=send(client, url, f"{red}.jpg", jpeg(red, 0, 0))) for red in (10, 60, 110, 160)
    )
    Upload.objects.filter(pk=begun.pk).update(state="receiving")
    client.post(f"{url}uploads/finish/", {"uploads": [str(awaited.pk)]}, format="json")
    long_ago = timezone.now() - timedelta(days=8)
    Upload.objects.exclude(pk=fresh.pk).update(touched_at=long_ago)
    entry = data_dir / "uploads" / "entry-x.part"  # of a zip whose ingest was killed
    entry.touch()
    os.utime(entry, (long_ago.timestamp(),) * 2)
    assert remove_abandoned() == 2
    assert set(Upload.objects.all()) == {awaited, fresh}
    assert {path.name for path in (data_dir / "uploads").iterdir()} == {
        f"{awaited.pk}.part",
        f"{fresh.pk}.part",
    }


def test_two_ingests_of_one_upload_leave_it_ingested(client, url, corpus, root):
    upload = send(client, url, "blue.jpg", jpeg(9, 9, 200))
    jobs = [
        client.post(f"{url}uploads/finish/", {"uploads": [upload]}, format="json").json()["job"]
        for _ in range(2)
    ]
    late = Upload.objects.get(pk=upload)
    for job in jobs:
        ingest_media(job)
    uploads._settle(late, "refused", "Its bytes are no longer on the server.")  # as a slow one would
    assert Upload.objects.get(pk=upload).state == "ingested"


def test_a_zip_that_cannot_be_opened_is_seen_to_be_refused(client, url, corpus, root):
    job = finish(client, url, send(client, url, "broken.zip", b"PK\x03\x04 nonsense"))
    file = corpus.media_files.get()
    assert (file.name, file.state) == ("broken.zip", "refused")
    assert (job["units_done"], job["units_total"]) == (1, 1)
