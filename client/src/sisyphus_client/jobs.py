"""Long work on the server, waited for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sisyphus_client.errors import JobFailed
from sisyphus_client.progress import OnProgress, Progress, silent
from sisyphus_client.transport import Transport

POLL_SECONDS = 0.5
FINAL = {"done", "failed", "cancelled"}


@dataclass
class Job:
    """A job as of the last look; `wait` looks until it has ended."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @classmethod
    def of(cls, transport: Transport, corpus: int, job: int) -> Job:
        """The job with this id."""
        return cls(transport, corpus, job, {}).refresh()

    @property
    def status(self) -> str:
        """queued, running, done, failed or cancelled."""
        return str(self.said["status"])

    @property
    def progress(self) -> Progress:
        said = self.said
        total = said.get("units_total")
        return Progress(said.get("units_done") or 0, total, said.get("unit") or "", said.get("note") or "")

    def refresh(self) -> Job:
        """Look again."""
        self.said = self.transport.get(f"corpora/{self.corpus}/jobs/{self.id}/")
        return self

    def wait(self, *, timeout_seconds: float | None = None, on_progress: OnProgress = silent) -> Job:
        """Until it is done; JobFailed if it failed or was cancelled, TimeoutError if it takes too long."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while True:
            self.refresh()
            on_progress(self.progress)
            if self.status == "done":
                return self
            if self.status in FINAL:
                said = self.said
                raise JobFailed(self.id, self.status, said.get("error_code", ""), said.get("error_text", ""))
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"Job {self.id} is still {self.status} after {timeout_seconds} s.")
            time.sleep(POLL_SECONDS)

    def cancel(self) -> Job:
        """Ask it to stop."""
        self.transport.post(f"corpora/{self.corpus}/jobs/{self.id}/cancel/")
        return self.refresh()
