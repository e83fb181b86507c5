"""A site to be hurt: real workers and a real dispatcher beside the run's PostgreSQL and Redis."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import redis
from django.conf import settings
from django.db import connection

from sisyphus_web import audit
from sisyphus_web.jobs import registry, services
from sisyphus_web.jobs.models import Job, JobAttempt
from tests.faults import kinds

LEASE_SECONDS = 8  # longer than Celery takes to notice a killed process
QUEUES = ("cpu", "gpu", "faults")
ROOT = Path(__file__).resolve().parents[2]


def until(true: Callable[[], object], *, seconds: float = 180, every: float = 0.1) -> None:
    """Wait for something to become true, looking `every` so many seconds; fail if it does not."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, (
            f"not within {seconds} seconds; jobs: {list(Job.objects.all().values())}"
        )
        time.sleep(every)


def at_chunk(job: Job, chunk: int) -> bool:
    """Whether the job runs and has done that many units."""
    job.refresh_from_db()
    return job.status == "running" and job.units_done >= chunk


def is_running(job: Job) -> bool:
    job.refresh_from_db()
    return job.status == "running"


def is_done(job: Job) -> bool:
    """Whether the job is done; fails when it never will be."""
    job.refresh_from_db()
    assert job.status not in ("failed", "cancelled"), f"{job.error_code}: {job.error_text}"
    return job.status == "done"


def pid_of(job: Job) -> int:
    """The process of the job's newest attempt."""
    return JobAttempt.objects.get(job=job, number=job.attempt).pid


def is_alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


class Site:
    """One worker of two processes and one dispatcher, each in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worker: subprocess.Popen[bytes] | None = None
        self.dispatcher: subprocess.Popen[bytes] | None = None
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
        self.env = os.environ | {
            "DATABASE_URL": url.geturl(),
            "DJANGO_SETTINGS_MODULE": "sisyphus_web.settings",
            "SISYPHUS_JOB_LEASE_SECONDS": str(LEASE_SECONDS),
            "SISYPHUS_DATA_DIR": str(folder),
            "SISYPHUS_MEDIA_ROOTS": str(folder / "given"),
            "SISYPHUS_FREE_SPACE_FLOOR_BYTES": "0",
        }

    def start_worker(self) -> None:
        command = ["-m", "celery", "-A", "tests.faults.worker", "worker", "-Q", ",".join(QUEUES), "-c", "2"]
        quiet = ["--without-gossip", "--without-mingle", "-n", "faults@localhost", "-l", "INFO"]
        self.worker = self._start("worker", [*command, *quiet])

    def start_dispatcher(self) -> None:
        self.dispatcher = self._start("dispatcher", ["-m", "tests.faults.dispatch"])

    def _start(self, name: str, arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self, process: subprocess.Popen[bytes] | None, number: int = signal.SIGKILL) -> None:
        """End a process and all its children."""
        if process is not None and process.poll() is None:
            os.killpg(process.pid, number)
            process.wait(timeout=120)

    @contextmanager
    def gate_shut(self) -> Iterator[Callable[[], None]]:
        """Jobs do not come to their end until what this gives is called, or the block is over (kinds.py)."""
        gate = self.folder / kinds.GATE
        gate.touch()
        try:
            yield lambda: gate.unlink(missing_ok=True)
        finally:
            gate.unlink(missing_ok=True)


@pytest.fixture(scope="package")
def site(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Site]:
    for name, kind in kinds.KINDS.items():
        registry.register(name, kind)
    with django_db_blocker.unblock():
        kinds.sql(kinds.TABLES)
        # The run's PostgreSQL is a fast one; here, what is committed must survive.
        kinds.sql(f"ALTER DATABASE {connection.settings_dict['NAME']} SET synchronous_commit = on")
        connection.close()
        made = Site(tmp_path_factory.mktemp("faults"))
        made.start_worker()
        made.start_dispatcher()
        yield made
        made.kill(made.worker)
        made.kill(made.dispatcher)
        kinds.sql("DROP TABLE faults_chunk, faults_effect")
    for name in kinds.KINDS:
        del registry.KINDS[name]


@pytest.fixture(autouse=True)
def data_dir(site, settings) -> Iterator[Path]:
    """The data directory of the site's processes, empty but for their logs."""
    settings.DATA_DIR = site.folder
    settings.MODEL_DIR = site.folder / "models"
    settings.MEDIA_ROOTS = [site.folder / "given"]
    settings.FREE_SPACE_FLOOR_BYTES = 0
    yield site.folder
    until(lambda: not any((site.folder / "runs").glob("*")))  # cleared by the worker after the end of a job
    for folder in site.folder.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _books_balance_afterwards(site, data_dir, transactional_db) -> Iterator[None]:
    """Whatever a test did: every job is over, each has had its effect once, the books balance."""
    if site.worker is None or site.worker.poll() is not None:
        site.start_worker()
    yield
    connection.close()
    until(lambda: not Job.objects.unfinished().exists())
    assert audit.check() == []
    done = Job.objects.filter(status="done", kind__startswith="faults_").values_list("pk", flat=True)
    effects = [job for (job,) in kinds.sql("SELECT job FROM faults_effect")]
    assert sorted(effects) == sorted(done)
    kinds.sql("TRUNCATE faults_chunk, faults_effect")


@pytest.fixture
def count(site) -> Callable[..., Job]:
    """Enqueue a job that counts chunks; before `held_at` it waits while the gate is shut."""

    def enqueue(*, chunks: int = 3, seconds: float = 0.1, held_at: int | None = None, **kwargs) -> Job:
        return services.enqueue("faults_count", chunks=chunks, seconds=seconds, held_at=held_at, **kwargs)

    return enqueue


@pytest.fixture
def broker() -> redis.Redis:
    """The broker itself, to be hurt."""
    return redis.Redis(unix_socket_path=unquote(urlsplit(settings.CELERY_BROKER_URL).path))
