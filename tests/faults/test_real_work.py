"""Workers killed amid an ingest and an export of real videos and photos: as if nothing had happened."""

import io
import os
import shutil
import signal
from pathlib import Path

import pytest
from PIL import Image

from indexing.models import IndexingSettings, Item, MediaFile, MediaPath
from indexing.services.sources import folder_source
from indexing.services.thumbnails import thumbnail_of
from labeling.models import Export, LabelClass
from labeling.services.datasets import create_version
from labeling.services.exports import path_of, request_export
from labeling.services.verdicts import record_verdicts
from sisyphus_web.accounts.models import Corpus
from sisyphus_web.jobs import services
from sisyphus_web.jobs.models import Job, JobAttempt
from tests.faults.conftest import Site, at_chunk, is_alive, is_done, is_running, pid_of, until
from tests.labeling.conftest import operation

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
NUM_PHOTOS = 40
VIDEOS = ("gestures/again.mkv", "gestures/bird.mkv", "gestures/book.mkv", "codecs/sea-360p.webm")
BROKEN = ("truncated_jpeg.jpg", "sea-cut.mkv", "empty.jpg")


@pytest.fixture
def given(data_dir, shared_data) -> Path:
    """Photos, videos, broken files and one that lies there twice, under an allowed root."""
    folder = data_dir / "given"
    folder.mkdir()
    for photo in sorted((shared_data / "photos").glob("*/*.jpg"))[::60][:NUM_PHOTOS]:
        shutil.copyfile(photo, folder / f"{photo.parent.name}-{photo.name}")
    for name in VIDEOS:
        shutil.copyfile(shared_data / "videos" / name, folder / Path(name).name)
    for name in BROKEN:
        shutil.copyfile(shared_data / "bad_media" / "broken" / name, folder / name)
    shutil.copyfile(folder / "again.mkv", folder / "the same again.mkv")
    return folder


def ingest(corpus: Corpus, folder: Path) -> Job:
    IndexingSettings.objects.create(corpus=corpus, frame_policy=IndexingSettings.FramePolicy.EVERY)
    source = folder_source(corpus, path=str(folder), created_by=corpus.created_by)
    return services.enqueue("media_ingest", corpus=corpus, source=source.pk)


def taken_in(corpus: Corpus) -> dict[str, tuple[object, ...]]:
    """Everything a corpus knows of each file, by its bytes: state, reason, places, items, thumbnails."""
    found = {}
    for media in MediaFile.objects.filter(corpus=corpus):
        items = Item.objects.live().filter(media_file=media).select_related("thumbnail_pack")
        found[media.sha256] = (
            media.kind, media.state, media.reason_code, media.reason, media.num_frames, media.notes,
            sorted(MediaPath.objects.filter(media_file=media).values_list("relative_path", flat=True)),
            sorted((item.start_pts, item.number, item.pts_seconds, _seen(item)) for item in items),
        )  # fmt: skip
    return found


def _seen(item: Item) -> tuple[int, int, bytes]:
    """The item's thumbnail, decoded."""
    with Image.open(io.BytesIO(thumbnail_of(item))) as picture:
        return (*picture.size, picture.resize((8, 8)).tobytes())


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_process(job: Job) -> None:
    """Kill the job's process, as the kernel does when memory is short; what it started ends as well."""
    pid = pid_of(job)
    started = children_of(pid)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, [pid, *started])))


def kill_worker(site: Site) -> None:
    """Kill the worker with all its processes, as a power cut does, and start another."""
    site.kill(site.worker)
    site.start_worker()


def outcomes(job: Job) -> list[str]:
    return list(JobAttempt.objects.filter(job=job).order_by("number").values_list("outcome", flat=True))


def test_an_ingest_whose_workers_are_killed_takes_in_every_file_once(site, corpus, mia, given):
    undisturbed = Corpus.objects.create(name="undisturbed", created_by=mia)
    reference = ingest(undisturbed, given)
    until(lambda: is_done(reference), seconds=240)
    expected = taken_in(undisturbed)
    assert len(expected) == NUM_PHOTOS + len(VIDEOS) + len(BROKEN)

    job = ingest(corpus, given)
    amid_a_video = MediaFile.objects.filter(corpus=corpus, state=MediaFile.State.PENDING)
    until(lambda: is_running(job) and amid_a_video.exists(), every=0.01)
    until(lambda: children_of(pid_of(job)), every=0.01)  # it decodes in a process of its own
    kill_process(job)
    until(lambda: is_running(job) and job.attempt == 2 and amid_a_video.exists(), every=0.01)
    kill_worker(site)
    until(lambda: is_done(job), seconds=240)
    assert outcomes(job) == ["lost", "lost", "done"]
    assert taken_in(corpus) == expected
    pts = Item.objects.live().filter(corpus=corpus).values_list("media_file", "start_pts")
    assert len(set(pts)) == len(pts)


def test_an_export_whose_workers_are_killed_has_the_same_bytes(site, corpus, mia, ann, given):
    taken = ingest(corpus, given)
    until(lambda: is_done(taken), seconds=240)
    bird = LabelClass.objects.create(corpus=corpus, name="bird", created_by=mia)
    said = [operation(item, bird) for item in Item.objects.live().filter(corpus=corpus).order_by("pk")]
    for start in range(0, len(said), 100):
        record_verdicts(corpus=corpus, annotator=ann, operations=said[start : start + 100])
    version = create_version(corpus=corpus, label_classes=[bird], val_share=0.2, test_share=0.2, by=mia)

    def export() -> Export:
        return request_export(version=version, format="image_folder", by=mia)

    undisturbed = export()
    until(lambda: is_done(undisturbed.job), seconds=240)

    with site.gate_shut():
        hurt = export()
        until(lambda: at_chunk(hurt.job, 60), every=0.01)
        kill_process(hurt.job)
        until(lambda: at_chunk(hurt.job, 160) and hurt.job.attempt == 2)
        assert not path_of(hurt).exists()
        kill_worker(site)
    until(lambda: is_done(hurt.job), seconds=240)
    assert outcomes(hurt.job) == ["lost", "lost", "done"]
    assert path_of(hurt).read_bytes() == path_of(undisturbed).read_bytes()
    hurt.refresh_from_db()
    undisturbed.refresh_from_db()
    assert hurt.sha256 == undisturbed.sha256
    assert [path.name for path in path_of(hurt).parent.iterdir()] == [hurt.file_name]
    until(lambda: not (site.folder / "runs" / str(hurt.job_id)).exists())  # right after the end is published
