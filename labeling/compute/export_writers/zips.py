"""Zip archives that are the same bytes whenever the same entries are written in the same order."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

DATE = (1980, 1, 1, 0, 0, 0)  # the first that zip can say
BLOCK_BYTES = 1 << 20


def add_entry(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Store `data` as it is: pictures do not get smaller."""
    archive.writestr(_info(name), data)


def add_folder(archive: zipfile.ZipFile, name: str) -> None:
    """A folder that is there also when nothing is in it."""
    info = _info(f"{name}/")
    info.external_attr = (0o40755 << 16) | 0x10  # a folder, for Unix and for Windows
    archive.writestr(info, b"")


@contextmanager
def entry_open(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    """An entry of any size, written piece by piece."""
    with archive.open(_info(name), "w", force_zip64=True) as out:
        yield out


def copy_entries(archive: zipfile.ZipFile, chunk: IO[bytes]) -> int:
    """Append every entry of the zip in `chunk`, in its order; their number."""
    with zipfile.ZipFile(chunk) as source:
        names = source.namelist()
        for name in names:
            add_entry(archive, name, source.read(name))
    return len(names)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=DATE)
    info.compress_type = zipfile.ZIP_STORED
    info.create_system = 3  # Unix, on every system: it is in the bytes
    info.external_attr = 0o644 << 16
    return info
