"""A folder of this server: every file ends with a state, none twice, none stops the others."""

import os
import shutil
from pathlib import Path

import pytest

from indexing.compute.decoder import Decoder
from indexing.compute.files import text_to_path
from indexing.compute.media_facts import MediaRefused
from indexing.compute.walk import Walk
from indexing.models import Item, MediaFile, MediaPath, ThumbnailPack
from indexing.services import ingest
from indexing.services.sources import FolderNotAllowed
from indexing.services.thumbnails import thumbnail_of, thumbnails_of
from indexing.tasks.ingest import ingest_media
from sisyphus_web.jobs.models import Job

pytestmark = pytest.mark.django_db


@pytest.fixture
def root(tmp_path, settings) -> Path:
    """An allowed folder."""
    folder = tmp_path / "media"
    folder.mkdir()
    settings.MEDIA_ROOTS = [folder]
    settings.FREE_SPACE_FLOOR_BYTES = 0
    return folder


def scan(corpus, folder, by) -> Job:
    job = ingest.start_ingest(corpus, path=str(folder), created_by=by)
    ingest_media(job.pk)
    job.refresh_from_db()
    assert job.status == "done", (job.error_code, job.error_text)
    return job


def states(corpus) -> dict[str, tuple[str, str]]:
    return {file.name: (file.state, file.reason_code) for file in corpus.media_files.all()}


EXPECTED_OF_BROKEN = {
    "badwidth.bmp": ("refused", "too-many-pixels"),
    "broken.png": ("refused", "damaged-header"),
    "car-detection-cut.mp4": ("partial", "damaged"),
    "corrupted.mp4": ("partial", "damaged"),
    "crash-0c7e0e8e11ce787078f00b5b0ca409a167f070e0.tif": ("refused", "damaged-image"),
    "decompression_bomb.gif": ("refused", "too-many-pixels"),
    "empty.jpg": ("refused", "empty"),
    "nonsense.jpg": ("refused", "unknown-format"),
    "pillars-truncated.jpg": ("refused", "damaged-image"),
    "png_decompression_dos.png": ("refused", "damaged-header"),
    "sea-cut.mkv": ("partial", "damaged"),
    "seek_too_large.tif": ("refused", "damaged-header"),
    "shortfile.bmp": ("refused", "damaged-image"),
    "syntax_num_frames_zero.png": ("refused", "damaged-image"),
    "truncated_image.png": ("refused", "damaged-image"),
    "truncated_jpeg.jpg": ("refused", "damaged-image"),
    "unknown_compression_method.png": ("refused", "damaged-header"),
    "unordered.mov": ("done", ""),
    "zero_width.gif": ("refused", "damaged-header"),
}


def test_every_broken_file_ends_with_its_state_and_a_sentence(corpus, mia, root, shared_data):
    shutil.copytree(shared_data / "bad_media" / "broken", root, dirs_exist_ok=True)
    job = scan(corpus, root, mia)
    assert states(corpus) == EXPECTED_OF_BROKEN
    for file in corpus.media_files.exclude(state="done"):
        assert file.reason.endswith("."), file
        print(f"{file.name:56} {file.state:8} {file.reason_code:16} {file.reason}")
    assert job.result["partial"] == 3
    assert job.result["refused"] == 15
    assert job.result["done"] == 1


def test_every_odd_but_valid_file_is_taken_or_refused_with_what_to_do(corpus, mia, root, shared_data):
    shutil.copytree(shared_data / "bad_media" / "odd_but_valid", root, dirs_exist_ok=True)
    scan(corpus, root, mia)
    for file in corpus.media_files.order_by("name"):
        print(f"{file.name:32} {file.state:8} {file.notes} {file.reason}")
    refused = {name for name, (state, _) in states(corpus).items() if state != "done"}
    assert refused == {"frozenpond.mpo", "rot3mir0.avif"}
    assert "Save it as JPEG or PNG" in corpus.media_files.get(name="rot3mir0.avif").reason
    assert corpus.media_files.get(name="iss634.webp").notes == ["the first of 42 frames was taken"]


def test_a_second_scan_reads_nothing_and_changes_nothing(corpus, mia, root, shared_data):
    for name in ("llama", "crab"):
        shutil.copytree(shared_data / "photos" / name, root / name)
    first = scan(corpus, root, mia)
    before = list(Item.objects.order_by("pk").values_list("pk", "perceptual_hash"))
    again = scan(corpus, root, mia)
    assert first.result["new"] == len(before) == 20
    assert again.result["unchanged"] == 20
    assert again.result["new"] == 0
    assert list(Item.objects.order_by("pk").values_list("pk", "perceptual_hash")) == before


def test_a_moved_and_a_doubled_file_are_known_by_content(corpus, mia, root, shared_data):
    photos = sorted((shared_data / "photos" / "llama").iterdir())[:3]
    for photo in photos:
        shutil.copy(photo, root)
    scan(corpus, root, mia)
    shutil.copy(photos[0], root / "twin.jpg")
    (root / "sub").mkdir()
    (root / photos[1].name).rename(root / "sub" / "moved.jpg")
    again = scan(corpus, root, mia)
    assert corpus.media_files.count() == Item.objects.count() == 3
    assert MediaPath.objects.count() == 4
    assert again.result["already_known"] == 2
    assert again.result["gone"] == 1
    assert again.result["lost"] == 0
    moved = corpus.media_files.get(name=photos[1].name)
    assert moved.path == str(root / "sub" / "moved.jpg")


def test_a_place_with_other_bytes_is_not_read_for_the_former(corpus, mia, root, shared_data):
    first, second, third = sorted((shared_data / "photos" / "llama").iterdir())[:3]
    place = root / "a.jpg"
    shutil.copy(first, place)
    scan(corpus, root, mia)
    former = corpus.media_files.get()
    shutil.copy(second, place)
    scan(corpus, root, mia)
    former.refresh_from_db()
    assert not text_to_path(former.path).exists()
    assert corpus.media_files.exclude(pk=former.pk).get().path == str(place)
    with pytest.raises(MediaRefused) as refused, Decoder() as decoder:
        decoder.image(former.path)
    assert refused.value.code == "gone"
    shutil.copy(third, place)
    shutil.copy(first, root / "b.jpg")  # found again, elsewhere
    scan(corpus, root, mia)
    former.refresh_from_db()
    assert former.path == str(root / "b.jpg")


def test_a_lost_file_that_is_found_again_is_read_where_it_was_found(corpus, mia, root, shared_data):
    photo = next((shared_data / "photos" / "llama").iterdir())
    shutil.copy(photo, root / "a.jpg")
    scan(corpus, root, mia)
    (root / "a.jpg").unlink()
    assert scan(corpus, root, mia).result["lost"] == 1
    shutil.copy(photo, root / "b.jpg")
    scan(corpus, root, mia)
    assert corpus.media_files.get().path == str(root / "b.jpg")


def test_nothing_is_gone_below_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    for name in ("a/1.jpg", "a/b/2.jpg", "c/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    known = {"a/1.jpg": (1, 1), "a/b/2.jpg": (1, 1), "c/4.jpg": (1, 1)}
    scandir = os.scandir

    def away(path):  # root may read everything, so chmod would not do
        if path == str(tmp_path / "a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("indexing.compute.walk.os.scandir", away)
    walk = Walk(str(tmp_path), known)
    assert [found.relative_path for found in walk.new_or_changed()] == ["c/3.jpg"]
    assert walk.gone() == ["c/4.jpg"]


def test_links_pipes_and_hidden_files_are_left_out_and_counted(corpus, mia, root, shared_data, tmp_path):
    outside = next((shared_data / "photos" / "llama").iterdir())
    (root / "link.jpg").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    os.mkfifo(root / "pipe.mp4")
    (root / ".hidden.jpg").write_bytes(b"x")
    job = scan(corpus, root, mia)
    assert corpus.media_files.count() == 0
    assert (job.result["links"], job.result["special"], job.result["hidden"]) == (2, 1, 1)


def test_names_that_are_not_utf8_are_read_and_shown(corpus, mia, root, shared_data):
    photo = next((shared_data / "photos" / "llama").iterdir())
    shutil.copy(photo, os.fsencode(root) + b"/caf\xe9.jpg")
    scan(corpus, root, mia)
    again = scan(corpus, root, mia)
    assert states(corpus).popitem()[1] == ("done", "")
    assert again.result["unchanged"] == 1


@pytest.mark.parametrize("path", ["/etc", "relative", "{root}/../..", "{root}/none"])
def test_a_folder_outside_the_roots_is_refused(corpus, mia, root, path):
    with pytest.raises(FolderNotAllowed):
        ingest.start_ingest(corpus, path=path.format(root=root), created_by=mia)


def test_a_link_out_of_the_roots_is_refused(corpus, mia, root):
    (root / "out").symlink_to("/etc")
    with pytest.raises(FolderNotAllowed, match="not below"):
        ingest.start_ingest(corpus, path=str(root / "out"), created_by=mia)


def test_videos_become_items_named_by_their_pts(corpus, mia, root, shared_data):
    shutil.copy(shared_data / "videos" / "scenes" / "one-by-one-person-detection.mp4", root)
    shutil.copy(shared_data / "videos" / "rotated" / "video_90.mov", root)
    scan(corpus, root, mia)
    long = corpus.media_files.get(name__startswith="one-by-one")
    items = list(long.items.order_by("start_pts"))
    assert len(items) == 140
    assert [item.number for item in items] == [None] * 140
    assert items[1].pts_seconds == pytest.approx(1.0)
    assert thumbnail_of(items[0])[:3] == b"\xff\xd8\xff"
    turned = corpus.media_files.get(name="video_90.mov")
    assert (turned.width_px, turned.height_px, turned.rotation_degrees) == (320, 568, 90)
    assert (turned.items.get().thumbnail_width_px, turned.items.get().thumbnail_height_px) == (144, 256)
    body = thumbnails_of(corpus, [items[3].pk, 10**9, items[0].pk])
    assert int.from_bytes(body[:4], "little") == 2
    assert body.endswith(thumbnail_of(items[0]))


def test_a_strict_corpus_refuses_damaged_videos(corpus, mia, root, shared_data):
    from indexing.services.sources import indexing_settings

    chosen = indexing_settings(corpus)
    chosen.is_strict = True
    chosen.save()
    shutil.copy(shared_data / "bad_media" / "broken" / "sea-cut.mkv", root)
    scan(corpus, root, mia)
    file = corpus.media_files.get()
    assert (file.state, file.reason_code) == ("refused", "damaged")
    assert not Item.objects.live().exists()


def test_a_killed_ingest_continues_without_doubles(corpus, mia, root, shared_data):
    shutil.copytree(shared_data / "videos" / "gestures", root, dirs_exist_ok=True)
    shutil.copytree(shared_data / "photos" / "llama", root / "llama")
    whole = scan(corpus, root, mia)
    expected = (whole.result["items"], corpus.media_files.count())
    # As if it had died amid its files: rows of some are missing, one is left pending.
    MediaPath.objects.filter(pk__in=MediaPath.objects.order_by("pk").values("pk")[:12]).delete()
    MediaFile.objects.filter(pk=corpus.media_files.filter(kind="video").first().pk).update(state="pending")
    again = scan(corpus, root, mia)
    assert (again.result["items"], corpus.media_files.count()) == expected
    assert not corpus.media_files.filter(state="pending").exists()
    assert ThumbnailPack.objects.exists()


def test_a_full_disk_ends_the_job_with_its_code(corpus, mia, root, settings):
    (root / "a.jpg").write_bytes(b"x")
    settings.FREE_SPACE_FLOOR_BYTES = 2**62
    job = ingest.start_ingest(corpus, path=str(root), created_by=mia)
    ingest_media(job.pk)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("failed", "no-space")


def test_what_follows_an_ingest_waits_for_it(corpus, mia, root):
    first = ingest.start_ingest(corpus, path=str(root), created_by=mia)
    kinds = list(corpus.jobs.order_by("pk").values_list("kind", "unmet_deps"))
    assert kinds == [("media_ingest", 0), ("features_extract", 1), ("stacks_build", 1), ("index_build", 1)]
    assert ingest.start_ingest(corpus, path=str(root), created_by=mia) == first
