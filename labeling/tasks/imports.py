"""The job labels_import: labels of somebody else in, line by line, every one with what became of it."""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings

from indexing.compute.files import free_bytes, write_beside
from labeling.compute.export_writers.tables import intact, neutral
from labeling.compute.imports.readers import guess, read_rows
from labeling.compute.imports.rows import ImportRefused, Row
from labeling.compute.imports.trees import Tree
from labeling.models import LabelImport
from labeling.services import imports
from labeling.services.import_chunks import ChunkTaker
from labeling.services.import_media import MediaFinder
from labeling.services.import_outcomes import Outcome
from sisyphus_web.jobs import services as jobs
from sisyphus_web.jobs.errors import NoSpace
from sisyphus_web.jobs.models import Job
from sisyphus_web.jobs.params import ImportLabels
from sisyphus_web.jobs.registry import params_of

CHUNK_LINES = 1_000
COLUMNS = ("place", "outcome", "reason", "detail", "media", "item", "class", "answer")
State = LabelImport.State
LONGEST = 2_000  # characters of a value in a report
LAST = 2**63 - 1


@shared_task(name="labeling.import_labels", ignore_result=True)
def import_labels(job_id: int) -> None:
    """Preview, take or undo an import. Safe to run twice, stop half-way, continue: no line counts twice."""
    with jobs.running(job_id) as job:
        if job is None:
            return
        asked = params_of(job.params, ImportLabels)
        label_import = LabelImport.objects.select_related("corpus", "created_by").get(pk=asked.label_import)
        if label_import.job_id != job.pk:
            raise imports.WrongState("Another step of this import was begun since: this one is over.")
        if asked.step == "undo":
            _undo(job, label_import)
            return
        try:
            _read(job, label_import, is_dry=asked.step != "take")
        except ImportRefused as error:
            raise imports.LabelsUnreadable(str(error)) from error


def _read(job: Job, label_import: LabelImport, *, is_dry: bool) -> None:
    """Every line matched and, unless `is_dry`, taken; then the report, and the counts with the job's end."""
    runs = Path(settings.DATA_DIR) / "runs" / str(job.pk)
    chunks = runs / "chunks"
    if is_dry:
        shutil.rmtree(chunks, ignore_errors=True)  # a preview writes nothing, so it can begin again
    chunks.mkdir(parents=True, exist_ok=True)
    jobs.report(job, unit="lines", note="reading", force=True)
    with Tree(Path(label_import.path)) as tree:
        _identify(label_import, tree)
        taker = ChunkTaker(job, label_import, MediaFinder(label_import.corpus, tree.sha256), is_dry=is_dry)
        try:
            made = _take_chunks(job, taker, read_rows(tree, label_import.format), chunks)
        finally:
            taker.forget()
    counts = _count(made)
    if is_dry:
        counts["new_classes"] = list(taker.new_classes)
    report = imports.folder_of(label_import) / ("preview.csv" if is_dry else "taken.csv")
    _write_report(report, made)
    jobs.report(job, units_done=counts["lines"], units_total=counts["lines"], note="")
    with jobs.finishing(job):
        if is_dry:
            label_import.preview, label_import.state = counts, State.PREVIEWED
        else:
            counts |= imports.start_encoding(label_import)
            label_import.counts, label_import.state = counts, State.TAKEN
        label_import.save(update_fields=["preview", "counts", "state"])
        job.result = {"label_import": label_import.pk, **counts}
    if not is_dry:
        imports.drop_upload(label_import)
    shutil.rmtree(runs, ignore_errors=True)


def _identify(label_import: LabelImport, tree: Tree) -> None:
    """Its sha256 and format; LabelsChanged where it is not what was looked through."""
    sha256 = tree.digest()
    if label_import.sha256 not in ("", sha256):
        raise imports.LabelsChanged(f"{label_import.name} has changed since it was looked through.")
    label_import.sha256, label_import.format = sha256, label_import.format or guess(tree)
    label_import.save(update_fields=["sha256", "format"])


def _take_chunks(job: Job, taker: ChunkTaker, rows: Iterator[Row], folder: Path) -> list[Path]:
    """Reports of all chunks; what an earlier attempt has reported is not taken again."""
    made: list[Path] = []
    done = 0
    while chunk := list(islice(rows, CHUNK_LINES)):
        path = folder / f"{len(made):06}.csv"
        if not path.exists():
            if free_bytes(folder) < settings.FREE_SPACE_FLOOR_BYTES:
                raise NoSpace(f"Less than {settings.FREE_SPACE_FLOOR_BYTES:,} bytes are free.")
            with write_beside(path) as file:
                file.write(_lines(taker.take(chunk)))
        else:
            taker.pass_over(_reported(path))
        made.append(path)
        done += len(chunk)
        jobs.report(job, units_done=done, note="")
    return made


def _reported(path: Path) -> list[Outcome]:
    """The outcomes of a chunk that an earlier attempt has taken, as far as its report has them."""
    with path.open(newline="", encoding="utf-8") as file:
        records = [dict(zip(COLUMNS, values, strict=True)) for values in csv.reader(file)]
    return [
        Outcome(
            Row(intact(each["place"]), label_class=intact(each["class"]), answer=each["answer"]),
            outcome=each["outcome"],
            reason=each["reason"],
            item=int(each["item"]) if each["item"] else None,
        )
        for each in records
    ]


def _lines(outcomes: Sequence[Outcome]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for each in outcomes:
        row = each.row
        item = "" if each.item is None else each.item
        values: list[Any] = [row.place, each.outcome, each.reason, each.detail, each.media, item]
        writer.writerow([_shown(value) for value in [*values, row.label_class, row.answer]])
    return out.getvalue().encode("utf-8", "replace")


def _shown(value: Any) -> str:
    """A value as a report has it: what every reader of CSV takes and no spreadsheet runs."""
    return neutral(str(value)[:LONGEST].replace("\r", " ").replace("\x00", " "))


def _count(chunks: Sequence[Path]) -> dict[str, Any]:
    """How many lines, taken, skipped and rejected by reason, and answers taken by class."""
    total: Counter[str] = Counter()
    reasons: dict[str, Counter[str]] = {"skipped": Counter(), "rejected": Counter()}
    classes: dict[str, Counter[str]] = {}
    for path in chunks:
        with path.open(newline="", encoding="utf-8") as file:
            for values in csv.reader(file):
                record = dict(zip(COLUMNS, values, strict=True))
                total[record["outcome"]] += 1
                if record["outcome"] == "taken":
                    classes.setdefault(intact(record["class"]), Counter())[record["answer"]] += 1
                else:
                    reasons[record["outcome"]][record["reason"]] += 1
    return {
        "lines": total.total(),
        "taken": total["taken"],
        "skipped": dict(reasons["skipped"]),
        "rejected": dict(reasons["rejected"]),
        "classes": {name: dict(answers) for name, answers in list(classes.items())[:100]},
    }


def _write_report(path: Path, chunks: Sequence[Path]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with write_beside(path) as out:
        out.write((",".join(COLUMNS) + "\n").encode())
        for chunk in chunks:
            with chunk.open("rb") as file:
                shutil.copyfileobj(file, out)


def _undo(job: Job, label_import: LabelImport) -> None:
    """Its verdicts by compensating events, some at a time; its weak labels by taking back their batches."""
    total = imports.num_events(label_import)
    jobs.report(job, units_total=total, unit="lines", force=True)
    by = job.created_by or label_import.created_by
    seen = undone = 0
    before = LAST
    while (chunk := imports.undo_chunk(label_import, by=by, before=before)) is not None:
        num, before = chunk
        undone += num
        seen += imports.UNDO_CHUNK
        jobs.report(job, units_done=min(seen, total))
    with jobs.finishing(job):
        batches = imports.revert_weak_labels(label_import, by=by)
        label_import.state = State.UNDONE
        label_import.save(update_fields=["state"])
        job.result = {"label_import": label_import.pk, "undone": undone, "weak_batches": batches}
    imports.drop_upload(label_import)
