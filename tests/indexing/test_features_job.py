"""The feature job: encodes what lacks a feature, in shards, and can be stopped anywhere."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from django.db import connection
from PIL import Image

from indexing.compute.encoders.samples import dead_leaves
from indexing.compute.features import read_shard
from indexing.models import FeatureRow, FeatureSet, Item, MediaFile
from indexing.services import features as services
from indexing.tasks import features as tasks
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


def photo(corpus, folder, seed: int, *, broken: bool = False) -> Item:
    """A photo on disk, its media file and its one item."""
    buffer = io.BytesIO()
    Image.fromarray(dead_leaves(seed, 200)).save(buffer, "JPEG")
    path = folder / f"{seed}.jpg"
    path.write_bytes(b"\xff\xd8\xff no photo" if broken else buffer.getvalue())
    media_file = MediaFile.objects.create(
        corpus=corpus,
        sha256=f"{seed:064d}",
        kind=MediaFile.Kind.IMAGE,
        name=path.name,
        size_bytes=1,
        path=str(path),
        state=MediaFile.State.DONE,
        width_px=200,
        height_px=200,
    )
    return Item.objects.create(corpus=corpus, media_file=media_file)


@pytest.fixture
def items(corpus, tmp_path):
    return [photo(corpus, tmp_path, seed) for seed in range(5)]


def extract(corpus, mia, **params) -> Job:
    job = services.start_extract(corpus, created_by=mia, **params)
    tasks.extract_features(job.pk)
    job.refresh_from_db()
    return job


def stored(feature_set) -> dict[int, np.ndarray]:
    """Every stored vector by item, read through the rows as the search service reads them."""
    found = {}
    for shard in feature_set.shards.all():
        features = read_shard(services.shard_folder(feature_set), shard.sha256, shard.ids_sha256)
        rows = dict(shard.rows.values_list("row", "item_id"))
        assert [rows[row] for row in range(len(features))] == features.item_ids.tolist()
        found |= dict(zip(features.item_ids.tolist(), features.vectors, strict=True))
    return found


def test_every_item_gets_the_vector_of_its_picture(corpus, mia, items):
    from indexing.compute import encoders

    job = extract(corpus, mia)
    assert (job.status, job.units_done, job.units_total) == ("done", 5, 5)
    feature_set = corpus.feature_sets.get()
    assert (feature_set.encoder, feature_set.precision, feature_set.is_active) == ("builtin@1", "fp32", True)
    assert len(feature_set.weights_sha256) == 64
    found = stored(feature_set)
    encoder = encoders.load("builtin@1", model_dir=services.settings.MODEL_DIR)
    for item in items:
        picture = np.asarray(Image.open(item.media_file.path))
        assert found[item.pk] @ encoder.encode([picture])[0] > 0.99


def test_a_second_job_encodes_only_what_is_new(corpus, mia, items, tmp_path):
    extract(corpus, mia)
    before = set(corpus.feature_sets.get().shards.values_list("sha256", flat=True))
    photo(corpus, tmp_path, 9)
    job = extract(corpus, mia)
    assert job.result["new"] == 1
    after = set(corpus.feature_sets.get().shards.values_list("sha256", flat=True))
    assert before < after
    assert len(after) == 2


def test_a_broken_file_is_logged_and_stops_nobody(corpus, mia, items, tmp_path):
    broken = photo(corpus, tmp_path, 77, broken=True)
    job = extract(corpus, mia)
    assert (job.status, job.result["new"], job.result["failed"]) == ("done", 5, 1)
    assert job.events.filter(text__contains=f"Item {broken.pk} has no feature").exists()


def test_a_job_stopped_amid_its_work_keeps_its_shards_and_goes_on(corpus, mia, items, monkeypatch):
    monkeypatch.setattr(tasks, "PICTURES_PER_BATCH", 2)
    monkeypatch.setattr(tasks, "ROWS_PER_SHARD", 2)
    job = services.start_extract(corpus, created_by=mia)
    store, calls = services.store_features, []

    def store_then_cancel(*given):
        shard = store(*given)
        calls.append(shard)
        if len(calls) == 1:
            jobs.cancel(job, by=mia)
        return shard

    monkeypatch.setattr(services, "store_features", store_then_cancel)
    tasks.extract_features(job.pk)
    job.refresh_from_db()
    assert job.status == "cancelled"
    assert FeatureRow.objects.count() == 2
    monkeypatch.setattr(services, "store_features", store)
    assert extract(corpus, mia).result["new"] == 3
    assert len(stored(corpus.feature_sets.get())) == 5


def test_who_lost_the_job_writes_nothing(corpus, mia, items):
    from indexing.compute.features import Features, normalize
    from sisyphus_web.jobs.errors import Stopped

    job = services.start_extract(corpus, created_by=mia)
    feature_set = services.get_or_create_feature_set(
        corpus, encoder="builtin@1", weights_sha256="0" * 64, precision="fp32", width=4
    )
    features = Features(normalize(np.ones((1, 4))), np.array([items[0].pk]), "builtin@1")
    with pytest.raises(Stopped):
        services.store_features(job, feature_set, features)
    assert not FeatureRow.objects.exists()


def test_what_another_job_has_stored_meanwhile_is_not_stored_twice(corpus, mia, items):
    from indexing.compute.features import Features, normalize, read_shard

    feature_set = services.get_or_create_feature_set(
        corpus, encoder="builtin@1", weights_sha256="0" * 64, precision="fp32", width=4
    )
    ids = np.array(sorted(item.pk for item in items[:3]))
    first, second = (jobs.claim(services.start_extract(corpus, created_by=mia).pk) for _ in range(2))
    services.store_features(first, feature_set, Features(normalize(np.eye(4)[:2]), ids[:2], "builtin@1"))
    late = Features(normalize(np.eye(4)[:3]), ids, "builtin@1")
    shard = services.store_features(second, feature_set, late)
    kept = read_shard(services.shard_folder(feature_set), shard.sha256, shard.ids_sha256)
    assert kept.item_ids.tolist() == [ids[2]]
    assert services.store_features(second, feature_set, late) is None
    assert feature_set.rows.count() == 3


def test_a_missing_encoder_fails_with_a_sentence(corpus, mia, items):
    job = jobs.enqueue("features_extract", corpus=corpus, created_by=mia, encoder="torchvision:vgg11@1")
    tasks.extract_features(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "encoder-not-usable")
    assert "torchvision-vgg11.safetensors" in job.error_text


def test_a_missing_encoder_is_refused_before_any_job(corpus, mia):
    with pytest.raises(services.EncoderNotUsable, match=r"torchvision-vgg11.safetensors"):
        services.start_extract(corpus, created_by=mia, encoder="torchvision:vgg11@1")
    with pytest.raises(services.EncoderNotUsable, match="there is no encoder"):
        services.start_extract(corpus, created_by=mia, encoder="no such@1")
    with pytest.raises(services.EncoderNotUsable):
        services.start_extract(corpus, created_by=mia, encoder="file:/etc/passwd@1")


@pytest.mark.parametrize("family", ["file", "script"])
def test_a_path_is_refused_before_anything_of_it_is_read(corpus, mia, tmp_path, family):
    secret = tmp_path / "config.json"  # its own side file, were it weights
    secret.write_text('{"password": "swordfish"}')
    key = f"{family}:{secret}@1"
    with pytest.raises(services.EncoderNotUsable, match="must name a file in") as refused:
        services.start_extract(corpus, created_by=mia, encoder=key)
    assert "swordfish" not in str(refused.value)


def test_auto_goes_on_with_the_set_in_use(corpus, mia, items, settings, shared_weights, tmp_path):
    extract(corpus, mia)
    settings.MODEL_DIR.mkdir(parents=True)
    (settings.MODEL_DIR / "mobilenet_v2-imagenet.pt").symlink_to(
        shared_weights / "mobilenet_v2_imagenet_fp16.pt"
    )
    photo(corpus, tmp_path, 9)
    assert extract(corpus, mia).result["encoder"] == "builtin@1"


def test_rows_of_a_cut_box_are_of_the_box(corpus, mia, items):
    whole = items[0]
    box = Item.objects.create(
        corpus=corpus,
        media_file=whole.media_file,
        kind=Item.Kind.REGION,
        x0_px=10,
        y0_px=20,
        x1_px=90,
        y1_px=120,
    )
    extract(corpus, mia)
    found = stored(corpus.feature_sets.get())
    from indexing.compute import encoders

    encoder = encoders.load("builtin@1", model_dir=services.settings.MODEL_DIR)
    cut = np.asarray(Image.open(whole.media_file.path))[20:120, 10:90]
    assert found[box.pk] @ encoder.encode([cut])[0] > 0.99


def test_frames_of_a_video_get_the_vectors_of_their_own_times(corpus, mia, shared_data):
    from indexing.compute import encoders
    from indexing.compute.decoder import Decoder
    from indexing.compute.sampling import FramePolicy

    path = min((shared_data / "videos" / "gestures").glob("*.mkv"))
    media_file = MediaFile.objects.create(
        corpus=corpus,
        sha256="b" * 64,
        kind="video",
        name=path.name,
        size_bytes=1,
        path=str(path),
        state="done",
    )
    encoder = encoders.load("builtin@1", model_dir=services.settings.MODEL_DIR)
    wanted = {}
    with Decoder() as decoder:
        for frame in decoder.frames(
            path, FramePolicy("interval", 0.5, 1.0), min_side_px=encoder.decode_side_px
        ):
            item = Item.objects.create(
                corpus=corpus, media_file=media_file, start_pts=frame.pts, stop_pts=frame.pts + 1
            )
            wanted[item.pk] = encoder.encode([frame.pixels])[0]
    gone = Item.objects.create(corpus=corpus, media_file=media_file, start_pts=10**9, stop_pts=10**9 + 1)

    job = extract(corpus, mia)

    found = stored(corpus.feature_sets.get())
    assert (job.result["new"], job.result["failed"]) == (len(wanted), 1)
    assert job.events.filter(text__contains=f"Item {gone.pk} has no feature").exists()
    for item_id, vector in wanted.items():
        assert found[item_id] @ vector > 0.9999


def make_set(corpus, encoder: str) -> FeatureSet:
    return services.get_or_create_feature_set(
        corpus, encoder=encoder, weights_sha256="1" * 64, precision="fp32", width=4
    )


def test_the_encoders_page_says_what_is_in_use(client, corpus, vera):
    make_set(corpus, "builtin@1")
    client.force_login(vera)
    answer = client.get("/api/v1/encoders/").json()
    (builtin,) = [each for each in answer if each["key"] == "builtin@1"]
    assert (builtin["is_available"], builtin["is_auto"], builtin["used_by"]) == (True, True, [corpus.pk])
    (resnet,) = [each for each in answer if each["key"] == "resnet50-mac@1"]
    assert not resnet["is_available"]
    assert "resnet50-11ad3fa6.pth" in resnet["how_to_get"]


def test_feature_sets_say_how_many_items_they_have(client, corpus, vera, items, mia):
    extract(corpus, mia)
    client.force_login(vera)
    (found,) = client.get(f"/api/v1/corpora/{corpus.pk}/features/").json()
    assert (found["num_features"], found["num_items"], found["is_active"]) == (5, 5, True)
    assert found["title"].startswith("Built-in descriptor")


def test_a_manager_changes_the_encoder_and_the_index_follows(client, corpus, mia, items):
    client.force_login(mia)
    answer = client.post(
        f"/api/v1/corpora/{corpus.pk}/features/", {"encoder": "auto"}, content_type="application/json"
    )
    assert answer.status_code == 202
    assert answer.json()["encoder"] == "builtin@1"
    kinds = list(corpus.jobs.order_by("id").values_list("kind", "unmet_deps"))
    assert kinds == [("features_extract", 0), ("stacks_build", 1), ("index_build", 1)]


def test_a_set_that_lacks_items_is_not_switched_to(client, corpus, mia, items):
    extract(corpus, mia)
    empty = make_set(corpus, "resnet50-mac@1")
    client.force_login(mia)
    url = f"/api/v1/corpora/{corpus.pk}/features/{empty.pk}/activate/"
    answer = client.post(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "feature-set-incomplete")
    assert services.active_set(corpus).encoder == "builtin@1"
    Item.objects.update(deleted_at="2026-01-01T00:00Z")
    assert client.post(url).json()["is_active"] is True
    assert services.active_set(corpus).pk == empty.pk


def test_an_annotator_may_not_change_the_encoder(client, corpus, ann):
    client.force_login(ann)
    answer = client.post(f"/api/v1/corpora/{corpus.pk}/features/", {}, content_type="application/json")
    assert answer.status_code == 403


WORKER = """
import sys, time
import django
from django.conf import settings
database, data_dir, job_id = sys.argv[1:]
settings.DATABASES["default"]["NAME"] = database
from pathlib import Path
settings.DATA_DIR, settings.MODEL_DIR = Path(data_dir), Path(data_dir) / "models"
django.setup()
from indexing.services import features as services
from indexing.tasks import features as tasks
tasks.PICTURES_PER_BATCH = tasks.ROWS_PER_SHARD = 2
store, calls = services.store_features, []
def store_then_hang(*given):
    if calls:
        services.write_shard(services.shard_folder(given[1]), given[2])  # files without rows
        print("hanging", flush=True)
        time.sleep(600)
    calls.append(store(*given))
services.store_features = store_then_hang
tasks.extract_features(int(job_id))
"""


def test_a_worker_killed_amid_a_shard_loses_only_that_shard(corpus, mia, items, settings):
    job = services.start_extract(corpus, created_by=mia)
    command = [sys.executable, "-c", WORKER, connection.settings_dict["NAME"], settings.DATA_DIR, str(job.pk)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "sisyphus_web.settings"}
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert worker.stdout.readline() == "hanging\n"
    worker.kill()
    worker.communicate()
    assert FeatureRow.objects.count() == 2
    job.refresh_from_db()
    assert jobs.take_back(job, "its worker is gone")

    tasks.extract_features(job.pk)

    job.refresh_from_db()
    assert (job.status, job.attempt, job.result["new"]) == ("done", 2, 3)
    assert len(stored(corpus.feature_sets.get())) == 5
