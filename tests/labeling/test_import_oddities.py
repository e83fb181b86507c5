"""Imports of what nobody expects: odd lines never end them, nor are they counted wrong."""

import json
import os
import zipfile

import numpy as np
import pytest
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.models import CurrentVerdict, LabelImport
from labeling.services import imports
from labeling.tasks import imports as tasks
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
from tests.indexing.made import add_shard, make_feature_set
from tests.labeling.conftest import photo
from tests.labeling.test_imports import report_of, run, taken


@pytest.fixture
def frame(corpus) -> Item:
    return Item.objects.create(corpus=corpus, media_file=photo(corpus, "a.jpg"))


def test_odd_lines_are_rejected_one_by_one(corpus, mia, frame, tmp_path):
    odd = {"media_name": "a.jpg", "class": "cat"}
    box = {"x0_px": "nan", "y0_px": 0, "x1_px": "inf", "y1_px": 9}
    lines = [
        odd | {"media_name": "a\x00.jpg"},
        odd | {"media_name": "nowhere\rat all.jpg"},
        odd | {"answer": "x" * 200_000},
        odd | {"class": "y" * 200_000},
        odd | box,
        odd | {"media_name": 7},
        odd,
    ]
    (tmp_path / "l.jsonl").write_text("\n".join(map(json.dumps, lines)))
    made = taken(corpus, mia, tmp_path / "l.jsonl", boxes="frames")
    assert [row["reason"] for row in report_of(made)] == [
        "unreadable", "unknown-media", "unknown-answer", "bad-class", "bad-box", "unknown-media", "",
    ]  # fmt: skip
    assert (made.counts["lines"], made.counts["taken"]) == (7, 1)


def test_a_file_name_that_is_no_text_is_a_line_of_the_report(corpus, mia, tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / os.fsdecode(b"\xff.jpg")).write_bytes(b"picture")
    made = taken(corpus, mia, tmp_path, format="image_folder")
    assert made.counts["rejected"] == {"unreadable": 1}


@pytest.mark.parametrize("num_lines", [1, 1_000])
def test_the_first_line_counts_however_far_away_the_next_is(
    corpus, mia, frame, tmp_path, monkeypatch, num_lines
):
    monkeypatch.setattr(tasks, "CHUNK_LINES", num_lines)
    (tmp_path / "l.csv").write_text(
        "path,class,answer\na.jpg,cat,accept\na.jpg,cat,reject\na.jpg,cat,accept\n"
    )
    said = [("taken", ""), ("rejected", "contradicts"), ("skipped", "said-twice")]
    seen = run(imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.csv"))
    assert [(row["outcome"], row["reason"]) for row in report_of(seen)] == said
    made = taken(corpus, mia, tmp_path / "l.csv")
    assert [(row["outcome"], row["reason"]) for row in report_of(made)] == said
    assert CurrentVerdict.objects.get().answer == "accept"


def test_a_preview_that_was_broken_off_names_every_new_class(corpus, mia, frame, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks, "CHUNK_LINES", 1)
    (tmp_path / "l.csv").write_text("path,class\na.jpg,one\na.jpg,=two\n")
    made: LabelImport = imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.csv")
    lines, real = [], tasks._lines

    def breaking(outcomes):
        lines.append(len(outcomes))
        if len(lines) == 2:
            raise OSError("the plug was pulled")
        return real(outcomes)

    monkeypatch.setattr(tasks, "_lines", breaking)
    with pytest.raises(OSError, match="plug"):
        tasks.import_labels(made.job_id)
    assert jobs.retry(Job.objects.get(pk=made.job_id), by=mia)
    run(made)
    assert made.preview["new_classes"] == ["one", "=two"]
    assert made.preview["classes"] == {"one": {"accept": 1}, "=two": {"accept": 1}}


def test_a_step_asked_for_twice_with_one_key_is_one_step(corpus, mia, frame, tmp_path):
    (tmp_path / "l.csv").write_text("path,class\na.jpg,cat\n")
    made = run(imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.csv"))
    client = APIClient()
    client.force_login(mia)
    for step in ("take", "undo"):
        address = f"/api/v1/corpora/{corpus.pk}/imports/{made.pk}/{step}/"
        first, again = (client.post(address, headers={"Idempotency-Key": step}) for _ in range(2))
        assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
        tasks.import_labels(first.json()["job"])


def test_a_failed_step_tried_again_after_a_later_one_changes_nothing(
    corpus, mia, frame, tmp_path, monkeypatch
):
    (tmp_path / "l.csv").write_text("path,class\na.jpg,cat\n")

    def breaking(*_):
        raise OSError("the plug was pulled")

    made = imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.csv", is_dry=False)
    failed = Job.objects.get(pk=made.job_id)
    with monkeypatch.context() as broken:
        broken.setattr(tasks, "_write_report", breaking)
        with pytest.raises(OSError, match="plug"):
            tasks.import_labels(failed.pk)
    made = run(imports.take_import(made, by=mia))
    made = run(imports.undo_import(made, by=mia))
    assert jobs.retry(Job.objects.get(pk=failed.pk), by=mia)
    tasks.import_labels(failed.pk)
    failed.refresh_from_db()
    made.refresh_from_db()
    assert (failed.status, failed.error_code, made.state) == ("failed", "wrong-state", "undone")
    assert not CurrentVerdict.objects.exclude(answer="").exists()


def test_a_box_that_stands_twice_far_apart_is_one_region_in_the_preview_too(
    corpus, mia, frame, tmp_path, monkeypatch
):
    monkeypatch.setattr(tasks, "CHUNK_LINES", 1)
    other = Item.objects.create(corpus=corpus, media_file=photo(corpus, "b.jpg"))
    add_region(other)
    box = {"x0_px": 1, "y0_px": 1, "x1_px": 9, "y1_px": 9, "media_name": "a.jpg", "class": "cat"}
    (tmp_path / "l.jsonl").write_text("\n".join(map(json.dumps, [box, box])))
    seen = run(imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.jsonl"))
    assert (seen.preview["taken"], seen.preview["skipped"]) == (1, {"said-twice": 1})


def add_region(frame: Item) -> Item:
    corners = {"x0_px": 0, "y0_px": 0, "x1_px": 5, "y1_px": 5}
    return Item.objects.create(
        corpus=frame.corpus, media_file=frame.media_file, kind=Item.Kind.REGION, **corners
    )


def test_regions_of_an_import_get_features_by_a_job_that_is_told(corpus, mia, frame, tmp_path):
    used = make_feature_set(corpus)
    other = Item.objects.create(corpus=corpus, media_file=photo(corpus, "b.jpg"))
    add_shard(used, [other, add_region(other)], np.eye(2, 8, dtype=np.float32))
    line = {"media_name": "b.jpg", "class": "cat"}
    (tmp_path / "l.jsonl").write_text(json.dumps(line))
    assert "features_job" not in taken(corpus, mia, tmp_path / "l.jsonl").counts  # every region has one
    box = {"x0_px": 1, "y0_px": 1, "x1_px": 9, "y1_px": 9, "media_name": "a.jpg", "class": "cat"}
    (tmp_path / "m.jsonl").write_text(json.dumps(box))
    made = taken(corpus, mia, tmp_path / "m.jsonl")
    assert made.counts["regions_to_encode"] == 1
    assert Job.objects.get(pk=made.counts["features_job"]).kind == "features_extract"


def test_a_class_whose_lines_are_all_rejected_is_not_made(corpus, mia, frame, tmp_path):
    (tmp_path / "l.csv").write_text("path,class\na.jpg,cat\nnowhere.jpg,dog\n")
    seen = run(imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.csv"))
    assert seen.preview["new_classes"] == ["cat"]
    taken(corpus, mia, tmp_path / "l.csv")
    assert [each.name for each in corpus.label_classes.all()] == ["cat"]


def test_a_damaged_member_of_a_zip_is_one_line_and_the_others_are_read(corpus, mia, frame, tmp_path):
    path = tmp_path / "labels.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "path,class\na.jpg,cat\n")
        archive.writestr("b.csv", "path,class\na.jpg,dog\n" + "# " * 50)
        archive.writestr("c.csv", "path,class\na.jpg,bird\n")
    data = bytearray(path.read_bytes())
    data[data.index(b"a.jpg,dog")] ^= 255  # its check sum is wrong now
    path.write_bytes(data)
    made = taken(corpus, mia, path)
    assert [(row["place"], row["outcome"], row["reason"]) for row in report_of(made)] == [
        ("a.csv, line 2", "taken", ""), ("b.csv", "rejected", "unreadable"), ("c.csv, line 2", "taken", ""),
    ]  # fmt: skip


@pytest.mark.parametrize("ends", ["failed", "cancelled"])
def test_what_a_broken_off_import_has_taken_can_be_taken_back_at_once(
    corpus, mia, frame, tmp_path, monkeypatch, ends
):
    monkeypatch.setattr(tasks, "CHUNK_LINES", 1)
    (tmp_path / "l.csv").write_text("path,class\na.jpg,one\na.jpg,two\na.jpg,three\n")
    made = imports.request_import(corpus=corpus, by=mia, local=tmp_path / "l.csv", is_dry=False)
    real, lines = tasks._lines, []

    def breaking(outcomes):
        lines.append(outcomes)
        if len(lines) == 2 and ends == "failed":
            raise OSError("the plug was pulled")
        if len(lines) == 2:
            assert jobs.cancel(Job.objects.get(pk=made.job_id), by=mia)
        return real(outcomes)

    with monkeypatch.context() as broken:
        broken.setattr(tasks, "_lines", breaking)
        if ends == "failed":
            with pytest.raises(OSError, match="plug"):
                tasks.import_labels(made.job_id)
        else:
            tasks.import_labels(made.job_id)
    made.refresh_from_db()
    assert (made.job.status, made.state) == (ends, "new")
    assert CurrentVerdict.objects.filter(answer="accept").count() == 2
    undone = run(imports.undo_import(made, by=mia))
    assert (undone.state, undone.job.result["undone"]) == ("undone", 2)
    assert not CurrentVerdict.objects.exclude(answer="").exists()
    assert taken(corpus, mia, tmp_path / "l.csv").counts["taken"] == 3
