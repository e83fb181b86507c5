"""Files that are written while their rows come: memory holds none, and they appear whole or not at all."""

import csv
import io
import os
import secrets
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from indexing.compute.plain.side_files import ROW_FIELDS, Row, row_line

HEADER_BYTES = 128  # what numpy pads the header of an array with few axes to


class _Growing:
    """A temporary file beside `path`. Used as a context manager; without `publish` it is gone at its end."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # a name that no resume takes for done, as `whole_files.writing_whole` makes it
        self.temporary = path.with_name(f".{path.name[:60]}.{os.getpid()}-{secrets.token_hex(4)}.part")
        self._out = self.temporary.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.close()
        self.temporary.unlink(missing_ok=True)

    def publish(self) -> None:
        """Put what was closed in its place."""
        self.temporary.replace(self.path)


class GrowingNpy(_Growing):
    """Rows of `width` float32 to a .npy at `path`."""

    def __init__(self, path: Path, width: int) -> None:
        super().__init__(path)
        self._width, self.num_rows = width, 0
        self._out.write(b"\0" * HEADER_BYTES)

    @property
    def shape(self) -> tuple[int, int]:
        return self.num_rows, self._width

    def add(self, rows: np.ndarray) -> None:
        """(N, width) float32 after those that are there."""
        if rows.ndim != 2 or rows.shape[1] != self._width or rows.dtype != np.float32:
            raise ValueError(f"rows must be (N, {self._width}) float32, got {rows.shape} {rows.dtype}")
        self._out.write(np.ascontiguousarray(rows).data)
        self.num_rows += len(rows)

    def close(self) -> None:
        """All rows are there; the temporary file is a whole .npy now."""
        header = io.BytesIO()
        facts = {"descr": "<f4", "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(header, facts)
        if len(header.getvalue()) != HEADER_BYTES:
            raise ValueError(f"the header of a .npy has {len(header.getvalue())} bytes, not {HEADER_BYTES}")
        self._out.seek(0)
        self._out.write(header.getvalue())
        self._out.close()


class GrowingRows(_Growing):
    """What the rows of `output` are, to the .rows.csv beside it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._text = io.TextIOWrapper(self._out, encoding="utf-8", newline="", write_through=False)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(ROW_FIELDS)

    def add(self, row: Row) -> None:
        self._writer.writerow(row_line(row))

    def close(self) -> None:
        """All rows are there."""
        self._text.close()
