"""A real `up` on a data directory and a port of its own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import ports

ROOT = Path(__file__).resolve().parents[2]
FROM_OUTSIDE = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DJANGO_SECRET_KEY", "PORT")


class RunningUp:
    """`up` as a person sees it: what it prints, and signals."""

    def __init__(self, data_dir: Path, port: int, *options: str) -> None:
        self.data_dir, self.port, self.lines = data_dir, port, []
        env = {
            name: value
            for name, value in os.environ.items()
            if name not in FROM_OUTSIDE and not name.startswith(("SISYPHUS_", "DJANGO_"))
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sisyphus_web.up", "--data-dir", data_dir, "--port", str(port), *options],
            cwd=ROOT,
            env=env | {"WORKER_CONCURRENCY": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str, *, seconds: float = 240) -> str:
        """The first line with the text; fails with all the output if it does not come."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.lines:
                if text in line:
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"{text!r} was not printed; up printed:\n{self.output}")

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(timeout=180)

    def processes(self) -> list[int]:
        """Every living process that names the data directory in its arguments or environment."""
        return [pid for pid in _all_pids() if pid != os.getpid() and self._is_of(pid)]

    def _is_of(self, pid: int) -> bool:
        needle = os.fsencode(self.data_dir)
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state not in "ZX" and any(
                needle in Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")
            )
        except OSError:
            return False


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


@pytest.fixture
def up(tmp_path, free_port) -> Iterator[Callable[..., RunningUp]]:
    """Start `up` on this test's data directory; ended with everything below it."""
    started: list[RunningUp] = []

    def start(*options: str) -> RunningUp:
        started.append(RunningUp(tmp_path / "sisyphus", free_port, *options))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.stop()
        for pid in each.processes():
            os.kill(pid, signal.SIGKILL)
        each.process.wait(timeout=60)
        each.process.stdout.close()
