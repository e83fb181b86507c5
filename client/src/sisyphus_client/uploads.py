"""Files up: in chunks, continued where they broke off, compared by sha256 at the end."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import httpx

from sisyphus_client.errors import ApiError, Unreachable
from sisyphus_client.progress import OnProgress, Progress, silent
from sisyphus_client.transport import BUSY, Transport, address, asked_to_wait, raise_for, refusal

CHUNK_BYTES = 8 << 20


def sha256_of(path: Path) -> str:
    """Of the file's bytes, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def upload(
    transport: Transport,
    corpus: int,
    path: Path,
    *,
    name: str = "",
    chunk_bytes: int = CHUNK_BYTES,
    on_progress: OnProgress = silent,
) -> str:
    """Send a file; the id of the upload, whole. One that broke off, also in another process, is continued."""
    size = path.stat().st_size
    shown = name or path.name
    about = {"name": shown, "size_bytes": size, "sha256": sha256_of(path)}
    begun = transport.send("POST", f"corpora/{corpus}/uploads/", json=about).json()
    place = f"corpora/{corpus}/uploads/{begun['id']}/"
    with path.open("rb") as file:
        said = begun
        while said["state"] == "receiving":
            offset = int(said["received_bytes"])
            on_progress(Progress(offset, size, "bytes", shown))
            file.seek(offset)
            said = _send_chunk(transport, place, offset, file.read(chunk_bytes))
    on_progress(Progress(size, size, "bytes", shown))
    return str(begun["id"])


def _send_chunk(transport: Transport, place: str, offset: int, chunk: bytes) -> dict[str, Any]:
    """The state of the upload after one chunk; where it is unclear what arrived, the server is asked."""
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
    for wait in transport.waits():
        try:
            response = transport.http.patch(address(place), content=chunk, headers=headers)
        except httpx.TransportError as error:
            failure: Exception = error
        else:
            if response.status_code == 409 and refusal(response).code == "wrong-offset":
                return dict(transport.get(place))
            if response.status_code not in BUSY and refusal(response).code != "busy":
                raise_for(response)
                return dict(response.json())
            failure = refusal(response)
        if wait is None:
            raise failure if isinstance(failure, ApiError) else Unreachable(str(failure)) from failure
        time.sleep(max(wait, asked_to_wait(failure)))
        said = dict(transport.get(place))
        if said["state"] != "receiving" or int(said["received_bytes"]) != offset:
            return said  # it arrived, only the answer did not
    raise AssertionError("unreachable")
