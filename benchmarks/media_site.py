"""A corpus on a PostgreSQL of its own, and CPU seconds of this process and all it has started and reaped.

Import it before Django's settings are read.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sisyphus_web.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("SISYPHUS_FREE_SPACE_FLOOR_BYTES", "0")
BASE = Path(__file__).resolve().parents[1]
RESULTS = BASE / "benchmarks" / "results"


def cpu_seconds() -> float:
    """Of this process and its reaped children, user and system."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in spent)


def postgres_cpu_seconds() -> float:
    """Of this benchmark's own PostgreSQL: the postmaster, those it has reaped, and those it has."""
    (pid_file,) = Path(os.environ["SISYPHUS_DATA_DIR"]).rglob("postmaster.pid")
    root = int(pid_file.read_text().split()[0])
    children = Path(f"/proc/{root}/task/{root}/children").read_text().split()
    total = 0
    for pid in (root, *children):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended just now, and is in the postmaster's figures next time
            continue
        total += sum(int(value) for value in fields[11:15])
    return total / os.sysconf("SC_CLK_TCK")


@dataclass
class Site:
    """Django set up, migrated, with one corpus."""

    root: Path

    def __post_init__(self) -> None:
        import tests.services  # noqa: F401 - starts PostgreSQL and Redis

        os.environ["SISYPHUS_MEDIA_ROOTS"] = str(self.root)
        import django

        django.setup()
        from django.core.management import call_command

        from sisyphus_web.accounts.models import Corpus, User

        call_command("migrate", verbosity=0)
        self.user = User.objects.create_user("bench")
        self._corpus = Corpus
        self._num = 0

    def corpus(self) -> Any:
        """A fresh, empty corpus."""
        self._num += 1
        return self._corpus.objects.create(name=f"corpus {self._num}", created_by=self.user)

    def ingest(self, corpus: Any, folder: Path) -> Any:
        """Run the ingest job of a folder in this process."""
        from indexing.services.ingest import start_ingest
        from indexing.tasks.ingest import ingest_media

        job = start_ingest(corpus, path=str(folder), created_by=self.user)
        ingest_media(job.pk)
        job.refresh_from_db()
        if job.status != "done":
            raise RuntimeError(f"the ingest {job.status}: {job.error_code} {job.error_text}")
        return job


def compare(
    product: Callable[[], None],
    peer: Callable[[], None],
    *,
    pairs: int,
    clock: Callable[[], float] = cpu_seconds,
) -> dict[str, Any]:
    """Interleaved pairs after a warm-up of each: peer cost / product cost, larger is better for us."""
    product()
    peer()
    rows = []
    for _ in range(pairs):
        at = clock()
        product()
        middle = clock()
        peer()
        rows.append((middle - at, clock() - middle))
    ratios = sorted(theirs / ours for ours, theirs in rows)
    drift = abs(rows[-1][1] / rows[0][1] - 1)
    return {
        "product_seconds": statistics.median(ours for ours, _ in rows),
        "peer_seconds": statistics.median(theirs for _, theirs in rows),
        "ratio": statistics.median(ratios),
        "ratio_p10": ratios[max(0, round(0.1 * (len(ratios) - 1)))],
        "ratio_p90": ratios[round(0.9 * (len(ratios) - 1))],
        "pairs": pairs,
        "is_valid": drift <= 0.15,
        "peer_drift": drift,
    }


def write(name: str, figures: dict[str, Any]) -> None:
    """Print the figures and keep them with what they depend on."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=BASE, capture_output=True, text=True, check=False
    )
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    import av
    import simplejpeg
    from PIL import __version__ as pillow

    figures |= {
        "commit": commit.stdout.strip(),
        "cpu": cpu.partition(":")[2].strip(),
        "python": platform.python_version(),
        "versions": {"av": av.__version__, "simplejpeg": simplejpeg.__version__, "pillow": pillow},
        "load_average": os.getloadavg(),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))
