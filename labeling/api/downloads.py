"""A file in one piece or in parts (RFC 9110 ranges), streamed from disk."""

import re
from collections.abc import Iterator
from pathlib import Path

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header, parse_etags

BLOCK_BYTES = 1 << 18
ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def send_file(
    request: HttpRequest, path: Path, *, etag: str, name: str, content_type: str
) -> HttpResponseBase:
    """200 with the file, 206 with the range asked for, 304 where the client has it, 416 beyond its end.

    `etag` is strong and quoted. A range is given only of the very bytes that If-Range names; several
    ranges, or what is no range, give the whole file.
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
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size_bytes}"
    headers["Content-Length"] = str(stop - start)
    return StreamingHttpResponse(
        _blocks(path, start, stop), status=status, content_type=content_type, headers=headers
    )


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


def _blocks(path: Path, start: int, stop: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = stop - start
        while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block
