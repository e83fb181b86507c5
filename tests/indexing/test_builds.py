"""Builds: written, tested, published; damaged or half-written ones are refused."""

import json
import random
import shutil

import numpy as np
import pytest
from django.utils import timezone

from indexing.compute import builds
from indexing.compute.builds import open_build, write_build
from indexing.compute.manifests import BuildRefused, read_manifest, set_hash
from indexing.models import FeatureIndex, Item
from indexing.services import builds as services
from indexing.tasks import build_index
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.indexing.made import add_items, clustered, make_feature_set

IDS = np.arange(2000) * 3 + 5


def by_codes(num, width):
    return [f"PQ{width // 4}x4fs", f"PQ{width // 2}x4fs", "SQfp16"]


def make(folder, xb, **more):
    blocks = [(IDS[:700], xb[:700]), (IDS[700 : len(xb)], xb[700:])]
    return write_build(folder, blocks, encoder="e@1", weights_sha256="w", shard_ids=[1, 2], **more)


@pytest.fixture(scope="module")
def xb():
    return clustered(2000, 64)


@pytest.mark.parametrize("factories", [builds.factories_for, by_codes])
def test_a_build_is_what_its_manifest_says(tmp_path, xb, factories):
    manifest = make(tmp_path / "b", xb, factories=factories)
    opened = open_build(tmp_path / "b")
    assert opened.manifest == manifest == read_manifest(tmp_path / "b")
    assert (manifest.num_vectors, manifest.num_items, manifest.width) == (2000, 2000, 64)
    assert manifest.item_ids_sha256 == set_hash(IDS[::-1])
    assert opened.item_ids.tolist() == IDS.tolist()
    assert (opened.codes is None) == (factories is builds.factories_for)
    np.testing.assert_allclose(opened.exact.vectors_of(np.arange(2000)), xb, atol=1e-3)


def test_measured_recall_is_the_recall_there_is(tmp_path, xb):
    manifest = make(tmp_path / "b", xb, factories=by_codes)
    opened = open_build(tmp_path / "b")
    hits = 0
    for row in range(0, 2000, 20):
        true = set(np.argsort(-(xb @ xb[row]))[:100])
        got = opened.codes.nearest(xb[row], num_candidates=100 * manifest.candidate_factor).rows[:100]
        hits += len(true & set(got))
    assert manifest.recall_at_100 == pytest.approx(hits / 100 / 100, abs=0.02)
    assert manifest.recall_at_100 >= builds.RECALL_FLOOR
    assert manifest.recall_num_queries == 200


def test_codes_that_find_too_little_give_way_to_stronger_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "CANDIDATE_FACTORS", (1, 2))
    noise = clustered(2000, 64, num_clusters=1, spread=8.0)  # nothing to compress
    manifest = make(tmp_path / "b", noise, factories=lambda num, width: ["PQ4x4fs", "SQfp16"])
    assert manifest.factory == "SQfp16"
    assert manifest.recall_at_100 == 1
    assert open_build(tmp_path / "b").codes is None
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "ids.npy",
        "index.faiss",
        "manifest.json",
    ]


def test_no_structure_that_is_good_enough_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(builds, "CANDIDATE_FACTORS", (1, 2))
    noise = clustered(2000, 64, num_clusters=1, spread=8.0)
    with pytest.raises(BuildRefused, match="no structure reaches"):
        make(tmp_path / "b", noise, factories=lambda num, width: ["PQ4x4fs"])


def test_nothing_to_build_from_is_an_error(tmp_path):
    with pytest.raises(BuildRefused, match="no vectors"):
        write_build(tmp_path / "b", [], encoder="e@1", weights_sha256="", shard_ids=[])


@pytest.mark.parametrize("name", ["index.faiss", "vectors.faiss", "ids.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["four bits", "cut short", "zero tail", "gone"])
def test_a_damaged_file_is_refused(tmp_path, xb, name, damage):
    folder = tmp_path / "b"
    make(folder, xb, factories=by_codes)
    sha256 = services.sha256_of(folder / "manifest.json")
    open_build(folder, manifest_sha256=sha256)
    path, dice = folder / name, random.Random(f"{name}{damage}")
    content = bytearray(path.read_bytes())
    if damage == "four bits":
        for _ in range(4):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    elif damage == "cut short":
        del content[-dice.randrange(1, len(content)) :]
    else:
        content[-100:] = bytes(100)
    path.write_bytes(content)
    if damage == "gone":
        path.unlink()
    with pytest.raises(BuildRefused):
        open_build(folder, manifest_sha256=sha256)


def test_a_build_of_another_faiss_is_refused(tmp_path, xb):
    make(tmp_path / "b", xb)
    path = tmp_path / "b" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"faiss_version": "1.0.0"}))
    with pytest.raises(BuildRefused, match="build anew"):
        open_build(tmp_path / "b")


@pytest.mark.parametrize(
    ("num_vectors", "width", "first"),
    [(50_000, 512, "Flat"), (50_001, 512, "PQ128x4fs"), (10**6, 127, "SQfp16")],
)
def test_the_structure_goes_by_size(num_vectors, width, first):
    assert builds.factories_for(num_vectors, width)[0] == first


# The job


@pytest.fixture
def feature_set(corpus):
    return make_feature_set(corpus)


@pytest.fixture
def items(feature_set):
    return add_items(feature_set, clustered(120)) + add_items(feature_set, clustered(60, seed=1))


def build(corpus):
    job = jobs.enqueue("index_build", corpus=corpus, created_by=None)
    build_index(job.pk)
    job.refresh_from_db()
    return job


@pytest.mark.django_db(transaction=True)
def test_the_job_publishes_a_build_of_everything(corpus, items, data_dir):
    job = build(corpus)
    assert job.status == Job.Status.DONE, job.error_text
    published = FeatureIndex.objects.get()
    assert job.result["build"] == str(published.pk)
    opened = open_build(services.build_folder(published.pk), manifest_sha256=published.manifest_sha256)
    assert opened.item_ids.tolist() == [item.pk for item in items]
    assert published.is_published
    assert published.recall_at_100 == 1
    assert not any((data_dir / "runs").iterdir())
    assert services.problems(with_hashes=True) == []


@pytest.mark.django_db(transaction=True)
def test_the_job_done_twice_builds_once(corpus, items):
    first, second = build(corpus), build(corpus)
    assert second.result == {"build": first.result["build"], "reason": "still right"}
    build_index(first.pk)  # a message delivered twice
    assert FeatureIndex.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_build_takes_over_and_only_the_one_before_is_kept(corpus, feature_set, items):
    made = []
    for seed in (2, 3, 4):
        made.append(build(corpus).result["build"])
        add_items(feature_set, clustered(10, seed=seed))
    assert [str(each.pk) for each in FeatureIndex.objects.order_by("created_at")] == made[1:]
    assert str(FeatureIndex.objects.get(is_published=True).pk) == made[2]
    assert [services.build_folder(each).exists() for each in made] == [False, True, True]


@pytest.mark.django_db(transaction=True)
def test_deleted_items_are_not_in_a_new_build(corpus, items):
    first = build(corpus).result["build"]
    Item.objects.filter(pk__in=[item.pk for item in items[:5]]).update(deleted_at=timezone.now())
    items[7].media_file.deleted_at = timezone.now()
    items[7].media_file.save()
    assert services.problems() == []  # tombstones, masked by the search service
    second = build(corpus).result["build"]
    assert second != first
    assert FeatureIndex.objects.get(pk=second).num_vectors == 174


@pytest.mark.django_db(transaction=True)
def test_without_features_the_job_ends_well_and_says_so(corpus):
    job = build(corpus)
    assert (job.status, job.result["build"]) == (Job.Status.DONE, None)
    with pytest.raises(services.NoFeatures):
        services.start_build(corpus, created_by=None)


@pytest.mark.django_db(transaction=True)
def test_a_job_taken_away_publishes_nothing(corpus, items, monkeypatch):
    """Cancelled at the last moment: between the build's self-test and its publication."""
    job = jobs.enqueue("index_build", corpus=corpus, created_by=None)
    publish = services.publish

    def cancelled_first(*args):
        Job.objects.filter(pk=job.pk).update(status="cancelled", finished_at=timezone.now(), lease_until=None)
        return publish(*args)

    monkeypatch.setattr(services, "publish", cancelled_first)
    build_index(job.pk)
    assert FeatureIndex.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_damaged_shard_fails_the_job_by_name(corpus, feature_set, items):
    shard = feature_set.shards.first()
    (services.settings.DATA_DIR / "features" / str(feature_set.pk) / f"{shard.sha256}.npy").write_bytes(
        b"no array"
    )
    job = build(corpus)
    assert (job.status, job.error_code) == (Job.Status.FAILED, "shard-unreadable")
    assert shard.sha256 in job.error_text


@pytest.mark.django_db(transaction=True)
def test_the_audit_names_what_is_wrong_with_a_published_build(corpus, items):
    published = build(corpus).result["build"]
    folder = services.build_folder(published)
    content = bytearray((folder / "index.faiss").read_bytes())
    content[-1] ^= 1
    (folder / "index.faiss").write_bytes(content)
    assert services.problems() == []
    assert "damaged" in services.problems(with_hashes=True)[0]
    items[3].features.all().delete()
    assert "1 live items that have no features" in services.problems()[0]
    shutil.rmtree(folder)
    assert "is missing" in services.problems()[0]


@pytest.mark.django_db(transaction=True)
def test_folders_without_a_row_are_removed_after_a_day(corpus, items, monkeypatch):
    published = build(corpus).result["build"]
    orphan = services.build_folder("00000000-0000-0000-0000-000000000000")
    orphan.mkdir()
    assert services.remove_orphans() == []
    monkeypatch.setattr(services, "ORPHAN_SECONDS", -1)
    assert services.remove_orphans() == [orphan.name]
    assert services.build_folder(published).exists()


# Over REST


@pytest.mark.django_db(transaction=True)
def test_builds_are_listed_and_started_over_rest(corpus, items, client, mia, vera):
    client.force_login(mia)
    url = f"/api/v1/corpora/{corpus.pk}/indexes/"
    started = client.post(url)
    assert started.status_code == 202
    build_index(started.json()["job"])
    client.force_login(vera)
    answer = client.get(url).json()
    assert [each["factory"] for each in answer["builds"]] == ["Flat"]
    assert answer["serving"] is None  # no search service runs here
    assert client.post(url).status_code == 403


@pytest.mark.django_db
def test_a_full_disk_ends_the_build_with_its_code_and_nothing_published(corpus, xb, mia, settings):
    add_items(make_feature_set(corpus, width=64), xb[:50])
    settings.FREE_SPACE_FLOOR_BYTES = 2**62
    job = services.start_build(corpus, created_by=mia)
    build_index(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "no-space")
    assert not FeatureIndex.objects.exists()
