"""The Python client against a running server: it resumes, repeats without harm, and says what went wrong."""

import ast
import csv
import hashlib
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeling.models import Verdict
from sisyphus_client import ApiError, ChecksumMismatch, Client, JobFailed, LabelImport, Unreachable
from sisyphus_client.downloads import download
from sisyphus_client.uploads import upload
from tests.labeling.test_exports import photo_of

pytestmark = pytest.mark.django_db(transaction=True)
SOURCE = Path(__file__).resolve().parents[2] / "client" / "src" / "sisyphus_client"


@pytest.fixture
def photos(corpus, tmp_path):
    """Six photos that are in the corpus."""
    (tmp_path / "media").mkdir()
    return [photo_of(corpus, tmp_path / "media" / f"{n}.jpg", (40 * n, 90, 30)) for n in range(6)]


def noise(path: Path, *, seed: int = 0) -> Path:
    """A photo of some hundred kilobytes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (400, 500, 3), np.uint8)
    Image.fromarray(pixels).save(path, quality=95)
    return path


def test_corpora_and_classes_are_found_by_name_and_made_once(client, corpus):
    assert client.me()["username"] == "mia"
    assert client.corpus("street scenes").id == corpus.pk
    with pytest.raises(LookupError, match="no corpus 'elsewhere'"):
        client.corpus("elsewhere")
    made = client.create_corpus("river")
    assert made.label_class("otter") == made.label_class("otter")
    assert made.classes() == {"otter": made.label_class("otter")}


def test_uploaded_photos_are_taken_in_and_the_job_is_followed(client, corpus, tmp_path):
    told = []
    paths = [noise(tmp_path / f"{n}.jpg", seed=n) for n in range(2)]
    client.corpus(corpus.pk).upload(paths, on_progress=told.append).wait(timeout_seconds=180)
    assert {each["state"] for each in client.corpus(corpus.pk).media()} == {"done"}
    assert [at.note for at in told if at.done == at.total] == ["0.jpg", "1.jpg"]


def test_a_list_of_several_pages_comes_whole_and_once(client, corpus, photos):
    place = f"corpora/{corpus.pk}/items/"
    assert client.transport.get(place, page_size=4)["next"]
    found = [each["id"] for each in islice(client.transport.pages(place, page_size=4), 20)]
    assert sorted(found) == sorted(item.pk for item in photos)


def test_an_upload_goes_on_where_the_network_broke_off(client, corpus, breaking, token, tmp_path):
    path = noise(tmp_path / "large.jpg")
    network = breaking(30_000)
    with Client(network.url, token, timeout_seconds=60, tries=40) as shaky:
        shaky.transport.waits = lambda: iter([0.01] * 39 + [None])
        done = upload(shaky.transport, corpus.pk, path, chunk_bytes=20_000)
    assert network.num_cuts >= path.stat().st_size // 30_000
    said = client.transport.get(f"corpora/{corpus.pk}/uploads/{done}/")
    assert (said["state"], said["received_bytes"]) == ("received", path.stat().st_size)


def test_a_download_goes_on_at_any_byte_and_is_checked(client, corpus, photos, breaking, token, tmp_path):
    found = client.corpus(corpus.pk)
    cat = found.label_class("cat")
    results = found.answer(cat, {item.pk: "accept" for item in photos})
    assert [each.outcome for each in results] == ["applied"] * 6
    version = found.freeze(name="first", val_share=0, test_share=0)
    export = version.export("image_folder", image_format="png").wait(timeout_seconds=180)
    whole = export.download(tmp_path).read_bytes()
    assert hashlib.sha256(whole).hexdigest() == export.sha256
    network = breaking(1_500)
    (tmp_path / "again.zip.part").write_bytes(whole[:7])  # what an earlier process left
    with Client(network.url, token, timeout_seconds=60, tries=5) as shaky:
        about = {"size_bytes": len(whole), "sha256": export.sha256}
        told = []
        download(
            shaky.transport, export.said["url"], tmp_path / "again.zip", **about, on_progress=told.append
        )
    assert (tmp_path / "again.zip").read_bytes() == whole
    assert network.num_cuts >= 3
    assert [at.done for at in told] == sorted(at.done for at in told)
    (tmp_path / "bad.zip.part").write_bytes(b"x" * 100)
    with pytest.raises(ChecksumMismatch):
        download(client.transport, export.said["url"], tmp_path / "bad.zip", **about)
    assert not list(tmp_path.glob("bad*"))


def test_answers_sent_twice_count_once(client, corpus, photos):
    found = client.corpus(corpus.pk)
    cat = found.label_class("cat")
    found.answer(cat, {photos[0].pk: "accept"})
    (again,) = found.answer(cat, {photos[0].pk: "reject"})
    assert (again.outcome, again.reason) == ("conflict", "answered-since")
    assert Verdict.objects.count() == 1


def test_labels_come_in_by_a_look_a_taking_and_a_taking_back(client, corpus, photos, tmp_path):
    found = client.corpus(corpus.pk)
    path = tmp_path / "labels.jsonl"
    rows = [{"media_sha256": item.media_file.sha256, "class": "swan"} for item in photos]
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in [*rows, {"file_name": "x.jpg", "class": "swan"}])
    )
    labels = found.import_labels(path).wait(timeout_seconds=180)
    assert isinstance(labels, LabelImport)
    assert (labels.state, labels.preview["taken"], labels.preview["rejected"]) == (
        "previewed",
        6,
        {"unknown-media": 1},
    )
    assert not Verdict.objects.exists()
    assert labels.take().wait().counts["taken"] == 6
    report = list(csv.DictReader(labels.report().splitlines()))
    assert [row["outcome"] for row in report] == ["taken"] * 6 + ["rejected"]
    first = found.freeze(val_share=0, test_share=0)
    assert first.card["origins"]["import"] == 6
    assert labels.undo().wait().state == "undone"
    found.answer(found.label_class("duck"), {photos[0].pk: "accept"})
    second = found.freeze(val_share=0, test_share=0)
    assert second.diff(first)["counts"] == {
        "added": 1, "removed": 6, "answered_otherwise": 0, "moved": 0, "confirmed": 0,
    }  # fmt: skip
    assert [version.number for version in found.versions()] == [2, 1]


def test_failures_come_with_the_servers_words(client, live_server, corpus, photos, tmp_path):
    found = client.corpus(corpus.pk)
    with pytest.raises(ApiError, match="Nothing is accepted yet") as refused:
        found.freeze()
    assert (refused.value.status, refused.value.code) == (409, "no-items")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(JobFailed, match="needs a column label_class") as failed:
        found.import_labels(tmp_path / "notes.csv").wait(timeout_seconds=180)
    assert failed.value.code == "labels-unreadable"
    with Client(live_server.url, "0" * 64) as nobody, pytest.raises(ApiError) as stranger:
        nobody.me()
    assert stranger.value.status == 401
    with Client("http://127.0.0.1:9", "x", tries=2) as lost, pytest.raises(Unreachable):
        lost.me()


def test_the_client_knows_nothing_of_the_server_it_talks_to():
    for module in SOURCE.glob("*.py"):
        tree = ast.parse(module.read_text())
        names = {
            (node.module if isinstance(node, ast.ImportFrom) else alias.name).split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not names & {"django", "labeling", "indexing", "training", "sisyphus_web"}, module
