"""A file of finished videos, one name per line: what is in it is not done again, outputs or not."""

import os
from pathlib import Path


class ProgressFile:
    """The names in `path`, and the place for new ones; a file that is not there yet has none.

    A name is `<folder>/<video>` below the output folder, without `.npy`. Several processes may add to one
    file: a name is written in one go, at its end.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names = _names_in(path)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        """`name` is finished, from now on and after a power cut."""
        if name in self._names:
            return
        self._names.add(name)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            size = os.fstat(handle).st_size
            has_open_line = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            line = os.fsencode(name) + b"\n"
            os.write(handle, b"\n" + line if has_open_line else line)
            os.fsync(handle)
        finally:
            os.close(handle)


def _names_in(path: Path) -> set[str]:
    try:
        lines = os.fsdecode(path.read_bytes()).splitlines()
    except FileNotFoundError:
        return set()
    return {line.strip().removeprefix("./") for line in lines} - {""}
