"""Which media file a line of an import means: by its sha256, else by its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from django.db import connection

from labeling.compute.imports.rows import Row, fits
from sisyphus_web.accounts.models import Corpus

MOST_KNOWN = 200_000  # answers remembered between chunks

# A sha256 or its beginning, as the range of the index it is.
BY_SHA256 = """
    SELECT wanted.start, media.id, media.kind, media.width_px, media.height_px, media.name
    FROM unnest(%s::text[]) AS wanted(start)
    JOIN indexing_mediafile media ON media.corpus_id = %s AND media.deleted_at IS NULL
     AND media.sha256 >= wanted.start AND media.sha256 < wanted.start || 'g'
"""
# The last part of every name a file was ever seen under, without its suffix.
NAMES = r"""
    CREATE TEMPORARY TABLE import_name AS
    SELECT DISTINCT regexp_replace(regexp_replace(name, '^.*/', ''), '(.)\.[^.]*$', '\1') AS stem, name, media
    FROM (
        SELECT name, id AS media FROM indexing_mediafile WHERE corpus_id = %(corpus)s AND deleted_at IS NULL
        UNION ALL
        SELECT path.relative_path, media.id
        FROM indexing_mediapath path
        JOIN indexing_mediafile media ON media.id = path.media_file_id
        WHERE media.corpus_id = %(corpus)s AND media.deleted_at IS NULL
    ) seen
"""
BY_STEM = """
    SELECT seen.stem, seen.name, media.id, media.kind, media.width_px, media.height_px, media.name
    FROM import_name seen JOIN indexing_mediafile media ON media.id = seen.media
    WHERE seen.stem = ANY(%s)
"""


class Media(NamedTuple):
    """A media file as the matching of items needs it."""

    id: int
    kind: str
    width_px: int
    height_px: int
    name: str


class Unmatched(NamedTuple):
    """Why there is no media file for a line."""

    code: str
    detail: str


Found = Media | Unmatched


class MediaFinder:
    """Finds media files of one corpus, chunk by chunk; `sha256_of` gives that of a picture of the import."""

    def __init__(self, corpus: Corpus, sha256_of: Callable[[str], str]) -> None:
        self._corpus, self._sha256_of = corpus, sha256_of
        self._by_sha256: dict[str, list[Media]] = {}
        self._by_name: dict[str, Found] = {}
        self._by_picture: dict[str, str] = {}
        self._has_names = False

    def find(self, rows: Sequence[Row]) -> list[Found]:
        """The media file of every row: its sha256 counts most, then that of its picture, then its name."""
        for known in (self._by_sha256, self._by_name, self._by_picture):
            if len(known) > MOST_KNOWN:
                known.clear()
        self._look_up({row.media_sha256 for row in rows if row.media_sha256})
        pictures = {row.picture for row in rows if row.picture and not self._by_sha256.get(row.media_sha256)}
        for picture in pictures - self._by_picture.keys():
            self._by_picture[picture] = self._sha256_of(picture)
        self._look_up({self._by_picture[picture] for picture in pictures} - {""})
        names = {row.media_name for row in rows if row.media_name and not self._of_bytes(row)}
        self._look_up_names(names - self._by_name.keys())
        return [self._found(row) for row in rows]

    def forget(self) -> None:
        """Drop the table of names; the connection outlives the job."""
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS import_name")
        self._has_names = False

    def _found(self, row: Row) -> Found:
        of_bytes = self._of_bytes(row)
        if len(of_bytes) == 1:
            return of_bytes[0]
        if of_bytes:
            return Unmatched("ambiguous-media", f"{len(of_bytes)} media files begin with {row.media_sha256}.")
        if row.media_name:
            return self._by_name[row.media_name]
        return Unmatched("unknown-media", f"There is no media file {row.media_sha256[:16]} in this corpus.")

    def _of_bytes(self, row: Row) -> list[Media]:
        of_row = self._by_sha256.get(row.media_sha256, [])
        return of_row or self._by_sha256.get(self._by_picture.get(row.picture, ""), [])

    def _look_up(self, starts: set[str]) -> None:
        wanted = [each for each in starts - self._by_sha256.keys() if len(each) >= 8]
        if not wanted:
            return
        self._by_sha256 |= {each: [] for each in wanted}
        with connection.cursor() as cursor:
            cursor.execute(BY_SHA256, [wanted, self._corpus.pk])
            for start, *media in cursor.fetchall():
                self._by_sha256[start].append(Media(*media))

    def _look_up_names(self, names: set[str]) -> None:
        if not names:
            return
        stems = {_stem(name) for name in names} | {PurePosixPath(name).name for name in names}
        candidates: dict[str, list[tuple[str, Media]]] = {}
        with connection.cursor() as cursor:
            if not self._has_names:
                cursor.execute("DROP TABLE IF EXISTS import_name")
                cursor.execute(NAMES, {"corpus": self._corpus.pk})
                cursor.execute("CREATE INDEX ON import_name (stem)")
                cursor.execute("ANALYZE import_name")
                self._has_names = True
            cursor.execute(BY_STEM, [list(stems)])
            for stem, name, *media in cursor.fetchall():
                candidates.setdefault(stem, []).append((name, Media(*media)))
        for name in names:
            near = candidates.get(_stem(name), []) + candidates.get(PurePosixPath(name).name, [])
            self._by_name[name] = _best(name, near)


def _best(name: str, near: Sequence[tuple[str, Media]]) -> Found:
    """The one media file that may be called `name`; of several, the one that is called so and no more."""
    fitting = {media.id: media for known, media in near if fits(name, known)}
    if len(fitting) > 1:
        whole = {media.id: media for known, media in near if known == name}
        fitting = whole or fitting
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        known = ", ".join(sorted(media.name for media in fitting.values())[:3])
        return Unmatched("ambiguous-media", f"{name} may be any of {len(fitting)} media files: {known}.")
    return Unmatched("unknown-media", f"There is no media file {name} in this corpus.")


def _stem(name: str) -> str:
    last = PurePosixPath(name).name
    head, dot, _ = last.rpartition(".")
    return head if dot and head else last
