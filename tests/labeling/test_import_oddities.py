"""Imports of what nobody expects: odd lines never end them, nor are they counted wrong."""

import json
import os

import pytest
from rest_framework.test import APIClient

from indexing.models import Item
from labeling.models import CurrentVerdict, LabelImport
from labeling.services import imports
from labeling.tasks import imports as tasks
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.models import Job
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
    made = taken(corpus, mia, tmp_path / "l.csv")
    found = [(row["outcome"], row["reason"]) for row in report_of(made)]
    assert found == [("taken", ""), ("rejected", "contradicts"), ("skipped", "said-twice")]
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
