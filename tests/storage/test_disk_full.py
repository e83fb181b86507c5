"""A disk that is really full, amid an ingest, an extraction, a build and an export: a small one is mounted.

The job fails and says what to do, nothing half-written is left to be read, and once there is room it goes on.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexing.models import FeatureIndex, IndexingSettings, Item, MediaFile
from indexing.services import builds, features
from indexing.services.sources import folder_source
from indexing.services.thumbnails import thumbnail_of
from indexing.tasks import build_index, extract_features, ingest_media
from labeling.models import LabelClass
from labeling.services.datasets import create_version
from labeling.services.exports import path_of, request_export
from labeling.services.verdicts import record_verdicts
from labeling.tasks import export_dataset
from sisyphus_web import audit
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.indexing.made import add_items, clustered, make_feature_set
from tests.labeling.conftest import operation

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Disk:
    """A small file system, in memory."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def leave(self, kib: int) -> None:
        """Fill it until that much is free."""
        stat = os.statvfs(self.place)
        free = stat.f_bavail * stat.f_frsize
        with (self.place / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(4096, free - kib * 1024))

    def empty(self) -> None:
        (self.place / "ballast").unlink()


@pytest.fixture
def disk(tmp_path, settings) -> Iterator[Disk]:
    place = tmp_path / "small disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"needs to mount a small disk, which is refused here: {mounted.stderr.strip()}")
    settings.DATA_DIR = place
    settings.FREE_SPACE_FLOOR_BYTES = 0  # the floor would stop the job before the disk is full
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fails_then_goes_on(job: Job, work: Callable[[int], None], disk: Disk, *, kib_left: int) -> None:
    """Run `job` on a disk with too little room, and again when there is enough."""
    disk.leave(kib_left)
    work(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "no-space"), (job.status, job.error_text)
    assert "Free space in the data directory" in job.advice
    assert audit.check() == []
    left = [path for path in disk.place.rglob("*") if path.is_file() and path.name != "ballast"]
    assert not [path for path in left if "runs" not in path.parts and path.name.startswith(".")]
    disk.empty()
    assert jobs.retry(job, by=None)
    work(job.pk)
    job.refresh_from_db()
    assert job.status == "done", (job.error_code, job.error_text)
    assert audit.check() == []


@pytest.fixture
def given(corpus, mia, tmp_path, settings, shared_data):
    """A folder of photos and a video, as a source of the corpus whose every frame is wanted."""
    folder = tmp_path / "given"
    folder.mkdir()
    for photo in sorted((shared_data / "photos").glob("*/*.jpg"))[::100][:20]:
        shutil.copyfile(photo, folder / f"{photo.parent.name}-{photo.name}")
    shutil.copyfile(shared_data / "videos" / "gestures" / "again.mkv", folder / "again.mkv")
    settings.MEDIA_ROOTS = [folder]
    IndexingSettings.objects.create(corpus=corpus, frame_policy=IndexingSettings.FramePolicy.EVERY)
    return folder_source(corpus, path=str(folder), created_by=mia)


def test_an_ingest_on_a_full_disk_goes_on_when_there_is_room(corpus, given, disk):
    job = jobs.enqueue("media_ingest", corpus=corpus, source=given.pk)
    fails_then_goes_on(job, ingest_media, disk, kib_left=120)
    assert set(MediaFile.objects.values_list("state", flat=True)) == {"done"}
    assert MediaFile.objects.count() == 21
    for item in Item.objects.live().select_related("thumbnail_pack"):
        assert thumbnail_of(item).startswith(b"\xff\xd8")


def test_an_extraction_on_a_full_disk_goes_on_when_there_is_room(corpus, given, disk):
    ingest_media(jobs.enqueue("media_ingest", corpus=corpus, source=given.pk).pk)
    job = jobs.enqueue("features_extract", corpus=corpus, encoder="builtin@1")
    fails_then_goes_on(job, extract_features, disk, kib_left=8)
    (feature_set,) = features.with_counts(corpus.feature_sets.all())
    assert feature_set.num_features == feature_set.num_items > 20


def test_a_build_on_a_full_disk_goes_on_when_there_is_room(corpus, disk):
    add_items(make_feature_set(corpus, width=256), clustered(2000, 256))
    job = jobs.enqueue("index_build", corpus=corpus)
    fails_then_goes_on(job, build_index, disk, kib_left=200)
    assert FeatureIndex.objects.get(is_published=True).num_vectors == 2000
    assert builds.problems(with_hashes=True) == []


def test_an_export_on_a_full_disk_goes_on_when_there_is_room(corpus, given, disk, ann, mia):
    ingest_media(jobs.enqueue("media_ingest", corpus=corpus, source=given.pk).pk)
    bird = LabelClass.objects.create(corpus=corpus, name="bird", created_by=mia)
    said = [operation(item, bird) for item in Item.objects.live().filter(corpus=corpus).order_by("pk")[:60]]
    record_verdicts(corpus=corpus, annotator=ann, operations=said)
    version = create_version(corpus=corpus, label_classes=[bird], val_share=0.2, test_share=0.2, by=mia)
    export = request_export(version=version, format="image_folder", by=mia)
    fails_then_goes_on(export.job, export_dataset, disk, kib_left=300)
    export.refresh_from_db()
    assert path_of(export).stat().st_size == export.size_bytes
