"""Zip and tar archives, written from front to back: the same entries give the same bytes, in flat memory.

The standard library's writers keep a description of every entry until the end, about half a gigabyte for a
million of them. Here the directory of a zip waits in a temporary file.
"""

import shutil
import struct
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import IO, Protocol, Self

BLOCK_BYTES = 1 << 20
DATE = 0x21  # 1 January 1980, the first that zip can say
UTF_8 = 1 << 11  # the flag of a name that is not ASCII
LIMIT_32 = 0xFFFFFFFF
LOCAL = struct.Struct("<4s5H3L2H")
CENTRAL = struct.Struct("<4s6H3L5H2L")
END = struct.Struct("<4s4H2LH")
END_64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR_64 = struct.Struct("<4sLQL")
# The header of a tar's file around its name, size and checksum; and the sum of what lies around them.
TAR_HEADER = tarfile.TarInfo().tobuf(tarfile.GNU_FORMAT)
TAR_SUM = sum(TAR_HEADER[100:124] + TAR_HEADER[136:148] + b" " * 8 + TAR_HEADER[156:])
TAR_NAME_BYTES, TAR_SIZE_LIMIT = 100, 8**11


class Archive(Protocol):
    """What a dataset is written into, entry by entry."""

    def add(self, name: str, data: bytes) -> None:
        """A file of these bytes; a name that ends with / is a folder."""

    def add_file(self, name: str, path: Path) -> None:
        """A file of any size, from disk."""


class ZipArchive:
    """A zip of stored entries (APPNOTE 6.3.10), 64-bit where that is needed; a context manager."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._at = 0
        self._count = 0
        self._directory = tempfile.TemporaryFile()  # noqa: SIM115 - closed on exit

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._end()
        self._directory.close()

    def add(self, name: str, data: bytes) -> None:
        self._begin(name, len(data), zlib.crc32(data))
        self._write(data)

    def add_file(self, name: str, path: Path) -> None:
        crc = 0
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                crc = zlib.crc32(block, crc)
            self._begin(name, file.tell(), crc)
            file.seek(0)
            while block := file.read(BLOCK_BYTES):
                self._write(block)

    def _begin(self, name: str, size: int, crc: int) -> None:
        """The entry's own header now, its line of the directory later."""
        raw = name.encode()
        flags = 0 if raw.isascii() else UTF_8
        is_64 = size >= LIMIT_32
        short = LIMIT_32 if is_64 else size
        extra = struct.pack("<2H2Q", 1, 16, size, size) if is_64 else b""
        at, start = self._at, LIMIT_32 if self._at >= LIMIT_32 else self._at
        wide = [size, size] if is_64 else []
        wide += [at] if start == LIMIT_32 else []
        needed = 45 if wide else 20
        lasting = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        self._write(
            LOCAL.pack(b"PK\x03\x04", needed, flags, 0, 0, DATE, crc, short, short, len(raw), len(extra))
            + raw
            + extra
        )
        mode = (0o40755 << 16) | 0x10 if name.endswith("/") else 0o100644 << 16
        self._directory.write(
            CENTRAL.pack(
                b"PK\x01\x02", 3 << 8 | needed, needed, flags, 0, 0, DATE, crc, short, short, len(raw),
                len(lasting), 0, 0, 0, mode, start,
            )
            + raw
            + lasting
        )  # fmt: skip
        self._count += 1

    def _end(self) -> None:
        start, size = self._at, self._directory.tell()
        self._directory.seek(0)
        shutil.copyfileobj(self._directory, self._out, BLOCK_BYTES)
        if self._count >= 0xFFFF or start >= LIMIT_32 or size >= LIMIT_32:
            self._out.write(
                END_64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, self._count, self._count, size, start)
                + LOCATOR_64.pack(b"PK\x06\x07", 0, start + size, 1)
            )
        count = min(self._count, 0xFFFF)
        ends = (min(size, LIMIT_32), min(start, LIMIT_32))
        self._out.write(END.pack(b"PK\x05\x06", 0, 0, count, count, *ends, 0))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._at += len(data)


class TarArchive:
    """A tar as WebDataset reads it; a context manager."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._at = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._write(bytes(2 * tarfile.BLOCKSIZE))
            self._write(bytes(-self._at % tarfile.RECORDSIZE))

    def add(self, name: str, data: bytes) -> None:
        self._begin(name, len(data))
        self._write(data)
        self._write(bytes(-len(data) % tarfile.BLOCKSIZE))

    def add_file(self, name: str, path: Path) -> None:
        size = path.stat().st_size
        self._begin(name, size)
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                self._write(block)
        self._write(bytes(-size % tarfile.BLOCKSIZE))

    def _begin(self, name: str, size: int) -> None:
        self._write(_tar_header(name, size))

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._at += len(data)


def _tar_header(name: str, size: int) -> bytes:
    """What tarfile writes before a file or folder; where it is simple, ten times as fast."""
    raw = name.encode()
    if name.isascii() and len(raw) <= TAR_NAME_BYTES and size < TAR_SIZE_LIMIT and not name.endswith("/"):
        digits = b"%011o\0" % size
        total = TAR_SUM + sum(raw) + sum(digits)
        return (
            raw.ljust(TAR_NAME_BYTES, b"\0")
            + TAR_HEADER[100:124]
            + digits
            + TAR_HEADER[136:148]
            + b"%06o\0 " % total
            + TAR_HEADER[156:]
        )
    info = tarfile.TarInfo(name.rstrip("/"))
    info.size = size
    if name.endswith("/"):
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info.tobuf(tarfile.GNU_FORMAT)
