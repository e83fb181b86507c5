"""Videos that a run reads one after the other: files of a folder, or fetched when it is their turn."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from indexing.compute.media_facts import MediaRefused

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class VideoInput:
    """One video: its name in the report, and where it is. Either `path` or `open_remote` is given."""

    name: str  # relative to the input folder, or the data set's id
    source: str  # as side files say it
    path: Path | None = None
    open_remote: Callable[[], BinaryIO] | None = None

    @contextmanager
    def local(self) -> Iterator[Path]:
        """A file to read it from; a fetched one goes with the block. MediaRefused where it cannot be had."""
        if self.path is not None:
            yield self.path
            return
        with tempfile.TemporaryDirectory(prefix="sfi-") as folder:
            fetched = Path(folder) / "video"
            self._fetch(fetched)
            yield fetched

    def _fetch(self, place: Path) -> None:
        if self.open_remote is None:
            raise MediaRefused("gone", f"There is no content for {self.name}.")
        try:
            remote = self.open_remote()
        except Exception as error:  # of whatever lies between here and there
            raise MediaRefused("not-fetched", f"{self.source} cannot be fetched ({_told(error)}).") from error
        with remote, place.open("wb") as file:
            while True:
                try:
                    chunk = remote.read(CHUNK_BYTES)
                except Exception as error:
                    raise MediaRefused(
                        "not-fetched", f"{self.source} broke off while it was fetched ({_told(error)})."
                    ) from error
                if not chunk:
                    return
                file.write(chunk)


def files_of(root: Path, names: list[str]) -> list[VideoInput]:
    """The files `names` below `root`."""
    return [VideoInput(name, os.fspath((root / name).absolute()), path=root / name) for name in names]


def _told(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
