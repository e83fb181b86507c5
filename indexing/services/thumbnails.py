"""Thumbnails of items: packs are written once, and read by (pack, offset, bytes)."""

import os
import struct
from collections.abc import Iterable, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.db import connection

from indexing.compute.files import write_beside
from indexing.compute.thumbnails import PackWriter, Place, read_thumbnail
from indexing.models import Item
from indexing.services.media_rows import PackFile
from sisyphus_web.accounts.models import Corpus

MOST = 500  # thumbnails in one answer
# By pack, and in one the way it lies. The ids come as one array: 500 parameters cost more than the answer.
PLACES = """
    SELECT pack.sha256, item.id, item.thumbnail_offset, item.thumbnail_bytes
    FROM indexing_item item JOIN indexing_thumbnailpack pack ON pack.id = item.thumbnail_pack_id
    WHERE item.id = ANY(%s::bigint[]) AND item.corpus_id = %s AND item.deleted_at IS NULL
    ORDER BY pack.sha256, item.thumbnail_offset
"""


def pack_path(corpus_id: int, sha256: str) -> Path:
    """Where a pack lies."""
    return settings.DATA_DIR / "thumbnails" / str(corpus_id) / f"{sha256}.pack"


def write_pack(corpus_id: int, jpegs: Iterable[bytes]) -> tuple[PackFile, list[Place]]:
    """One immutable file with these JPEGs, on disk when this returns, and where each of them lies."""
    whole = BytesIO()
    pack = PackWriter(whole)
    places = [pack.append(jpeg) for jpeg in jpegs]
    path = pack_path(corpus_id, pack.sha256)
    if not path.exists():
        with write_beside(path) as file:
            file.write(whole.getbuffer())
    return PackFile(pack.sha256, pack.num_bytes), places


def thumbnail_of(item: Item) -> bytes:
    """The item's JPEG; FileNotFoundError if it has none, OSError if its pack is damaged."""
    if item.thumbnail_pack is None:
        raise FileNotFoundError(f"item {item.pk} has no thumbnail")
    pack = pack_path(item.corpus_id, item.thumbnail_pack.sha256)
    return read_thumbnail(pack, Place(item.thumbnail_offset, item.thumbnail_bytes))


def thumbnails_of(corpus: Corpus, ids: Sequence[int]) -> bytes:
    """Many thumbnails in one body, little-endian: u32 count, per item u64 id and u32 bytes, then the JPEGs.

    In the order of `ids`; what the corpus does not have, or cannot read, is left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(PLACES, [f"{{{','.join(map(str, ids[:MOST]))}}}", corpus.pk])
        rows = cursor.fetchall()
    jpegs: dict[int, bytes] = {}
    for sha256, group in groupby(rows, key=lambda row: row[0]):
        try:
            with pack_path(corpus.pk, sha256).open("rb", buffering=0) as pack:  # once, not for each
                for _, item_id, offset, num_bytes in group:
                    jpeg = os.pread(pack.fileno(), num_bytes, offset)
                    if len(jpeg) == num_bytes:
                        jpegs[item_id] = jpeg
        except OSError:
            continue
    found = [item_id for item_id in dict.fromkeys(ids[:MOST]) if item_id in jpegs]
    head = b"".join(struct.pack("<QI", item_id, len(jpegs[item_id])) for item_id in found)
    return b"".join([struct.pack("<I", len(found)), head, *map(jpegs.__getitem__, found)])  # copied once
