"""A process that builds feature indices and is killed by SIGKILL at a point that is asked for.

Reads lines "JOB POINT" and answers each with how far the build came: "done", or "killed". A point is a file
operation of Python's or a statement to PostgreSQL, counted from the job's claim; the kill is just before it.
"""

import os
import signal
import sys
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

import indexing.compute.builds  # noqa: E402, F401 - faiss, once for all
from indexing.tasks import build_index  # noqa: E402
from sisyphus_web.jobs.services import work  # noqa: E402

FILE_EVENTS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir", "os.truncate"}


class Countdown:
    """Kills this process when it has counted down to zero."""

    def __init__(self, points: int) -> None:
        self.left, self.is_on = points, False

    def tick(self) -> None:
        if self.is_on:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def on_audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in FILE_EVENTS and str(settings.DATA_DIR) in str(arguments[0]):
            self.tick()

    def on_statement(self, execute: Any, *rest: Any) -> Any:
        self.tick()
        return execute(*rest)


def build(job_id: int, point: int) -> None:
    countdown = Countdown(point)
    sys.addaudithook(countdown.on_audit)
    claim = work.claim

    def counted_from_here(job_id: int) -> Any:
        job = claim(job_id)
        countdown.is_on = True
        return job

    work.claim = counted_from_here
    with connection.execute_wrapper(countdown.on_statement):
        build_index(job_id)
    countdown.is_on = False


def main() -> None:
    for line in sys.stdin:
        job_id, point = map(int, line.split())
        child = os.fork()
        if child == 0:
            try:
                build(job_id, point)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "done", flush=True)


if __name__ == "__main__":
    main()
