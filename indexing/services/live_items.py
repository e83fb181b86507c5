"""The live items of a corpus as columns: how builds and the search service read them, a million a second."""

from typing import NamedTuple

import numpy as np
from django.db import connection

from indexing.models import Unit

# One row of COPY's binary format: the number of fields, then each with its length before it.
_ROW = np.dtype(
    [
        ("num_fields", ">i2"),
        ("item_bytes", ">i4"),
        ("item", ">i8"),
        ("media_file_bytes", ">i4"),
        ("media_file", ">i8"),
        ("stack_bytes", ">i4"),
        ("stack", ">i8"),
        ("pts_bytes", ">i4"),
        ("pts_seconds", ">f8"),
        ("is_video_bytes", ">i4"),
        ("is_video", "?"),
    ]
)
_HEADER_BYTES, _TRAILER_BYTES = 19, 2
# Items go in one by one, media files as a whole: an item is live when neither it nor its file is deleted.
_LIVE = """
COPY (
    SELECT item.id, item.media_file_id, COALESCE(item.stack_id, 0), item.pts_seconds, file.kind = 'video'
    FROM indexing_item item JOIN indexing_mediafile file ON file.id = item.media_file_id
    WHERE item.corpus_id = {} AND item.deleted_at IS NULL AND file.deleted_at IS NULL {}
    ORDER BY item.id
) TO STDOUT (FORMAT binary)
"""


class LiveItems(NamedTuple):
    """Columns in order of item id; stack 0: none."""

    item_ids: np.ndarray  # (M,) int64
    media_files: np.ndarray  # (M,) int64
    stacks: np.ndarray  # (M,) int64
    pts_seconds: np.ndarray  # (M,) float64
    is_video: np.ndarray  # (M,) bool


def read_live_items(corpus_id: int, unit: str | None = None) -> LiveItems:
    """Every item of the corpus, or of one unit of it, that is not deleted, nor is its media file."""
    within = "" if unit is None else f"AND item.kind {'=' if unit == Unit.CLIP else '<>'} 'clip'"
    data = bytearray()
    # COPY takes no parameters; a number cannot be anything but a number.
    with connection.cursor() as cursor, cursor.copy(_LIVE.format(int(corpus_id), within)) as rows:
        for block in rows:
            data += block
    num_rows = (len(data) - _HEADER_BYTES) // _ROW.itemsize
    table = np.frombuffer(data, _ROW, offset=_HEADER_BYTES, count=num_rows)
    if len(data) != _HEADER_BYTES + len(table) * _ROW.itemsize + _TRAILER_BYTES:
        raise RuntimeError(f"COPY gave {len(data)} bytes, which are not rows of {_ROW.itemsize}")
    columns = ("item", "media_file", "stack", "pts_seconds", "is_video")
    return LiveItems(*(table[name].astype(table[name].dtype.newbyteorder("=")) for name in columns))
