"""B11: a dataset version as CSV, JSONL and COCO JSON, against the bare COPY of the same select.

    python benchmarks/dataset_export.py [--lines 1000000] [--pairs 5]

CPU seconds of this process and its PostgreSQL together, for the whole job: read, write, sync, hash, publish.
The peer drains `COPY (the same select) TO STDOUT` and writes nothing. Memory is what the process's peak grows
by from an export of a hundredth of the lines to that of all. Gate 0.6x, goal 0.92x; growth at most 16 MB.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from media_site import Site, compare, cpu_seconds, postgres_cpu_seconds, write

FILL = """
    INSERT INTO indexing_mediafile (corpus_id, sha256, kind, name, size_bytes, path, state, reason_code,
        reason, notes, container, codec, width_px, height_px, rotation_degrees, time_base_numerator,
        time_base_denominator, is_variable_rate, created_at)
    SELECT %(corpus)s, encode(sha256(n::text::bytea), 'hex'), 'video', 'survey ' || n || '.mp4', 1,
        '/videos/' || n, 'done', '', '', '{}', 'mp4', 'h264', 1920, 1080, 0, 1, 90000, false, now()
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
        (dataset_version_id, item_id, label_class_id, answer, origin, split, "group")
    SELECT %s, id, %s, CASE WHEN id %% 3 = 0 THEN 'reject' ELSE 'accept' END, 'verdict', 'train', ''
    FROM indexing_item WHERE corpus_id = %s ORDER BY id LIMIT %s
"""


def own_peak_bytes() -> int:
    """The most memory this process ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        site = Site(root)
        from django.db import connection

        from labeling import tasks
        from labeling.models import DatasetVersion, LabelClass
        from labeling.services import exports

        corpus = site.corpus()
        wanted = LabelClass.objects.create(corpus=corpus, name="wanted", created_by=site.user)
        card = {"classes": [{"id": wanted.pk, "name": wanted.name, "description": ""}]}

        def version_of(number: int, num_lines: int) -> Any:
            made = DatasetVersion.objects.create(
                corpus=corpus, number=number, card=card, created_by=site.user, sha256="0" * 64
            )
            with connection.cursor() as cursor:
                cursor.execute(ENTRIES, [made.pk, wanted.pk, corpus.pk, num_lines])
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

        figures: dict[str, Any] = {}
        for form in ("csv", "jsonl", "coco"):
            product(small, form)
            before = own_peak_bytes()
            begun = time.perf_counter()
            export = product(whole, form)
            growth, seconds = own_peak_bytes() - before, time.perf_counter() - begun
            figures[form] = compare(
                lambda form=form: product(whole, form),
                peer,
                pairs=asked.pairs,
                clock=lambda: cpu_seconds() + postgres_cpu_seconds(),
            )
            figures[form] |= {
                "memory_growth_bytes": growth,
                "wall_seconds": seconds,
                "file_bytes": export.size_bytes,
            }
        figures |= {"lines": asked.lines, "gate": 0.6, "target": 0.92, "memory_gate_bytes": 16 << 20}
        write("dataset_export", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
