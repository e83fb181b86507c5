"""What was given to import: one file, a zip or a folder, read by name; nothing is unpacked to disk."""

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Self

from indexing.compute.archives import ArchiveRefused, Entry, display_name, entries
from indexing.compute.files import sha256_of
from labeling.compute.imports.rows import PICTURES, FileUnreadable, ImportRefused, Row

MOST_BYTES = 512 << 20  # of one file of labels
MOST_FILES = 2_000_000  # in a folder
IN_MEMORY = 8 << 20
BLOCK_BYTES = 1 << 20
ZIP = b"PK\x03\x04"


class Tree:
    """The files of a folder, of a zip, or one file alone; `names` are sorted. A context manager.

    ImportRefused for what cannot be read or is larger than labels can be. Links are not followed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._archive: zipfile.ZipFile | None = None
        self._entries: dict[str, Entry] = {}
        try:
            if path.is_dir():
                self.names = sorted(_walk(path))
            elif _is_zip(path):
                self._open_zip()
            else:
                self.names = [display_name(path.name)]
        except ArchiveRefused as error:
            raise ImportRefused(str(error)) from error
        except OSError as error:
            raise ImportRefused(f"{path.name} cannot be read ({error.strerror}).") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._archive is not None:
            self._archive.close()

    @property
    def is_one_file(self) -> bool:
        """Whether it is a file alone, no zip and no folder."""
        return self._archive is None and not self.path.is_dir()

    def _open_zip(self) -> None:
        checked = list(entries(self.path))
        self._archive = zipfile.ZipFile(self.path)
        opened = [replace(entry, archive=self._archive) for entry in checked if not entry.refusal]
        self._entries = {entry.name: entry for entry in opened}
        self.names = sorted(self._entries)

    def digest(self) -> str:
        """The sha256 of the file; of a folder, that of its names, sizes and files of labels."""
        if not self.path.is_dir():
            return sha256_of(self.path)
        digest = hashlib.sha256()
        for name in self.names:
            file = self.path / name
            is_picture = name.lower().endswith(PICTURES)
            about = file.stat().st_size if is_picture else sha256_of(file, follow_links=False)
            digest.update(f"{name}\t{about}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """One file of labels, from its beginning; FileUnreadable where it is damaged or above 512 MiB."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            size = 0
            for block in self._blocks(name):
                size += len(block)
                if size > MOST_BYTES:
                    raise FileUnreadable(f"{name} is larger than {MOST_BYTES >> 20} MiB. Split it.")
                file.write(block)
            file.seek(0)
            yield file

    def read(self, name: str) -> bytes:
        """All of one small file."""
        with self.open(name) as file:
            return file.read()

    @contextmanager
    def text(self, name: str) -> Iterator[IO[str]]:
        """One file as UTF-8 text, line ends untouched."""
        with self.open(name) as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            yield text

    def sha256(self, name: str) -> str:
        """Of one file, of any size; '' if it cannot be read."""
        digest = hashlib.sha256()
        try:
            for block in self._blocks(name):
                digest.update(block)
        except ImportRefused:
            return ""
        return digest.hexdigest()

    def _blocks(self, name: str) -> Iterator[bytes]:
        entry = self._entries.get(name)
        if entry is not None:
            try:
                yield from entry.blocks()
            except ArchiveRefused as error:
                raise FileUnreadable(f"{name} is not read: {error}.") from error
            return
        try:
            place = self.path / name if self.path.is_dir() else self.path
            with os.fdopen(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                while block := file.read(BLOCK_BYTES):
                    yield block
        except OSError as error:
            raise FileUnreadable(f"{name} cannot be read ({error.strerror}).") from error


def refused_line(tree: Tree, name: str, error: FileUnreadable) -> Row:
    """The line of the report for a file that cannot be read; raises where it is all there is."""
    if tree.is_one_file:
        raise error
    return Row(name, problem="unreadable", detail=str(error))


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == ZIP


def _walk(folder: Path) -> Iterator[str]:
    count = 0
    for place, folders, files in os.walk(folder, followlinks=False):
        folders.sort()
        for name in files:
            path = Path(place) / name
            if path.is_symlink() or not path.is_file() or name.startswith("."):
                continue
            count += 1
            if count > MOST_FILES:
                raise ImportRefused(f"The folder has more than {MOST_FILES} files. Give a part of it.")
            yield path.relative_to(folder).as_posix()
