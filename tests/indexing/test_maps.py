"""The map as a job and over REST: drawn, added to, lassoed."""

import os
import struct

import numpy as np
import orjson
import pytest
from django.utils import timezone

from indexing.compute.projection import lay_out, place
from indexing.models import FeatureProjection, Item, MapRegion, Source
from indexing.services import projections as services
from indexing.services.ingest import enqueue_indexing
from indexing.tasks import build_map
from sisyphus_web.jobs import services as jobs
from tests.indexing.made import add_items, clustered, make_feature_set

pytestmark = pytest.mark.django_db
WHOLE = [[-1, -1], [2, -1], [2, 2], [-1, 2]]


def draw(corpus, by, **asked):
    job = services.start_map(corpus, created_by=by, **asked)
    build_map(job.pk)
    job.refresh_from_db()
    assert job.status == "done", job.error_text
    return job


@pytest.fixture
def mapped(corpus, mia):
    feature_set = make_feature_set(corpus)
    items = add_items(feature_set, clustered(60))
    draw(corpus, mia)
    return feature_set, items


def points_of(client, corpus):
    body = client.get(f"/api/v1/corpora/{corpus.pk}/map/points/").content
    (length,) = struct.unpack_from("<I", body)
    head = orjson.loads(body[4 : 4 + length])
    at, n = 4 + length, head["count"]
    assert at % 8 == 0
    ids = np.frombuffer(body, "<f8", n, at).astype(np.int64)
    xy = np.frombuffer(body, "<u2", 2 * n, at + 8 * n).reshape(n, 2) / 65535
    sources = np.frombuffer(body, "<u2", n, at + 12 * n)
    assert len(body) == at + 14 * n
    return head, ids, xy, sources


def test_every_item_is_on_the_map_where_its_feature_belongs(corpus, mapped, client, ann):
    client.force_login(ann)
    _, items = mapped
    head, ids, xy, _ = points_of(client, corpus)
    assert ids.tolist() == sorted(item.pk for item in items)
    vectors = clustered(60).astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(xy, place(vectors, lay_out(vectors)), atol=1e-2)
    assert head["map"] == FeatureProjection.objects.get(is_current=True).pk


def test_new_items_are_added_and_old_ones_stay_where_they_are(corpus, mapped, client, mia):
    client.force_login(mia)
    feature_set, _ = mapped
    _, before_ids, before, _ = points_of(client, corpus)
    added = add_items(feature_set, clustered(20, seed=3))
    map_url = f"/api/v1/corpora/{corpus.pk}/map/"
    assert client.get(map_url).json()["map"]["num_missing"] == 20
    job = draw(corpus, mia)
    assert job.result["items"] == 20
    _, ids, after, _ = points_of(client, corpus)
    assert set(ids.tolist()) == set(before_ids.tolist()) | {item.pk for item in added}
    assert np.array_equal(after[np.isin(ids, before_ids)], before)
    assert client.get(map_url).json() == client.get(map_url).json() | {"job": None}
    assert client.get(map_url).json()["map"]["num_missing"] == 0


def test_drawing_again_with_nothing_new_changes_nothing(corpus, mapped, mia):
    before = set(FeatureProjection.objects.values_list("pk", flat=True))
    assert draw(corpus, mia).result["items"] == 0
    assert set(FeatureProjection.objects.values_list("pk", flat=True)) == before


def test_a_redrawn_map_takes_the_place_of_the_old_one_which_is_forgotten(corpus, mapped, mia):
    feature_set, _ = mapped
    add_items(feature_set, clustered(300, seed=5, num_clusters=3))
    draw(corpus, mia, redraw=True)
    only = FeatureProjection.objects.get()
    assert (only.is_current, only.num_landmarks, only.parts.count()) == (True, 360, 2)


def test_a_drawing_that_was_stopped_half_way_goes_on(corpus, mia, monkeypatch):
    feature_set = make_feature_set(corpus)
    for seed in range(3):
        add_items(feature_set, clustered(20, seed=seed))
    job = services.start_map(corpus, created_by=mia)
    real, placed = services.store_part, []

    def twice(*given):
        if len(placed) == 2:
            raise OSError("the power went")
        placed.append(given)
        real(*given)

    monkeypatch.setattr(services, "store_part", twice)
    with pytest.raises(OSError, match="power"):
        build_map(job.pk)
    assert services.current_map(corpus) is None
    monkeypatch.setattr(services, "store_part", real)
    job.refresh_from_db()
    jobs.retry(job, by=mia)
    build_map(job.pk)
    only = FeatureProjection.objects.get()
    assert only.is_current
    assert only.parts.count() == 3


def test_deleted_items_leave_the_map(corpus, mapped, client, ann):
    client.force_login(ann)
    _, items = mapped
    Item.objects.filter(pk=items[0].pk).update(deleted_at=timezone.now())
    _, ids, _, _ = points_of(client, corpus)
    assert items[0].pk not in ids.tolist()
    assert len(ids) == 59


def test_points_name_the_source_they_were_seen_in_first(corpus, mapped, client, ann, mia):
    client.force_login(ann)
    _, items = mapped
    for name in ("a", "b"):
        Source.objects.create(corpus=corpus, kind="folder", path=f"/media/{name}", created_by=mia)
    b = Source.objects.get(path="/media/b")
    for item in items[:5]:
        b.paths.create(media_file=item.media_file, relative_path=str(item.pk), size_bytes=1, mtime_ns=1)
    head, ids, _, sources = points_of(client, corpus)
    assert [each["path"] for each in head["sources"]] == ["a", "b"]
    in_b = {item.pk for item in items[:5]}
    assert [head["sources"][at]["path"] == "b" for at in sources] == [item in in_b for item in ids.tolist()]


def test_a_lasso_keeps_exactly_the_items_inside(corpus, mapped, client, ann):
    client.force_login(ann)
    _, ids, xy, _ = points_of(client, corpus)
    middle = float(np.median(xy[:, 0])) + 1e-4
    polygon = [[-1, -1], [middle, -1], [middle, 2], [-1, 2]]
    url = f"/api/v1/corpora/{corpus.pk}/map/regions/"
    made = client.post(url, {"polygon": polygon}, content_type="application/json")
    assert made.status_code == 201, made.content
    region = MapRegion.objects.get(pk=made.json()["id"])
    assert services.items_of_region(region).tolist() == ids[xy[:, 0] < middle].tolist()
    assert set(made.json()["examples"]) <= set(services.items_of_region(region).tolist())
    assert client.get(f"{url}{region.pk}/").json() == made.json()


@pytest.mark.parametrize(
    "polygon", [[[0, 0], [1, 1]], [[0, 0], [1]], "lasso", [[0, 0], [9, 9], [1, 0]], [["a", 0]] * 3]
)
def test_a_wrong_lasso_is_refused_with_words(corpus, mapped, client, ann, polygon):
    client.force_login(ann)
    url = f"/api/v1/corpora/{corpus.pk}/map/regions/"
    refused = client.post(url, {"polygon": polygon}, content_type="application/json")
    assert refused.status_code == 400
    assert "polygon" in refused.json()["fields"]


def test_an_empty_lasso_and_a_corpus_without_a_map_say_so(corpus, client, ann, mia):
    client.force_login(ann)
    url = f"/api/v1/corpora/{corpus.pk}/map/"
    assert client.get(url).json() == {"map": None, "job": None}
    assert client.get(f"{url}points/").json()["code"] == "no-map"
    body = {"polygon": WHOLE}
    assert client.post(f"{url}regions/", body, content_type="application/json").json()["code"] == "no-map"
    assert client.post(url, {}, content_type="application/json").json()["code"] == "no-features"
    add_items(make_feature_set(corpus), clustered(20))
    assert client.post(url, {}, content_type="application/json").status_code == 202
    draw(corpus, mia)
    far = {"polygon": [[1.5, 1.5], [2, 1.5], [2, 2]]}
    assert (
        client.post(f"{url}regions/", far, content_type="application/json").json()["code"] == "nothing-inside"
    )


def test_a_damaged_file_is_named(corpus, mapped, client, ann):
    client.force_login(ann)
    feature_set, _ = mapped
    part = FeatureProjection.objects.get().parts.get()
    (services.map_folder(feature_set.pk) / f"{part.sha256}.npy").write_bytes(b"no")
    refused = client.get(f"/api/v1/corpora/{corpus.pk}/map/points/")
    assert refused.json()["code"] == "map-unreadable"
    assert part.sha256 in refused.json()["detail"]


def test_files_that_no_map_names_go_after_a_day_and_no_others(corpus, mapped, mia, client, ann):
    client.force_login(ann)
    before = points_of(client, corpus)[1].tolist()
    draw(corpus, mia, redraw=True)
    folder = services.map_folder(mapped[0].pk)
    stray = folder / f"{'0' * 64}.npy"
    stray.write_bytes(b"left behind")
    young = folder / f"{'1' * 64}.npy"
    young.write_bytes(b"being written")
    for path in folder.iterdir():
        if path != young:
            os.utime(path, (1, 1))
    assert stray.name in services.remove_orphans()
    assert young.exists()
    assert points_of(client, corpus)[1].tolist() == before


def test_new_media_are_placed_by_themselves_once_there_is_a_map(corpus, mapped, mia):
    first = jobs.enqueue("media_ingest", corpus=corpus, created_by=mia, source=1)
    assert [job.kind for job in enqueue_indexing(corpus, created_by=mia, after=first)][-1] == "map_build"
