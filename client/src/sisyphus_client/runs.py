"""Training runs: followed while they go on, then what they came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sisyphus_client.classifiers import ClassifierVersion
from sisyphus_client.jobs import Job
from sisyphus_client.progress import OnProgress, silent
from sisyphus_client.transport import Transport

Kind = Literal["probe", "fine_tune"]
Target = Literal["multi_label", "multi_class"]


@dataclass
class Run:
    """A classifier in training, as of the last look."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @property
    def status(self) -> str:
        """queued, running, done, failed or cancelled."""
        return str(self.said["status"])

    @property
    def job(self) -> Job:
        """Its job, which `cancel` ends."""
        return Job.of(self.transport, self.corpus, self.said["job"])

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Losses and scores so far: of every step of a probe, of every epoch of a network."""
        return list(self.refresh().said["curve"])

    @property
    def evaluation(self) -> dict[str, Any]:
        """Side (val, test) -> what it is worth there; empty before it was judged."""
        return dict(self.refresh().said["evaluation"])

    @property
    def version(self) -> ClassifierVersion:
        """What it came to; LookupError before it is done."""
        if self.said["version"] is None and self.refresh().said["version"] is None:
            raise LookupError(f"Run {self.id} is {self.status}: it has no version yet.")
        return ClassifierVersion.of(self.transport, self.corpus, self.said["version"])

    def refresh(self) -> Run:
        """Look again, with its curve and its evaluation."""
        self.said = self.transport.get(f"corpora/{self.corpus}/runs/{self.id}/")
        return self

    def wait(self, *, timeout_seconds: float | None = None, on_progress: OnProgress = silent) -> Run:
        """Until it is trained and judged; JobFailed if it failed or was cancelled."""
        if self.said["version"] is None:
            self.job.wait(timeout_seconds=timeout_seconds, on_progress=on_progress)
        return self.refresh()
