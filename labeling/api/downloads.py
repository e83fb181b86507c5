"""A file in one piece or in parts (RFC 9110 ranges), streamed from disk."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags

from sisyphus_web.api import Refused

BLOCK_BYTES = 1 << 18
SMALL_BYTES = 1 << 20  # the buffers on the way hold so much: it keeps nobody waiting
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
# A download holds a thread of this process for as long as its reader takes: pages keep the other half.
_places = threading.BoundedSemaphore(settings.DOWNLOADS_AT_ONCE)


class TooManyDownloads(Refused):
    """Every place for a download is taken; `wait` becomes the header Retry-After."""

    wait = 15  # seconds

    def __init__(self) -> None:
        sentence = "The server sends as many files at once as it can. Ask again in a few seconds."
        super().__init__("busy", sentence, status_code=503)


def send_file(
    request: HttpRequest, path: Path, *, etag: str, name: str, content_type: str, in_parts: bool = False
) -> HttpResponseBase:
    """200 with the file, 206 with the range asked for, 304 where the client has it, 416 beyond its end.

    `etag` is strong and quoted. A range is given only of the very bytes that If-Range names; several
    ranges, or what is no range, give the whole file. TooManyDownloads, a 503, where no more can be sent at
    once. With `in_parts`, of a range comes at most what keeps nobody waiting, and is never refused: a player
    asks for the rest when it wants to go on (a server may send less of a range: RFC 9110, 14.2), and while it
    stands still no thread waits for it.
    """
    size_bytes = path.stat().st_size
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-transform",
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or "attachment",
    }
    held = parse_etags(request.headers.get("If-None-Match", ""))
    if etag in held or "*" in held:
        return HttpResponse(status=304, headers={"ETag": etag})
    start, stop, status = 0, size_bytes, 200
    part = _part(request.headers.get("Range", ""), size_bytes)
    if part is not None and request.headers.get("If-Range", etag) == etag:
        start, stop = part
        if start >= stop:
            return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size_bytes}"})
        stop = min(stop, start + SMALL_BYTES) if in_parts else stop
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size_bytes}"
    headers["Content-Length"] = str(stop - start)
    blocks = _Blocks(path, start, stop, takes_place=stop - start > SMALL_BYTES)
    return StreamingHttpResponse(blocks, status=status, content_type=content_type, headers=headers)


def _part(asked: str, size_bytes: int) -> tuple[int, int] | None:
    """[start, stop) of the one range asked for, empty where none of it is there; None: no such range."""
    found = ONE_RANGE.fullmatch(asked.replace(" ", ""))
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:  # the last N bytes
        return max(0, size_bytes - int(last)), size_bytes
    if last and int(last) < int(first):
        return None
    return int(first), min(size_bytes, int(last) + 1) if last else size_bytes


class _Blocks:
    """The bytes [start, stop) of a file, block by block; its place is free once it is read or closed."""

    def __init__(self, path: Path, start: int, stop: int, *, takes_place: bool) -> None:
        self._has_place = takes_place and _places.acquire(blocking=False)
        if takes_place and not self._has_place:
            raise TooManyDownloads
        self._path, self._start, self._stop = path, start, stop

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                file.seek(self._start)
                left = self._stop - self._start
                while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
                    left -= len(block)
                    yield block
        finally:
            self.close()

    def close(self) -> None:
        """Give the place back; also where the reader went away, or nothing was read."""
        has_place, self._has_place = self._has_place, False
        if has_place:
            _places.release()

    __del__ = close
