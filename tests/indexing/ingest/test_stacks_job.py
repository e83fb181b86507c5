"""From files to stacks: ingest, features by the built-in encoder, stacks."""

import shutil
from pathlib import Path

import pytest

from indexing.models import Item, Stack
from indexing.services import ingest
from indexing.services.sources import indexing_settings
from indexing.tasks.features import extract_features
from indexing.tasks.ingest import ingest_media
from indexing.tasks.stacks import build_stacks

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(tmp_path, settings) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    settings.MEDIA_ROOTS = [folder]
    settings.FREE_SPACE_FLOOR_BYTES = 0
    return folder


def run_chain(corpus, root, by) -> dict:
    first = ingest.start_ingest(corpus, path=str(root), created_by=by)
    ingest_media(first.pk)
    for kind, task in (("features_extract", extract_features), ("stacks_build", build_stacks)):
        job = corpus.jobs.filter(kind=kind, pk__gt=first.pk).order_by("pk").first()
        task(job.pk)
        job.refresh_from_db()
        assert job.status == "done", job.error_text
    return job.result


def test_still_runs_and_look_alike_photos_are_stacked_and_stay_stacked(corpus, mia, root, shared_data):
    chosen = indexing_settings(corpus)
    chosen.frame_policy, chosen.interval_seconds = "interval", 0.5
    chosen.save()
    shutil.copy(shared_data / "videos" / "gestures" / "again.mkv", root)
    for name in ("image_0428.jpg", "image_0429.jpg", "image_0010.jpg"):  # the first two are one picture
        shutil.copy(shared_data / "photos" / "Motorbikes" / name, root)
    result = run_chain(corpus, root, mia)
    assert result["items"] == 9
    of_photos = Stack.objects.get(media_file=None)
    assert set(of_photos.items.values_list("media_file__name", flat=True)) == {
        "image_0428.jpg",
        "image_0429.jpg",
    }
    of_video = Stack.objects.exclude(media_file=None)
    assert sum(stack.items.count() for stack in of_video) >= 5
    before = dict(Item.objects.values_list("pk", "stack"))
    shutil.copy(shared_data / "photos" / "Motorbikes" / "image_0165.jpg", root)
    run_chain(corpus, root, mia)
    after = dict(Item.objects.values_list("pk", "stack"))
    assert {pk: after[pk] for pk in before} == before


def test_feature_similarity_keeps_fewer_frames_of_a_still_video(corpus, mia, root, shared_data):
    chosen = indexing_settings(corpus)
    chosen.frame_policy, chosen.similarity_threshold = "feature_similarity", 0.8
    chosen.encoder = "builtin@1"
    chosen.save()
    shutil.copy(shared_data / "videos" / "gestures" / "again.mkv", root)
    ingest_media(ingest.start_ingest(corpus, path=str(root), created_by=mia).pk)
    file = corpus.media_files.get()
    numbers = list(file.items.order_by("start_pts").values_list("number", flat=True))
    assert (file.state, file.num_frames) == ("done", 77)
    assert numbers[0] == 0
    assert 1 <= len(numbers) < 20
