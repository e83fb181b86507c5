"""Labels made elsewhere, taken in after a look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sisyphus_client.jobs import Job
from sisyphus_client.progress import OnProgress, silent
from sisyphus_client.transport import Transport


@dataclass
class LabelImport:
    """An import: looked through (`previewed`), then `taken`, perhaps `undone`."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @property
    def state(self) -> str:
        return str(self.said["state"])

    @property
    def preview(self) -> dict[str, Any]:
        """What would be taken, skipped and rejected, by reason."""
        return dict(self.said["preview"])

    @property
    def counts(self) -> dict[str, Any]:
        """What was."""
        return dict(self.said["counts"])

    def wait(self, *, timeout_seconds: float | None = None, on_progress: OnProgress = silent) -> LabelImport:
        """Until its last step has ended; JobFailed if it did not end well."""
        if self.said["job"] is not None:
            job = Job.of(self.transport, self.corpus, self.said["job"])
            job.wait(timeout_seconds=timeout_seconds, on_progress=on_progress)
        self.said = self.transport.get(self._place)
        return self

    def take(self) -> LabelImport:
        """Take in what was looked through."""
        self.said = self.transport.post(f"{self._place}take/")
        return self

    def undo(self) -> LabelImport:
        """Take back what it took, where nobody has answered since."""
        self.said = self.transport.post(f"{self._place}undo/")
        return self

    def report(self) -> str:
        """CSV: what became of every line, and why."""
        return self.transport.send("GET", f"{self._place}report/").text

    @property
    def _place(self) -> str:
        return f"corpora/{self.corpus}/imports/{self.id}/"
