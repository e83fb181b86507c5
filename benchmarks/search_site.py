"""A corpus of made vectors behind a real search service: PostgreSQL, shards, a published build, the process.

Import it before Django's settings are read: it starts PostgreSQL (durable) and Redis in a folder of its own.
"""

import atexit
import json
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
BASE = Path(__file__).resolve().parents[1]

import numpy as np  # noqa: E402 - after the number of BLAS threads is set

WIDTH, SEED = 512, 11
NUM_CLUSTERS, INNER_WIDTH = 2000, 48
ROWS_PER_SHARD = 16_384
IDS_START = 1  # item ids of the made corpus


def blocks(num: int, width: int = WIDTH) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(item ids, unit vectors) of `num` made features: clusters of 48 inner dimensions, and noise."""
    rng = np.random.default_rng(SEED)
    basis = rng.standard_normal((INNER_WIDTH, width), dtype=np.float32) / np.sqrt(width, dtype=np.float32)
    centers = rng.standard_normal((NUM_CLUSTERS, INNER_WIDTH), dtype=np.float32)
    noise = np.float32(1.5 / np.sqrt(width))
    for start in range(0, num, ROWS_PER_SHARD):
        n = min(ROWS_PER_SHARD, num - start)
        inner = centers[rng.integers(0, NUM_CLUSTERS, n)]
        inner = inner + np.float32(0.7) * rng.standard_normal((n, INNER_WIDTH), dtype=np.float32)
        rows = inner @ basis + noise * rng.standard_normal((n, width), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        yield np.arange(IDS_START + start, IDS_START + start + n), rows


def conditions() -> dict[str, Any]:
    """What a number depends on besides the code."""
    import faiss

    # Where things lie on one machine says nothing on another: their names do.
    given = [re.sub(r"(^|=)/.*/", r"\1", each) for each in sys.argv[1:]]
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=BASE, capture_output=True, text=True, check=False
    )
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "faiss": faiss.__version__,
        "numpy": np.__version__,
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "command": " ".join(["python", "-m", _module(), *given]),
    }


def _module() -> str:
    """Of the benchmark that runs."""
    return ".".join(Path(sys.argv[0]).resolve().relative_to(BASE).with_suffix("").parts)


def keep(name: str, result: dict[str, Any]) -> None:
    """Print the result and put it into benchmarks/results/."""
    place = BASE / "benchmarks" / "results" / f"{name}.json"
    place.parent.mkdir(exist_ok=True)
    text = json.dumps(result, indent=2, default=float)
    place.write_text(text + "\n")
    print(text)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50, p95, p99 in milliseconds."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1e3, [50, 95, 99]).round(3)
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


class Site:
    """One corpus of `num` made vectors, its class, its build, and the search service that answers for it."""

    def __init__(self, num: int) -> None:
        folder = Path(tempfile.mkdtemp(prefix="sisyphus-bench-"))
        folder.chmod(0o711)
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        self.data_dir = folder / "data"
        for name in ("run", "static"):
            (self.data_dir / name).mkdir(mode=0o700, parents=True)
        from sisyphus_web.embedded import EmbeddedPostgres, EmbeddedRedis

        postgres, redis = EmbeddedPostgres(self.data_dir), EmbeddedRedis(self.data_dir)
        atexit.register(redis.stop)
        atexit.register(postgres.stop)
        postgres.start(), redis.start()
        os.environ |= {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": redis.url,
            "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
            "SISYPHUS_LOOPBACK_HTTP": "1",
            "SISYPHUS_DATA_DIR": str(self.data_dir),
            "DJANGO_SETTINGS_MODULE": "sisyphus_web.settings",
            "LOG_LEVEL": "WARNING",
        }
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        self.num = num
        self._fill()
        self._build()
        self.serve()

    def _fill(self) -> None:
        """Rows by one statement each: a photo and an item per vector."""
        from django.db import connection

        from indexing.compute.features import Features, write_shard
        from indexing.models import FeatureSet, FeatureShard
        from indexing.services.features import shard_folder
        from labeling.models import LabelClass
        from sisyphus_web.accounts.models import Corpus, User

        self.user = User.objects.create_user("bench", password=secrets.token_urlsafe(20))
        self.corpus = Corpus.objects.create(name="made", created_by=self.user)
        self.label_class = LabelClass.objects.create(corpus=self.corpus, name="wanted", created_by=self.user)
        self.feature_set = FeatureSet.objects.create(
            corpus=self.corpus, encoder="made@1", width=WIDTH, is_active=True
        )
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(
                "INSERT INTO indexing_mediafile (corpus_id, sha256, kind, name, size_bytes, path, state,"
                " reason_code, reason, notes, container, codec, width_px, height_px, rotation_degrees,"
                " time_base_numerator, time_base_denominator, is_variable_rate, clips_cut_by, created_at)"
                " SELECT %s, md5(n::text), 'image', 'made', 1, '/none', 'done', '', '', '{}', '', '',"
                " 1, 1, 0, 1, 1, false, '', now() FROM generate_series(1, %s) n",
                [self.corpus.pk, max(1, self.num // 100)],
            )
            cursor.execute("SELECT min(id) FROM indexing_mediafile")
            (first,) = cursor.fetchone()
            cursor.execute(
                "INSERT INTO indexing_item (id, corpus_id, media_file_id, kind, start_pts, stop_pts,"
                " pts_seconds, thumbnail_offset, thumbnail_bytes, thumbnail_width_px, thumbnail_height_px,"
                " stack_revision)"
                " SELECT n, %s, %s + (n - %s) / 100 %% %s, 'frame', n, n + 1, 0, 0, 0, 0, 0, 0"
                " FROM generate_series(%s::bigint, %s::bigint) n",
                [
                    self.corpus.pk,
                    first,
                    IDS_START,
                    max(1, self.num // 100),
                    IDS_START,
                    IDS_START + self.num - 1,
                ],
            )
            cursor.execute("ANALYZE")
        for item_ids, rows in blocks(self.num):
            files = write_shard(shard_folder(self.feature_set), Features(rows, item_ids, "made@1"))
            FeatureShard.objects.create(feature_set=self.feature_set, **files._asdict())

    def _build(self) -> None:
        from indexing.models import FeatureIndex
        from indexing.services.builds import build_folder
        from indexing.tasks import build_index
        from sisyphus_web.jobs import services as jobs

        begun = time.perf_counter()
        job = jobs.enqueue("index_build", corpus=self.corpus, created_by=self.user)
        build_index(job.pk)
        job.refresh_from_db()
        if job.status != "done":
            raise RuntimeError(job.error_text)
        self.build_seconds = time.perf_counter() - begun
        self.build = FeatureIndex.objects.get(is_published=True)
        self.build_folder = build_folder(self.build.pk)

    def serve(self) -> None:
        """Start the search service; `seconds_to_ready` is how long it took to listen."""
        from django.conf import settings

        begun = time.perf_counter()
        self.process = subprocess.Popen([sys.executable, "manage.py", "run_search"], cwd=BASE)
        atexit.register(self.stop)
        while not settings.SEARCH_SOCKET.exists():
            if self.process.poll() is not None:
                raise RuntimeError("the search service did not start")
            time.sleep(0.02)
        self.seconds_to_ready = time.perf_counter() - begun

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def cpu_seconds(self) -> float:
        """Spent by all threads of the service so far."""
        times = [
            int(path.read_text().split()[0])
            for path in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        ]
        return sum(times) / 1e9

    def memory(self) -> dict[str, float]:
        """MiB of the service: what is its own, and what it shares with the page cache."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        return {
            "rss_mib": kib["Rss"] / 1024,
            "private_mib": (kib["Private_Dirty"] + kib["Private_Clean"]) / 1024,
            "anonymous_mib": kib["Anonymous"] / 1024,
            "vectors_mib": self.num * WIDTH * 2 / 2**20,
        }
