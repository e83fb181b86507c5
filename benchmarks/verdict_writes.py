"""B8 (i): verdicts in batches as they come over REST, against COPY of the same rows into the same tables.

    python -m benchmarks.verdict_writes [--verdicts 20000] [--pairs 5]

The product: JSON read and checked, locked, appended to the ledger, the projection moved, results as JSON;
100 to a batch, which is the most a request may hold. The peer: COPY of what the product wrote, ledger and
projection, into empty copies of both tables with all their indexes and constraints, foreign keys too. CPU
seconds of this process and its PostgreSQL together. Gate 0.12x, goal 0.25x; a replay of everything changes no
row. Beside it the ratio to copies without foreign keys, which check nothing.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

import msgspec

from benchmarks.dataset_export import FILL
from benchmarks.media_site import Site, compare, cpu_seconds, postgres_cpu_seconds, write

LEDGER, PROJECTION = "labeling_verdict", "labeling_currentverdict"
FOREIGN_KEYS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype = 'f'
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
    try:
        site = Site(root)
        from django.db import connection

        from indexing.models import Item
        from labeling.api.verdicts import VerdictBatch, VerdictResults
        from labeling.models import LabelClass, Verdict
        from labeling.services.verdicts import BATCH_LIMIT, record_verdicts

        corpus = site.corpus()
        with connection.cursor() as cursor:
            cursor.execute(FILL, {"corpus": corpus.pk, "num": asked.verdicts})
        items = list(Item.objects.filter(corpus=corpus).values_list("pk", flat=True))
        sent: list[bytes] = []

        def record() -> None:
            for body in sent:
                operations = msgspec.json.decode(body, type=VerdictBatch).operations
                results = record_verdicts(corpus=corpus, annotator=site.user, operations=operations)
                msgspec.json.encode(VerdictResults(results=results, counts=None))

        def product() -> None:
            name = f"class {uuid4()}"
            wanted = LabelClass.objects.create(corpus=corpus, name=name, created_by=site.user)
            sent.clear()
            for at in range(0, len(items), BATCH_LIMIT):
                batch = str(uuid4())
                operations = [
                    {
                        "operation_id": str(uuid4()),
                        "batch": batch,
                        "item": item,
                        "class": wanted.pk,
                        "answer": "reject" if item % 3 else "accept",
                        "base_version": 0,
                        "rank": at,
                        "mode": "similar",
                    }
                    for item in items[at : at + BATCH_LIMIT]
                ]
                sent.append(msgspec.json.encode({"operations": operations}))
            record()

        product()
        keys: dict[str, list[tuple[str, str]]] = {}
        rows: dict[str, bytes] = {}
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as autovacuum does: plans made for empty tables scan them
            for table in (LEDGER, PROJECTION):
                cursor.execute(FOREIGN_KEYS, [table])
                keys[table] = cursor.fetchall()
                cursor.execute(f"CREATE TABLE like_{table} (LIKE {table} INCLUDING ALL)")
                with cursor.copy(f"COPY {table} TO STDOUT") as copy:
                    rows[table] = b"".join(map(bytes, copy))

        def peer() -> None:
            with connection.cursor() as cursor:
                for table, lines in rows.items():
                    cursor.execute(f"TRUNCATE like_{table}")
                    with cursor.copy(f"COPY like_{table} FROM STDIN") as copy:
                        copy.write(lines)

        def clock() -> float:
            return cpu_seconds() + postgres_cpu_seconds()

        without = compare(product, peer, pairs=asked.pairs, clock=clock)
        with connection.cursor() as cursor:
            for table, foreign in keys.items():
                for name, definition in foreign:
                    cursor.execute(f"ALTER TABLE like_{table} ADD CONSTRAINT like_{name} {definition}")
        figures = compare(product, peer, pairs=asked.pairs, clock=clock)
        before = Verdict.objects.count()
        record()
        figures |= {
            "verdicts": asked.verdicts,
            "product_us_per_verdict": 1e6 * figures["product_seconds"] / asked.verdicts,
            "peer_us_per_verdict": 1e6 * figures["peer_seconds"] / asked.verdicts,
            "rows_added_by_a_replay": Verdict.objects.count() - before,
            "ratio_without_foreign_keys": without["ratio"],
            "gate": 0.12,
            "target": 0.25,
        }
        write("verdict_writes", figures)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
