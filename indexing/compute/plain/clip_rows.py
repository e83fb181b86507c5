"""The features of one video on their way into its file: (n_clips, n_crops, D), never all in memory."""

import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from indexing.compute.plain.side_files import Row
from indexing.compute.plain.whole_files import writing_whole

CHUNK_BYTES = 1 << 20
MEMORY_BYTES = 4 << 20


class ClipRows:
    """Rows as they come; from some megabytes on in a nameless file of the system's temporary folder.

    It ends with the process, so that a kill leaves nothing behind, and no output folder sees a part.
    """

    def __init__(self, num_crops: int, width: int) -> None:
        self.rows: list[Row] = []
        self._shape = (num_crops, width)
        self._row_bytes = num_crops * width * 4
        self._num_found = 0
        self._file = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115 - closed by close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the parts up; closing again does nothing."""
        self._file.close()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_clips, n_crops, D) of what has been found until now."""
        return (self._num_found, *self._shape)

    @property
    def num_missing(self) -> int:
        """How many clips are announced and not found yet."""
        return len(self.rows) - self._num_found

    def announce(self, row: Row) -> None:
        """A clip whose features will come; its place is `row.row`, whichever comes first."""
        self.rows.append(row)

    def found(self, place: int, features: np.ndarray) -> None:
        """The features (n_crops, D) of the clip announced as row `place`; they must be finite."""
        if features.shape != self._shape or features.dtype != np.float32:
            raise ValueError(f"features must be {self._shape} float32, got {features.shape} {features.dtype}")
        if not np.isfinite(features).all():
            raise ValueError("the network gave numbers that are not finite; try --precision fp32")
        self._file.seek(place * self._row_bytes)
        self._file.write(np.ascontiguousarray(features).tobytes())
        self._num_found += 1

    def clear(self) -> None:
        """As if nothing had come."""
        self.rows.clear()
        self._num_found = 0
        self._file.truncate(0)

    def in_order(self) -> list[Row]:
        """The rows by their place; ValueError unless they are 0, 1, 2 ..."""
        ordered = sorted(self.rows, key=lambda row: row.row)
        if [row.row for row in ordered] != list(range(len(ordered))):
            raise ValueError(f"rows must be 0 to {len(ordered) - 1}, got {[row.row for row in ordered]}")
        return ordered

    def write_to(self, path: Path) -> None:
        """All of it as .npy at `path`, whole or not at all."""
        with writing_whole(path) as out:
            for chunk in self._content():
                out.write(chunk)

    def sha256(self) -> str:
        """Of the file that `write_to` writes."""
        digest = hashlib.sha256()
        for chunk in self._content():
            digest.update(chunk)
        return digest.hexdigest()

    def _content(self) -> Iterator[bytes]:
        head = io.BytesIO()
        facts = {"descr": "<f4", "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(head, facts)
        yield head.getvalue()
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk
