"""Frames of videos for a player: which there are, and their pictures, decoded when somebody asks."""

import struct
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from indexing.compute.decoder import Decoder
from indexing.compute.files import text_to_path
from indexing.compute.frame_table import FrameTable
from indexing.compute.media_facts import MediaRefused
from indexing.models import MediaFile
from indexing.services.items import FrameCache

MOST_IN_RUN = 64  # pictures in one answer
TABLE_FRAMES = 4_000_000  # kept in memory: 13 bytes each
CACHE_BYTES = 96 << 20  # of pictures, in each process
ImageFormat = Literal["jpeg", "png"]


class TableCache:
    """The tables asked for last, up to a number of frames in all; safe for threads."""

    def __init__(self, max_frames: int) -> None:
        self._max, self._size = max_frames, 0
        self._held: OrderedDict[str, FrameTable] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, sha256: str) -> FrameTable | None:
        with self._lock:
            if sha256 in self._held:
                self._held.move_to_end(sha256)
            return self._held.get(sha256)

    def put(self, sha256: str, table: FrameTable) -> None:
        with self._lock:
            held = self._held.pop(sha256, None)
            self._size += len(table) - (len(held) if held is not None else 0)
            self._held[sha256] = table
            while self._size > self._max and len(self._held) > 1:
                self._size -= len(self._held.popitem(last=False)[1])


_tables = TableCache(TABLE_FRAMES)
_pictures = FrameCache(CACHE_BYTES)
# Two children, started when first needed: a long video that is being listed holds up nobody who steps.
_lister, _decoder = Decoder(), Decoder()
_listing = threading.Lock()


def frame_table(media_file: MediaFile) -> FrameTable:
    """The frames of a video, which is decoded for it the first time; MediaRefused if it cannot be."""
    table = _tables.get(media_file.sha256)
    if table is not None:
        return table
    with _listing:
        table = _tables.get(media_file.sha256)  # somebody else may have asked for it meanwhile
        if table is None:
            table = _lister.frame_table(media_file.path)
            _tables.put(media_file.sha256, table)
        return table


def frame_picture(
    media_file: MediaFile, pts: int, *, image_format: ImageFormat = "jpeg", max_side_px: int | None = None
) -> bytes:
    """The frame at exactly `pts`, in the pixels of its feature and its export; MediaRefused without one."""
    found = pictures(media_file, [pts], image_format=image_format, max_side_px=max_side_px)
    if pts not in found:
        raise MediaRefused("no-such-frame", f"There is no frame at pts {pts}.")
    return found[pts]


def pictures(
    media_file: MediaFile,
    pts: Sequence[int],
    *,
    image_format: ImageFormat = "jpeg",
    max_side_px: int | None = None,
) -> dict[int, bytes]:
    """The pictures of the frames at these pts, where there is one; one pass over what is not cached."""
    table = frame_table(media_file)
    names = {at: (media_file.sha256, f"{at}-{image_format}-{max_side_px}") for at in pts if table.has(at)}
    found = {at: held for at, name in names.items() if (held := _pictures.get(name)) is not None}
    missing = sorted(names.keys() - found.keys())
    if not missing:
        return found
    keys = table.keys_near(missing[0], missing[-1])
    try:
        made = _decoder.frame_pictures(
            media_file.path, missing, form=image_format, max_side_px=max_side_px, keys=keys
        )
        for at, picture in made:
            found[at] = picture
            _pictures.put(names[at], picture)
    except MediaRefused as error:
        if error.code != "no-such-frame":
            raise
    return found


def packed(found: dict[int, bytes], order: Sequence[int]) -> bytes:
    """Pictures in one body, little-endian: u32 count, per picture i64 pts and u32 bytes, then the bytes."""
    there = [at for at in dict.fromkeys(order) if at in found]
    head = b"".join(struct.pack("<qI", at, len(found[at])) for at in there)
    return struct.pack("<I", len(there)) + head + b"".join(found[at] for at in there)


def spread(table: FrameTable, start_pts: int, stop_pts: int, count: int) -> list[int]:
    """Up to `count` pts of the frames in [start_pts, stop_pts), evenly taken, the first one included."""
    within = table.within(start_pts, stop_pts).tolist()
    if len(within) <= count:
        return within
    return [within[at * len(within) // count] for at in range(count)]


def video_bytes(media_file: MediaFile) -> Path:
    """Where the video's bytes lie; MediaRefused where they are not those that were taken in."""
    path = text_to_path(media_file.path)
    try:
        is_same = path.stat().st_size == media_file.size_bytes
    except OSError:
        is_same = False
    if not is_same:
        raise MediaRefused(
            "gone", "The file is no longer where it was. Put it back, or scan its folder again."
        )
    return path
