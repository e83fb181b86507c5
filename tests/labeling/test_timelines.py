"""The time line of a video over REST: its items, what counts for a class, its bytes."""

import hashlib
from uuid import uuid4

import pytest
from django.urls import reverse
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.models import WeakBatch, WeakLabel
from tests import factories as made
from tests.data.make import make_clip
from tests.labeling.conftest import operation
from tests.labeling.test_verdicts import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def video(corpus, tmp_path):
    path = tmp_path / "river.mp4"
    path.write_bytes(bytes(range(256)) * 40)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return made.MediaFileFactory(
        corpus=corpus, is_video=True, path=str(path), sha256=sha256, size_bytes=path.stat().st_size
    )


@pytest.fixture
def url(video) -> str:
    return f"/api/v1/corpora/{video.corpus_id}/media/{video.pk}/"


@pytest.fixture
def client(vera) -> APIClient:
    client = APIClient()
    client.force_login(vera)
    return client


def test_items_come_in_order_of_time_with_what_counts(client, corpus, ann, cat, dog, video, url):
    stack = made.StackFactory(corpus=corpus, media_file=video)
    late = made.ItemFactory(media_file=video, start_pts=900)
    early = made.ItemFactory(media_file=video, start_pts=100, stack=stack)
    clip = made.ItemFactory(media_file=video, kind="clip", start_pts=100, stop_pts=900, number=None)
    weak = made.ItemFactory(media_file=video, start_pts=2000)
    made.ItemFactory(media_file=made.MediaFileFactory(corpus=corpus, is_video=True))
    record(corpus, ann, operation(early, cat), operation(clip, cat, "unsure"), operation(weak, dog, "reject"))
    batch = WeakBatch.objects.create(
        corpus=corpus, label_class=cat, query_round=made.QueryRoundFactory(corpus=corpus), created_by=ann
    )
    for item in (early, weak):
        WeakLabel.objects.create(batch=batch, item=item, label_class=cat, rank=0, similarity=0.5)
    line = client.get(f"{url}timeline/", {"class": cat.pk}).json()
    assert line["items"] == [early.pk, clip.pk, late.pk, weak.pk]
    assert line["kinds"] == ["frame", "clip", "frame", "frame"]
    assert line["stop_pts"] == [612, 900, 1412, 2512]
    assert line["answers"] == ["accept", "unsure", "", ""]
    assert line["versions"] == [1, 1, 0, 0]
    assert line["are_weak"] == [False, False, False, True]  # an answer counts, not what was taken in bulk
    assert line["stacks"] == [stack.pk, 0, 0, 0]
    assert line["is_whole"]
    assert client.get(f"{url}timeline/").json()["answers"] == ["", "", "", ""]


def test_a_video_without_items_and_a_photo(client, corpus, url):
    assert client.get(f"{url}timeline/").json()["items"] == []
    photo = made.MediaFileFactory(corpus=corpus)
    assert client.get(f"/api/v1/corpora/{corpus.pk}/media/{photo.pk}/timeline/").status_code == 404
    assert client.get(reverse("video", args=[corpus.pk, photo.pk])).status_code == 404


def test_the_page_knows_its_video_and_every_address(client, corpus, video):
    page = client.get(reverse("video", args=[corpus.pk, video.pk]))
    facts = page.context["config"]["video"]
    assert (facts["id"], facts["container"]) == (video.pk, "mp4")
    assert facts["urls"]["frames"] == reverse("api:frames", args=[corpus.pk, video.pk])
    assert "/classifiers/{id}/media/" in facts["urls"]["scores"]


def test_a_part_of_the_bytes_is_sent_for_playing(client, video, url):
    part = client.get(f"{url}bytes/", headers={"Range": "bytes=10-19"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, bytes(range(10, 20)))
    assert (part["Content-Type"], part["X-Content-Type-Options"]) == ("video/mp4", "nosniff")
    assert part["Content-Range"] == f"bytes 10-19/{video.size_bytes}"


def test_a_player_that_stands_still_holds_nobody_up(client, url, monkeypatch):
    monkeypatch.setattr("labeling.api.downloads.SMALL_BYTES", 16)
    whole = b"".join(client.get(f"{url}bytes/").streaming_content)
    parts = b""
    while len(parts) < len(whole):
        part = client.get(f"{url}bytes/", headers={"Range": f"bytes={len(parts)}-"})
        body = b"".join(part.streaming_content)
        told = f"bytes {len(parts)}-{len(parts) + len(body) - 1}/{len(whole)}"
        assert (part.status_code, part["Content-Range"]) == (206, told)
        assert 0 < len(body) <= 16
        parts += body
    assert parts == whole


def test_other_bytes_than_were_taken_in_are_not_sent(client, video, url, tmp_path):
    (tmp_path / "river.mp4").write_bytes(b"something else")
    gone = client.get(f"{url}bytes/")
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")


@pytest.mark.parametrize("asked", ["", "x", str(10**9)])
def test_similarities_are_to_an_item_of_the_corpus(client, url, asked):
    assert client.get(f"{url}similarities/", {"item": asked}).status_code == (404 if asked.isdigit() else 400)


def test_an_answer_on_the_time_line_is_one_of_the_ledger_and_can_be_undone(corpus, ann, cat, video, url):
    item = made.ItemFactory(media_file=video)
    client = APIClient()
    client.force_login(ann)
    batch = str(uuid4())
    said = {
        "operation_id": str(uuid4()), "batch": batch, "item": item.pk, "class": cat.pk,
        "answer": "accept", "base_version": 0, "mode": "timeline",
    }  # fmt: skip
    api = f"/api/v1/corpora/{corpus.pk}/"
    assert client.post(f"{api}verdicts/", {"operations": [said]}, format="json").status_code == 200
    assert client.get(f"{api}verdicts/").json()["results"][0]["mode"] == "timeline"
    assert client.get(f"{url}timeline/", {"class": cat.pk}).json()["answers"] == ["accept"]
    undone = {"batch": batch, "operation_id": str(uuid4())}
    assert client.post(f"{api}undo/", undone, format="json").status_code == 200
    assert client.get(f"{url}timeline/", {"class": cat.pk}).json()["answers"] == [""]


@pytest.fixture
def clip(corpus, tmp_path):
    """40 frames, one every 512 of 12 800 ticks a second."""
    path = make_clip(tmp_path / "clip.mp4", b_frames=2)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return made.MediaFileFactory(
        corpus=corpus, is_video=True, path=str(path), sha256=sha256, size_bytes=path.stat().st_size
    )


def test_a_span_is_a_clip_of_whole_frames_made_once_and_answered_like_any_item(corpus, ann, cat, clip):
    client = APIClient()
    client.force_login(ann)
    url = f"/api/v1/corpora/{corpus.pk}/media/{clip.pk}/"
    pts = client.get(f"{url}frames/").json()["pts"]
    asked = {"start_pts": pts[10] + 5, "stop_pts": pts[20] - 5, "class": cat.pk}
    span = client.post(f"{url}spans/", asked, format="json")
    assert span.status_code == 200, span.content
    item = Item.objects.get(pk=span.json()["item"])
    assert (item.kind, item.start_pts, item.stop_pts) == ("clip", pts[10], pts[20])
    assert (span.json()["answer"], span.json()["version"]) == ("", 0)
    record(corpus, ann, operation(item, cat, mode="timeline"))
    again = client.post(f"{url}spans/", asked | {"start_pts": pts[10]}, format="json").json()
    assert (again["item"], again["answer"], again["version"]) == (item.pk, "accept", 1)
    line = client.get(f"{url}timeline/", {"class": cat.pk}).json()
    assert (line["items"], line["kinds"], line["answers"]) == ([item.pk], ["clip"], ["accept"])


@pytest.mark.parametrize(
    ("start", "stop", "status"), [(512, 512, 409), (900, 100, 409), (10**6, 10**6 + 9, 400), (0, 10**9, 409)]
)
def test_what_is_no_span_is_refused(corpus, ann, clip, start, stop, status):
    client = APIClient()
    client.force_login(ann)
    url = f"/api/v1/corpora/{corpus.pk}/media/{clip.pk}/spans/"
    refused = client.post(url, {"start_pts": start, "stop_pts": stop}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (status, "no-such-span")
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    "path", ["frames/", "frame/?pts=0", "frame-run/?pts=0", "timeline/", "similarities/?item=1", "bytes/"]
)
def test_a_video_of_another_corpus_is_none_here(client, corpus, path):
    theirs = made.MediaFileFactory(is_video=True)
    assert client.get(f"/api/v1/corpora/{corpus.pk}/media/{theirs.pk}/{path}").status_code == 404


def test_a_class_of_another_corpus_is_none_here(client, url):
    theirs = made.LabelClassFactory()
    assert client.get(f"{url}timeline/", {"class": theirs.pk}).status_code == 404
