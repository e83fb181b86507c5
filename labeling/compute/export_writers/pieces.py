"""Files that grow by pieces in any order, in flat memory and with few open files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Self

HELD_BYTES = 4 << 20  # of all files together, before they are written


class Pieces:
    """Files below a folder, appended to by name; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, bytearray] = {}
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.clear()

    def append(self, name: str, data: bytes) -> None:
        """Add `data` to the end of the file `name`, which begins empty."""
        self._held.setdefault(name, bytearray()).extend(data)
        self._size += len(data)
        if self._size >= HELD_BYTES:
            self._flush()

    def files(self) -> Iterator[tuple[str, Path]]:
        """Every (name, path), in the order of their first pieces; nothing may be appended any more."""
        self._flush()
        for number, name in enumerate(self._held):
            yield name, self._folder / str(number)

    def _flush(self) -> None:
        for number, data in enumerate(self._held.values()):
            with (self._folder / str(number)).open("ab") as file:
                file.write(data)
            data.clear()
        self._size = 0
