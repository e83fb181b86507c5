"""Frozen dataset versions and their exports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sisyphus_client.downloads import download
from sisyphus_client.jobs import Job
from sisyphus_client.progress import OnProgress, silent
from sisyphus_client.transport import Transport


@dataclass
class Export:
    """A dataset version written in one format; its file is there once its job is done."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.said["status"])

    @property
    def sha256(self) -> str:
        """Of the file; empty until it is written."""
        return str(self.said["sha256"])

    def wait(self, *, timeout_seconds: float | None = None, on_progress: OnProgress = silent) -> Export:
        """Until the file is there; JobFailed if it will not be."""
        if not self.sha256 and self.said["job"] is not None:
            job = Job.of(self.transport, self.corpus, self.said["job"])
            job.wait(timeout_seconds=timeout_seconds, on_progress=on_progress)
        self.said = self.transport.get(f"corpora/{self.corpus}/exports/{self.id}/")
        return self

    def download(self, to: Path | str, *, on_progress: OnProgress = silent) -> Path:
        """The file into the folder `to`, or to that path; a broken-off download goes on at its byte."""
        self.wait()
        path = Path(to)
        if path.is_dir():
            path = path / str(self.said["file_name"])
        return download(
            self.transport,
            str(self.said["url"]),
            path,
            size_bytes=int(self.said["size_bytes"]),
            sha256=self.sha256,
            on_progress=on_progress,
        )


@dataclass
class DatasetVersion:
    """A frozen list of answers with their split; `card` says where they come from and what was left out."""

    transport: Transport
    corpus: int
    id: int
    said: dict[str, Any]

    @property
    def number(self) -> int:
        return int(self.said["number"])

    @property
    def sha256(self) -> str:
        return str(self.said["sha256"])

    @property
    def card(self) -> dict[str, Any]:
        return dict(self.said["card"])

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Side -> answer -> lines."""
        return dict(self.said["counts"])

    def export(
        self, form: str, *, with_pixels: bool = True, image_format: str = "jpeg", clip_format: str = ""
    ) -> Export:
        """Start writing it as image_folder, coco, yolo, voc, csv, jsonl, parquet, webdataset, ...

        `clip_format` h264, copy or lossless, of a version of clips.
        """
        asked = {
            "dataset_version": self.id,
            "format": form,
            "with_pixels": with_pixels,
            "image_format": image_format,
        }
        if clip_format:
            asked["clip_format"] = clip_format
        made = self.transport.post(f"corpora/{self.corpus}/exports/", asked)
        return Export(self.transport, self.corpus, made["id"], made)

    def diff(self, older: DatasetVersion) -> dict[str, Any]:
        """What changed since an older version: counts, and the first thousand lines."""
        return dict(self.transport.get(f"corpora/{self.corpus}/datasets/{self.id}/diff/{older.id}/"))
