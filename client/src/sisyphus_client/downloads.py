"""Files down: continued at the byte where they broke off, whole or not there."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import httpx

from sisyphus_client.errors import ApiError, ChecksumMismatch, Unreachable
from sisyphus_client.progress import OnProgress, Progress, silent
from sisyphus_client.transport import BUSY, Transport, address, asked_to_wait, refusal


def download(
    transport: Transport,
    place: str,
    path: Path,
    *,
    size_bytes: int,
    sha256: str,
    on_progress: OnProgress = silent,
) -> Path:
    """The file at `place` to `path`, by way of `path`.part, which a later call continues.

    ChecksumMismatch if its bytes are not those of `sha256`. A try that brought bytes counts for nothing:
    only tries in a row without any lead to Unreachable.
    """
    part = path.with_name(f"{path.name}.part")
    waits = list(transport.waits())
    failures = 0
    while (held := part.stat().st_size if part.exists() else 0) < size_bytes or not part.exists():
        try:
            _fetch(transport, place, part, held, size_bytes, sha256, on_progress)
        except (httpx.TransportError, ApiError) as error:
            if isinstance(error, ApiError) and error.status not in BUSY:
                raise
            failures = 0 if part.exists() and part.stat().st_size > held else failures + 1
            wait = waits[min(failures, len(waits) - 1)]
            if wait is None:
                raise Unreachable(f"{place}: {error}") from error
            time.sleep(max(wait, asked_to_wait(error)))
    on_progress(Progress(size_bytes, size_bytes, "bytes", path.name))
    found = hashlib.sha256()
    with part.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    if found.hexdigest() != sha256:
        part.unlink()
        raise ChecksumMismatch(f"{path.name} came with other bytes than the server has; download it again.")
    return part.replace(path)


def _fetch(
    transport: Transport,
    place: str,
    part: Path,
    held: int,
    size_bytes: int,
    sha256: str,
    on_progress: OnProgress,
) -> None:
    """The rest of the file, appended to what is there; all of it if the server has another by now."""
    headers = {"Accept-Encoding": "identity"}
    if held:
        headers |= {"Range": f"bytes={held}-", "If-Range": f'"{sha256}"'}
    with transport.http.stream("GET", address(place), headers=headers) as response:
        if response.status_code >= 400:
            response.read()
            raise refusal(response)
        with part.open("ab" if response.status_code == 206 else "wb") as file:
            done = held if response.status_code == 206 else 0
            for block in response.iter_raw():
                file.write(block)
                done += len(block)
                on_progress(Progress(done, size_bytes, "bytes", part.stem))
    if done < size_bytes:
        raise httpx.RemoteProtocolError(f"only {done} of {size_bytes} bytes came")
