"""Weights on this machine: the model folder first, then a checked download into it."""

import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from indexing.compute.encoders.catalog import file_name_for, weights_file
from indexing.compute.encoders.specs import Download, EncoderSpec, WeightsMissing, WeightsRefused
from indexing.compute.files import sha256_of

Progress = Callable[[int, int], None]  # bytes so far, bytes in all (0: the server does not say)
BLOCK_BYTES = 1 << 18
TIMEOUT_SECONDS = 30.0


class LocalWeights(NamedTuple):
    """A weights file and the sha256 of its bytes."""

    path: Path
    sha256: str


class Weighted(Protocol):
    """What is asked of a spec to find its weights."""

    @property
    def key(self) -> str: ...
    @property
    def download(self) -> Download | None: ...
    @property
    def sha256(self) -> str: ...


def find_or_fetch(spec: EncoderSpec, model_dir: Path, on_progress: Progress | None = None) -> LocalWeights:
    """The weights of `spec`: from the model folder, else fetched into it; WeightsMissing names it."""
    return found_or_fetched(
        spec, weights_file(spec, model_dir), model_dir, file_name=file_name_for(spec), on_progress=on_progress
    )


def found_or_fetched(
    spec: Weighted,
    path: Path | None,
    model_dir: Path,
    *,
    file_name: str,
    on_progress: Progress | None = None,
) -> LocalWeights:
    """The weights at `path`, checked; else those published, fetched; WeightsMissing names `file_name`."""
    if path is None:
        if spec.download is None:
            raise WeightsMissing(f"{spec.key} needs its weights: put them into {model_dir} as {file_name}")
        path = fetch(spec.download, model_dir, on_progress)
    sha256 = sha256_of(path)
    if spec.sha256 and sha256 != spec.sha256:
        raise WeightsRefused(f"{path} must have the sha256 {spec.sha256}, it has {sha256}: fetch it again")
    # A published file that was cut short on its way is refused by name, not by a loader's surprise.
    if spec.download and path.name == spec.download.file_name:
        _check(sha256, spec.download, path)
    return LocalWeights(path, sha256)


def fetch(download: Download, model_dir: Path, on_progress: Progress | None = None) -> Path:
    """Download into `model_dir`, going on where an earlier try stopped; only what checks gets its name."""
    path = model_dir / download.file_name
    part = model_dir / f"{download.file_name}.part"
    try:
        model_dir.mkdir(parents=True, exist_ok=True)
        _receive(download.url, part, on_progress or (lambda done, total: None))
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise WeightsMissing(
            f"{download.url} could not be fetched ({reason}). Try again, or fetch it on another machine and "
            f"put it into {model_dir} as {download.file_name}"
        ) from error
    try:
        _check(sha256_of(part), download, path)
    except WeightsRefused:
        part.unlink()  # to go on from wrong bytes would never end well
        raise
    part.replace(path)
    return path


def _receive(url: str, part: Path, on_progress: Progress) -> None:
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError(f"weights are fetched over https only, got {url}")
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url)  # noqa: S310 - the scheme was checked above
    if start:
        request.add_header("Range", f"bytes={start}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return  # all of it was there; the sha256 decides
        raise
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = start + length if length else 0
        done = start
        with part.open("ab" if start else "wb") as file:
            while block := answer.read(BLOCK_BYTES):
                file.write(block)
                done += len(block)
                on_progress(done, total)
            file.flush()
            os.fsync(file.fileno())
    if total and done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _check(sha256: str, download: Download, path: Path) -> None:
    if not sha256.startswith(download.sha256_prefix):
        raise WeightsRefused(
            f"{path} is damaged: its sha256 must begin with {download.sha256_prefix}, it is {sha256}; "
            f"fetch it again from {download.url}"
        )
