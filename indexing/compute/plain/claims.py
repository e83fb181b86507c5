"""Several processes share the inputs of one output folder: each input is worked on by one at a time."""

import errno
import fcntl
import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

LOCKS_NAME = ".sfi-claims"
NUM_PLACES = 1 << 62  # one byte of a file nobody fills; two names in one place only wait for each other


class Claims:
    """Locks on names below a folder. They end with the process, however it ends.

    One byte of one empty file is locked per name, so nothing is left to be cleaned up after a kill.
    Where the file system has no locks, every name is granted: work may be done twice, never half.
    """

    def __init__(self, folder: Path) -> None:
        self._handle = os.open(folder / LOCKS_NAME, os.O_RDWR | os.O_CREAT, 0o666)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def take(self, name: str, *, waits: bool = False) -> bool:
        """Whether `name` is ours now; with `waits` it is, once another process is done with it."""
        how = fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB
        try:
            fcntl.lockf(self._handle, how, 1, _place(name))
        except OSError as error:
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        return True

    def release(self, name: str) -> None:
        fcntl.lockf(self._handle, fcntl.LOCK_UN, 1, _place(name))


def _place(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8]) % NUM_PLACES
