"""The main job by REST with a token: media in, query, accept, weak labels, dataset version, export."""

import hashlib
import io
import json
import struct
import uuid
import zipfile
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow


def operations(class_id: int, tiles: list[dict], answer: str) -> list[dict]:
    """One batch of verdicts on `tiles`, as the workbench sends it."""
    batch = str(uuid.uuid4())
    return [
        {
            "operation_id": str(uuid.uuid4()),
            "batch": batch,
            "item": tile["item"],
            "stack": tile["stack"],
            "class": class_id,
            "answer": answer,
            "base_version": tile["version"],
            "rank": tile["rank"],
            "mode": "similar",
        }
        for tile in tiles
    ]


@pytest.fixture(scope="module")
def api(ready_corpus) -> str:
    return f"/api/v1/corpora/{ready_corpus}"


@pytest.fixture(scope="module")
def media(client, api) -> list[dict]:
    return client.call("GET", f"{api}/media/?page_size=500").json["results"]


@pytest.fixture(scope="module")
def class_id(client, api) -> int:
    made = client.call("POST", f"{api}/classes/", {"name": "stop sign"})
    assert made.status == 201, made.body
    return made.json["id"]


def folder_of(media_root: Path) -> dict[str, str]:
    """The truth: sha256 of a file -> the folder it lies in."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest(): path.parent.name
        for path in (media_root / "media").rglob("*")
        if path.is_file()
    }


def test_every_file_ends_with_a_state_and_a_reason(media, media_root):
    given = {path.name for path in (media_root / "media").rglob("*") if path.is_file()}
    assert {each["state"] for each in media} == {"done", "partial", "refused"}
    assert all(each["reason"] for each in media if each["state"] != "done")
    assert {"empty.jpg", "nonsense.jpg"} <= {
        each["name"].rsplit("/")[-1] for each in media if each["state"] == "refused"
    }
    assert len(media) <= len(given) + 100


def test_a_second_scan_reads_nothing_again(client, api, media):
    source = client.call("GET", f"{api}/sources/").json[0]
    started = client.call("POST", f"{api}/sources/{source['id']}/scan/")
    assert started.status in {200, 201, 202}, started.body
    jobs = client.call("GET", f"{api}/jobs/").json["results"]
    for job in sorted(jobs, key=lambda job: job["id"]):
        client.done(f"{api}/jobs/{job['id']}/")
    again = client.call("GET", f"{api}/media/?page_size=500").json["results"]
    assert [each["id"] for each in again] == [each["id"] for each in media]


def test_an_example_finds_its_class_and_decided_items_do_not_come_back(
    client, api, class_id, media, media_root
):
    truth = folder_of(media_root)
    of_media = {each["id"]: truth[each["sha256"]] for each in media}
    items = client.call("GET", f"{api}/items/?page_size=500").json["results"]
    start = next(item for item in items if of_media[item["media_file"]] == "stop_sign")
    body = {"class": class_id, "terms": [{"kind": "item", "item": start["id"], "weight": 1.0}], "k": 60}
    ranked = client.call("POST", f"{api}/rank/", body)
    assert ranked.status == 200, ranked.body
    tiles = ranked.json["neighbors"]
    assert tiles[0]["similarity"] == pytest.approx(1.0, abs=2e-3)
    assert [tile["rank"] for tile in tiles] == list(range(len(tiles)))
    similarities = [tile["similarity"] for tile in tiles]
    assert similarities == sorted(similarities, reverse=True)

    good = [tile for tile in tiles if of_media[tile["media_file"]] == "stop_sign"][:6]
    bad = [tile for tile in tiles if of_media[tile["media_file"]] != "stop_sign"][:6]
    sent = operations(class_id, good, "accept") + operations(class_id, bad, "reject")
    answered = client.call("POST", f"{api}/verdicts/", {"operations": sent})
    assert answered.status == 200, answered.body
    assert {each["outcome"] for each in answered.json["results"]} == {"applied"}
    retried = client.call("POST", f"{api}/verdicts/", {"operations": sent}).json["results"]
    assert {each["outcome"] for each in retried} == {"duplicate"}

    learned = client.call("POST", f"{api}/rank/", body | {"mode": "learned"})
    assert learned.status == 200, learned.body
    decided = {tile["item"] for tile in good + bad}
    assert not decided & {tile["item"] for tile in learned.json["neighbors"]}
    found = [of_media[tile["media_file"]] == "stop_sign" for tile in learned.json["neighbors"]]
    before = [of_media[tile["media_file"]] == "stop_sign" for tile in tiles if tile["item"] not in decided]
    assert sum(found[:14]) >= sum(before[:14])

    undone = client.call(
        "POST", f"{api}/undo/", {"batch": sent[-1]["batch"], "operation_id": str(uuid.uuid4())}
    )
    assert len(undone.json["undone"]) == len(bad)
    counts = client.call("GET", f"{api}/counts/?class={class_id}").json
    assert counts["rejected"] == 0
    assert counts["accepted"] >= len(good)
    again = client.call("POST", f"{api}/verdicts/", {"operations": operations(class_id, bad[:0], "reject")})
    assert again.status == 400
    redone = client.call(
        "POST", f"{api}/undo/", {"batch": undone.json["batch"], "operation_id": str(uuid.uuid4())}
    ).json
    assert len(redone["undone"]) == len(bad)


def test_an_uploaded_image_and_a_box_are_queries(client, api, media_root):
    photo = sorted((media_root / "media" / "yin_yang").glob("*.jpg"))[3]
    made = client.call("POST", f"{api}/query-images/", photo.read_bytes(), Content_Type="image/jpeg")
    assert made.status == 201, made.body
    for box in (None, [0.2, 0.2, 0.8, 0.8]):
        term = {"kind": "image", "image": made.json["id"], "box": box, "weight": 1.0}
        ranked = client.call("POST", f"{api}/rank/", {"class": None, "terms": [term], "k": 10})
        assert ranked.status == 200, ranked.body
        assert len(ranked.json["neighbors"]) == 10


def test_thumbnails_come_packed_and_frames_full_size(client, api):
    items = client.call("GET", f"{api}/items/?page_size=5").json["results"]
    ids = [item["id"] for item in items]
    packed = client.call("GET", f"{api}/thumbnails/?ids={','.join(map(str, ids))}").body
    (count,) = struct.unpack_from("<I", packed)
    assert count == len(ids)
    heads = [struct.unpack_from("<QI", packed, 4 + 12 * at) for at in range(count)]
    assert [item for item, _ in heads] == ids
    at = 4 + 12 * count
    for _, size in heads:
        assert Image.open(io.BytesIO(packed[at : at + size])).format == "JPEG"
        at += size
    frame = client.call("GET", f"{api}/items/{ids[0]}/frame/")
    media_file = client.call("GET", f"{api}/media/{items[0]['media_file']}/").json
    assert Image.open(io.BytesIO(frame.body)).size == (media_file["width_px"], media_file["height_px"])


def test_weak_labels_then_a_dataset_version_then_every_export(client, api, class_id, tmp_path):
    items = client.call("GET", f"{api}/items/?page_size=1").json["results"]
    body = {"class": class_id, "terms": [{"kind": "item", "item": items[0]["id"], "weight": 1.0}], "k": 20}
    ranked = client.call("POST", f"{api}/rank/", body).json
    taken = client.call("POST", f"{api}/weak/", {"round": ranked["round"], "first_n": 5})
    assert taken.status == 201, taken.body
    assert client.call("GET", f"{api}/counts/?class={class_id}").json["weak"] >= 5
    version = client.call(
        "POST", f"{api}/datasets/", {"name": "first", "classes": [class_id], "includes_weak": True}
    )
    assert version.status == 201, version.body

    forms = ("image_folder", "coco", "yolo", "voc", "csv", "jsonl", "parquet", "webdataset", "fiftyone")
    for format in (*forms, "huggingface"):
        asked = client.call(
            "POST", f"{api}/exports/", {"dataset_version": version.json["id"], "format": format}
        )
        assert asked.status in {201, 202}, asked.body
        client.done(f"{api}/jobs/{asked.json['job']}/")
        path = f"{api}/exports/{asked.json['id']}/file/"
        whole = client.call("GET", path)
        assert whole.status == 200, whole.body
        rest = client.call("GET", path, Range=f"bytes={len(whole.body) // 2}-")
        assert rest.status == 206
        assert whole.body.endswith(rest.body)
        (tmp_path / format).write_bytes(whole.body)

    with zipfile.ZipFile(tmp_path / "image_folder") as archive:
        archive.extractall(tmp_path / "folder")
    from indexing.compute.torchvision_shim import torchvision

    train = next((tmp_path / "folder").rglob("train"))
    loaded = torchvision.datasets.ImageFolder(train)
    assert loaded.classes == sorted(loaded.classes)
    assert "background" in loaded.classes
    assert loaded[0][0].size[0] > 0

    from pycocotools.coco import COCO

    coco_path = tmp_path / "coco"
    if zipfile.is_zipfile(coco_path):
        with zipfile.ZipFile(coco_path) as archive:
            archive.extractall(tmp_path / "coco_folder")
        found = sorted((tmp_path / "coco_folder").rglob("*.json"))
        coco_path = next(path for path in found if b'"annotations"' in path.read_bytes())
    assert len(COCO(str(coco_path)).getImgIds()) > 0
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    sides: dict[str, set[str]] = {}
    for line in lines:
        sides.setdefault(line["media_sha256"], set()).add(line["split"])
    assert all(len(splits) == 1 for splits in sides.values())


def test_bad_input_gets_a_code_and_a_sentence(client, api, class_id):
    for method, path, body, status, code in (
        ("POST", f"{api}/sources/", {"path": "/etc"}, 409, "folder-not-allowed"),
        (
            "POST",
            f"{api}/rank/",
            {"class": class_id, "terms": [{"kind": "item", "item": 10**9}]},
            404,
            "not_found",
        ),
        ("POST", f"{api}/verdicts/", {"operations": "all"}, 400, "invalid"),
        ("GET", "/api/v1/corpora/999999/", None, 404, "not_found"),
        ("POST", f"{api}/exports/", {"dataset_version": 999999, "format": "csv"}, 404, "not_found"),
    ):
        answer = client.call(method, path, body)
        assert answer.status == status, (path, answer.status, answer.body)
        assert answer.json["code"] == code or not code
        assert len(answer.json["detail"]) > 10
