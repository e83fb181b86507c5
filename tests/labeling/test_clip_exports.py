"""Exports of clips: the mp4 files hold the frames that are shown, the lists of spans say when they are."""

import csv
import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
from rest_framework.test import APIClient

from indexing.compute.decoder import Decoder
from indexing.compute.sampling import FramePolicy
from indexing.models import Item
from labeling.models import Export
from labeling.services.datasets import create_version
from labeling.services.exports import OnlyFrames, formats_of, path_of, request_export
from labeling.tasks import exports as tasks
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.data.make import make_clip
from tests.labeling.conftest import operation
from tests.labeling.test_exports import export_of, media_of
from tests.labeling.test_verdicts import record

EVERY = FramePolicy("every")
UNEVEN = [0, 40, 45, 130, 131, 400, 433, 1000, 1040, 1041, 1300, 1310, 1333, 1400, 1499]


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as decoder:
        yield decoder


def clips_of(corpus, decoder, path, spans):
    """Clip items of frames [start, stop) of a video."""
    facts, table = decoder.identify(path), decoder.frame_table(path)
    media = media_of(
        corpus,
        path,
        kind="video",
        width_px=facts.width_px,
        height_px=facts.height_px,
        duration_seconds=facts.duration_seconds,
        time_base_numerator=facts.time_base_numerator,
        time_base_denominator=facts.time_base_denominator,
    )
    ends = [*table.pts.tolist(), table.stop_pts]
    return [
        Item.objects.create(
            corpus=corpus,
            media_file=media,
            kind="clip",
            start_pts=ends[start],
            stop_pts=ends[stop],
            number=start,
            pts_seconds=table.seconds_of(ends[start]),
        )
        for start, stop in spans
    ]


@pytest.fixture
def version(corpus, ann, mia, cat, dog, decoder, tmp_path):
    """Clips of three videos: of variable rate, with B-frames, and turned; two begin at one frame."""
    folder = tmp_path / "media"
    folder.mkdir()
    uneven = make_clip(folder / "uneven.mkv", num_frames=15, pts=UNEVEN, gop=5)
    delayed = make_clip(folder / "delayed.mp4", num_frames=40, b_frames=2, gop=10)
    turned = make_clip(folder / "turned.mp4", num_frames=30, rotation=90, size=(66, 48))
    made = clips_of(corpus, decoder, uneven, [(0, 5), (3, 9), (3, 15)])
    made += clips_of(corpus, decoder, delayed, [(10, 20), (13, 27)])
    made += clips_of(corpus, decoder, turned, [(5, 12)])
    answers = ["accept", "accept", "reject", "accept", "accept", "accept"]
    record(corpus, ann, *[operation(i, cat, a) for i, a in zip(made, answers, strict=True)])
    record(corpus, ann, operation(made[1], dog), operation(made[2], dog))
    return create_version(corpus=corpus, label_classes=[cat, dog], val_share=0.2, test_share=0.2, by=mia)


def mp4s_of(export, tmp_path):
    """name -> path of every mp4 in a zip."""
    folder = tmp_path / f"export-{export.pk}"
    with zipfile.ZipFile(path_of(export)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.mp4"))}


def name_of(item):
    return f"{item.media_file.sha256[:8]}_{item.start_pts}-{item.stop_pts}"


@pytest.mark.parametrize("clip_format", Export.ClipFormat.values)
def test_every_clip_has_exactly_the_frames_that_are_shown(version, mia, decoder, tmp_path, clip_format):
    export = export_of(version, mia, format="image_folder", clip_format=clip_format)
    files = mp4s_of(export, tmp_path)
    places = set()
    for entry in version.entries.select_related("item__media_file", "label_class"):
        item, media = entry.item, entry.item.media_file
        accepted = version.entries.filter(item=item, answer="accept").exists()
        if entry.answer == "reject" and accepted:
            continue
        folder = entry.label_class.name if entry.answer == "accept" else "background"
        place = f"{entry.split}/{folder}/{name_of(item)}.mp4"
        places.add(place)
        shown = list(decoder.span(media.path, item.start_pts, item.stop_pts))
        found = list(decoder.frames(files[place], EVERY))
        tick = media.time_base_numerator / media.time_base_denominator
        wanted = [(frame.pts - item.start_pts) * tick for frame in shown]
        assert [frame.pts_seconds for frame in found] == pytest.approx(wanted, abs=1e-9)
        assert [frame.pixels.shape for frame in found] == [frame.pixels.shape for frame in shown]
        is_exact = [np.array_equal(a.pixels, b.pixels) for a, b in zip(found, shown, strict=True)]
        if clip_format == "lossless" or (clip_format == "copy" and item.number == 10):
            assert all(is_exact)
        else:
            pairs = zip(found, shown, strict=True)
            assert all(np.abs(a.pixels - b.pixels.astype(float)).mean() < 3 for a, b in pairs)
    assert places == set(files)


@pytest.mark.parametrize("form", [value for value, _ in formats_of("clip")])
def test_an_export_repeated_is_the_same_bytes(version, mia, form):
    first, second = (export_of(version, mia, format=form) for _ in range(2))
    assert path_of(first).read_bytes() == path_of(second).read_bytes()


def test_a_broken_off_export_of_clips_goes_on_with_the_same_bytes(version, mia, monkeypatch):
    monkeypatch.setattr(tasks, "CHUNK_FRAMES", 2)
    whole = path_of(export_of(version, mia, format="image_folder")).read_bytes()
    export = request_export(version=version, format="image_folder", by=mia)
    cut, num_cut = tasks._clip, 0

    def breaking(*words):
        nonlocal num_cut
        num_cut += 1
        if num_cut == 4:
            raise RuntimeError("a worker was killed")
        return cut(*words)

    monkeypatch.setattr(tasks, "_clip", breaking)
    with pytest.raises(RuntimeError):
        tasks.export_dataset(export.job_id)
    assert jobs.retry(Job.objects.get(pk=export.job_id), by=mia)
    tasks.export_dataset(export.job_id)
    export.refresh_from_db()
    assert path_of(export).read_bytes() == whole
    assert num_cut == 4 + 4  # of 6, in chunks of 2: the first chunk was kept


def test_spans_as_activitynet_has_them_and_as_a_table(version, mia):
    whole = json.loads(path_of(export_of(version, mia, format="activitynet")).read_text())
    assert [node["nodeName"] for node in whole["taxonomy"]] == ["Root", "cat", "dog"]
    database = whole["database"]
    assert set(database) == {"uneven", "delayed", "turned"}
    uneven = database["uneven"]
    told = [(*each["segment"], each["label"]) for each in uneven["annotations"]]
    assert told == [
        (0.0, 0.4, "cat"),
        (0.13, 1.041, "cat"),
        (0.13, 1.041, "dog"),
        (0.13, pytest.approx(1.5, abs=0.1), "dog"),
    ]
    assert [each["label"] for each in uneven["rejections"]] == ["cat"]
    assert uneven["duration_seconds"] == pytest.approx(1.5, abs=0.1)
    sides = {entry.item.media_file.name.split(".")[0]: entry.split for entry in version.entries.all()}
    subsets = {"train": "training", "val": "validation", "test": "testing"}
    assert {name: each["subset"] for name, each in database.items()} == {
        name: subsets[side] for name, side in sides.items()
    }
    text = path_of(export_of(version, mia, format="spans_csv")).read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == version.entries.count()
    first = next(row for row in rows if row["video"] == "uneven.mkv")
    assert (first["start_seconds"], first["stop_seconds"], first["label"]) == ("0.000000", "0.400000", "cat")
    accepted = {
        (row["media_sha256"], int(row["start_pts"]), int(row["stop_pts"]), row["label"])
        for row in rows
        if row["answer"] == "accept"
    }
    assert accepted == {
        (each["media_sha256"], *annotation["pts"], annotation["label"])
        for each in database.values()
        for annotation in each["annotations"]
    }


def test_clips_in_the_layouts_of_loaders_that_read_videos(version, mia, tmp_path):
    with zipfile.ZipFile(path_of(export_of(version, mia, format="huggingface"))) as archive:
        assert "videofolder" in archive.read("README.md").decode()
        lines = [json.loads(line) for line in archive.read("train/metadata.jsonl").splitlines()]
        for line in lines:
            assert archive.read(f"train/{line['file_name']}")[4:8] == b"ftyp"
    with tarfile.open(path_of(export_of(version, mia, format="webdataset"))) as archive:
        names = archive.getnames()
    keys = {name.partition(".")[0] for name in names}
    assert len(keys) == 6
    assert {f"{key}.mp4" for key in keys} <= set(names)


def test_formats_of_boxes_are_refused_for_clips_in_a_sentence(version, mia):
    for form in ("coco", "yolo", "voc", "fiftyone"):
        with pytest.raises(OnlyFrames, match="this version is of clips"):
            request_export(version=version, format=form, by=mia)
    client = APIClient()
    client.force_authenticate(mia)
    asked = {"dataset_version": version.pk, "format": "coco"}
    answer = client.post(f"/api/v1/corpora/{version.corpus_id}/exports/", asked, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "only-frames")
    assert not Export.objects.exists()


def test_the_page_offers_the_formats_that_hold_clips(version, mia, client):
    client.force_login(mia)
    url = f"/corpora/{version.corpus_id}/datasets/"
    page = client.get(url).content.decode()
    assert 'value="activitynet"' in page
    assert f'id="export-{version.pk}-coco"' not in page
    assert 'name="clip_format"' in page
