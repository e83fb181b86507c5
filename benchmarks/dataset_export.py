"""B11: a dataset version as CSV, JSONL, COCO JSON and Parquet, against the bare COPY of the same select.

    python -m benchmarks.dataset_export [--lines 1000000] [--pairs 5] [--boxes]
        [--formats csv jsonl parquet coco yolo voc fiftyone huggingface webdataset]

CPU seconds of this process and its PostgreSQL together, for the whole job: read, write, sync, hash, publish.
The peer drains `COPY (the same select) TO STDOUT` and writes nothing. Memory is what the process's peak grows
by from an export of a hundredth of the lines to that of all. Gate 0.6x, goal 0.92x, of Parquet 0.3x and
0.45x; growth at most 16 MB. What was written is read back: its rows must hash like those in PostgreSQL.
With `--boxes` every second answer is about a part of its frame. The other formats are archives of labels
alone: of them the rate and the memory are told, and whether they come out the same again.
"""

import argparse
import csv
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.media_site import RESULTS, Site, compare, cpu_seconds, postgres_cpu_seconds, write

FORMATS = ("csv", "jsonl", "parquet", "coco")
ARCHIVES = ("yolo", "voc", "fiftyone", "huggingface", "webdataset")

FILL = """
    INSERT INTO indexing_mediafile (corpus_id, sha256, kind, name, size_bytes, path, state, reason_code,
        reason, notes, container, codec, width_px, height_px, rotation_degrees, time_base_numerator,
        time_base_denominator, is_variable_rate, clips_cut_by, created_at)
    SELECT %(corpus)s, encode(sha256(n::text::bytea), 'hex'), 'video', 'survey ' || n || '.mp4', 1,
        '/videos/' || n, 'done', '', '', '{}', 'mp4', 'h264', 1920, 1080, 0, 1, 90000, false, '', now()
    FROM generate_series(1, %(num)s / 100 + 1) n;
    INSERT INTO indexing_item (corpus_id, media_file_id, kind, start_pts, stop_pts, number, pts_seconds,
        thumbnail_offset, thumbnail_bytes, thumbnail_width_px, thumbnail_height_px, stack_revision)
    SELECT %(corpus)s, (SELECT min(id) FROM indexing_mediafile WHERE corpus_id = %(corpus)s) + n / 100,
        'frame', n %% 100 * 3003, n %% 100 * 3003 + 1, n %% 100, (n %% 100) / 29.97, 0, 0, 0, 0, 0
    FROM generate_series(0, %(num)s - 1) n;
    ANALYZE
"""
ENTRIES = """
    INSERT INTO labeling_datasetentry
        (dataset_version_id, item_id, label_class_id, answer, origin, split, "group", box)
    SELECT %s, id, %s, CASE WHEN id %% 3 = 0 THEN 'reject' ELSE 'accept' END, 'verdict', 'train', '',
           CASE WHEN %s AND id %% 2 = 0 THEN ARRAY[id %% 7 / 10.0, 1 / 3.0, 0.7, 2 / 3.0]::float8[] END
    FROM indexing_item WHERE corpus_id = %s ORDER BY id LIMIT %s
"""


def earlier(name: str, num_lines: int) -> dict[str, Any]:
    """The figures of an earlier run over as many lines, of whose formats some are measured anew."""
    path = RESULTS / f"{name}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    return known if known.get("lines") == num_lines else {}


def own_peak_bytes() -> int:
    """The most memory this process ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def hash_of(rows: Iterable[tuple[str, ...]]) -> str:
    """Of (item, class, answer, sha256, pts) in any order: the sum of the hashes of the rows."""
    total = 0
    for row in rows:
        total += int.from_bytes(hashlib.sha256("\t".join(row).encode()).digest()[:8], "big")
    return f"{total % 2**64:016x}"


def read_back(form: str, path: Path) -> str:
    """The same hash of what an export holds, by the readers of others."""
    return hash_of(_rows_of(form, path))


def _rows_of(form: str, path: Path) -> Iterator[tuple[str, ...]]:
    names = ("item", "label_class", "answer", "media_sha256", "start_pts")
    if form == "csv":
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                yield tuple(row[name] for name in names)
    elif form == "jsonl":
        with path.open("rb") as file:
            for line in file:
                row = json.loads(line)
                yield tuple(str(row[name]) for name in names)
    elif form == "parquet":
        import pyarrow.parquet

        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(columns=list(names)):
            for values in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
                yield tuple(map(str, values))
    else:
        yield from _rows_of_coco(json.loads(path.read_bytes()))


def _rows_of_coco(loaded: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """COCO says of a rejected frame which class, not which item: here every frame is one item."""
    names = {each["id"]: each["name"] for each in loaded["categories"]}
    images = {each["id"]: each for each in loaded["images"]}
    for each in loaded["annotations"]:
        image = images[each["image_id"]]
        of_image = (image["media_sha256"], str(image["pts"]))
        yield (str(each["item"]), names[each["category_id"]], "accept", *of_image)
    from indexing.models import Item

    found = Item.objects.values_list("media_file__sha256", "start_pts", "pk")
    items = {(sha256, pts): pk for sha256, pts, pk in found.iterator()}
    for image in loaded["images"]:
        of_image = (image["media_sha256"], image["pts"])
        for category in image["rejected"]:
            yield (str(items[of_image]), names[category], "reject", *map(str, of_image))


SAID = """
    SELECT media.sha256, item.start_pts, label_class.name, state.answer
    FROM {table} state
    JOIN indexing_item item ON item.id = state.item_id
    JOIN indexing_mediafile media ON media.id = item.media_file_id
    JOIN labeling_labelclass label_class ON label_class.id = state.label_class_id
    WHERE {condition} = %s
"""


def reimported(site: Any, version: Any, num_lines: int, product: Any) -> dict[str, Any]:
    """The JSONL of a version taken into an empty copy of its corpus: how fast, and is all of it there."""
    from django.db import connection

    from labeling.services import exports, imports
    from labeling.tasks.imports import import_labels

    def said(table: str, condition: str, pk: int) -> str:
        with connection.cursor() as cursor:
            cursor.execute(SAID.format(table=table, condition=condition), [pk])
            return hash_of(tuple(map(str, row)) for row in cursor.fetchall())

    copy = site.corpus()
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"corpus": copy.pk, "num": num_lines})
    path = exports.path_of(product(version, "jsonl"))
    begun, cpu = time.perf_counter(), cpu_seconds() + postgres_cpu_seconds()
    made = imports.request_import(corpus=copy, by=site.user, local=path, is_dry=False)
    import_labels(made.job_id)
    spent = cpu_seconds() + postgres_cpu_seconds() - cpu
    there = said("labeling_currentverdict", "state.corpus_id", copy.pk)
    return {
        "lines": num_lines,
        "wall_seconds": time.perf_counter() - begun,
        "cpu_seconds": spent,
        "is_the_same": there == said("labeling_datasetentry", "state.dataset_version_id", version.pk),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--formats", nargs="*", default=FORMATS, choices=FORMATS + ARCHIVES)
    parser.add_argument("--boxes", action="store_true")
    asked = parser.parse_args()
    name = "dataset_export_archives" if set(asked.formats) <= set(ARCHIVES) else "dataset_export"
    name += "_boxes" if asked.boxes else ""
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        site = Site(root)
        from django.db import connection

        from labeling.models import DatasetVersion, LabelClass
        from labeling.services import exports
        from labeling.tasks import exports as tasks

        corpus = site.corpus()
        wanted = LabelClass.objects.create(corpus=corpus, name="wanted", created_by=site.user)
        card: dict[str, Any] = {"classes": [{"id": wanted.pk, "name": wanted.name, "description": ""}]}
        card |= {"boxes": asked.lines // 2} if asked.boxes else {}

        def version_of(number: int, num_lines: int) -> Any:
            made = DatasetVersion.objects.create(
                corpus=corpus, number=number, card=card, created_by=site.user, sha256="0" * 64
            )
            with connection.cursor() as cursor:
                cursor.execute(ENTRIES, [made.pk, wanted.pk, asked.boxes, corpus.pk, num_lines])
                cursor.execute("ANALYZE labeling_datasetentry")
            return made

        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(FILL, {"corpus": corpus.pk, "num": asked.lines})
        small, whole = version_of(1, asked.lines // 100), version_of(2, asked.lines)

        def product(version: Any, form: str) -> Any:
            export = exports.request_export(version=version, format=form, with_pixels=False, by=site.user)
            tasks.export_dataset(export.job_id)
            export.refresh_from_db()
            if export.job.status != "done":
                raise RuntimeError(export.job.error_text)
            return export

        def peer() -> None:
            arguments = {"version": whole.pk, **exports._classes(whole)}
            with connection.cursor() as cursor:
                select = cursor.mogrify(exports.LINES, arguments)
                with cursor.copy(f"COPY ({select}) TO STDOUT") as copy:
                    for _ in copy:
                        pass

        truth = hash_of(
            (str(line.item), line.label_class, line.answer, line.media_sha256, str(line.start_pts))
            for line in exports.lines_of(whole)
        )
        figures: dict[str, Any] = earlier(name, asked.lines)
        for form in asked.formats:
            Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here on
            product(small, form)
            before, cpu = own_peak_bytes(), cpu_seconds() + postgres_cpu_seconds()
            begun = time.perf_counter()
            export = product(whole, form)
            growth, seconds = own_peak_bytes() - before, time.perf_counter() - begun
            spent = cpu_seconds() + postgres_cpu_seconds() - cpu
            again = product(whole, form)
            common = {
                "memory_growth_bytes": growth,
                "wall_seconds": seconds,
                "lines_per_cpu_second": round(asked.lines / spent),
                "file_bytes": export.size_bytes,
                "is_the_same_again": again.sha256 == export.sha256,
            }
            if form in ARCHIVES:
                figures[form] = common | {"load_average": list(os.getloadavg())}
                print(form, figures[form], flush=True)
                continue
            figures[form] = compare(
                lambda form=form: product(whole, form),
                peer,
                pairs=asked.pairs,
                clock=lambda: cpu_seconds() + postgres_cpu_seconds(),
            )
            figures[form] |= common | {
                "gate": 0.3 if form == "parquet" else 0.6,
                "target": 0.45 if form == "parquet" else 0.92,
                "reads_back_the_same": read_back(form, exports.path_of(export)) == truth,
                "load_average": list(os.getloadavg()),
            }
            print(form, figures[form], flush=True)
        if set(asked.formats) == set(FORMATS):
            figures["reimport"] = reimported(site, small, asked.lines // 100, product)
        figures |= {"lines": asked.lines, "memory_gate_bytes": 16 << 20}
        write(name, figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
