"""Classifier versions as ONNX files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sisyphus_client.downloads import download
from sisyphus_client.jobs import Job
from sisyphus_client.progress import OnProgress, silent
from sisyphus_client.transport import Transport


@dataclass
class OnnxExport:
    """A version written as ONNX files; they are there once its job is done."""

    transport: Transport
    corpus: int
    version: int
    id: int
    said: dict[str, Any]

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """Part -> name, size, sha256 and the largest difference measured.

        `head` takes features, `whole` and `network` images of one size, `..._any_size` any picture.
        """
        return {each["part"]: each for each in self.said["files"]}

    @property
    def note(self) -> str:
        """Why a part is not there."""
        return str(self.said["note"])

    def wait(self, *, timeout_seconds: float | None = None, on_progress: OnProgress = silent) -> OnnxExport:
        """Until the files are there; JobFailed if they will not be."""
        if not self.files and self.said["job"] is not None:
            job = Job.of(self.transport, self.corpus, self.said["job"])
            job.wait(timeout_seconds=timeout_seconds, on_progress=on_progress)
        of_version = f"corpora/{self.corpus}/classifier-versions/{self.version}/onnx/"
        self.said = next(each for each in self.transport.pages(of_version) if each["id"] == self.id)
        return self

    def download(self, to: Path | str, part: str = "", *, on_progress: OnProgress = silent) -> Path:
        """A file into the folder `to`, or to that path: of `part`, else the one that takes most by itself.

        A broken-off download goes on at its byte. LookupError where the export has no such part.
        """
        said = self.wait()._file(part)
        path = Path(to)
        if path.is_dir():
            path = path / str(said["file_name"])
        return download(
            self.transport,
            str(said["url"]),
            path,
            size_bytes=int(said["size_bytes"]),
            sha256=str(said["sha256"]),
            on_progress=on_progress,
        )

    def example(self, part: str = "") -> str:
        """Twenty lines of Python that run the file of a part with onnxruntime, and nothing of ours."""
        return self.transport.send("GET", str(self._file(part)["example_url"])).text

    def _file(self, part: str) -> dict[str, Any]:
        wanted = part or next((each for each in ("network", "whole") if each in self.files), "head")
        if wanted not in self.files:
            there = ", ".join(self.files) or "none"
            raise LookupError(f"There is no part {wanted!r}; there is {there}. {self.note}".strip())
        return self.files[wanted]
