"""A folder's regular files, compared with what was seen of it before; links are never followed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from indexing.compute.files import path_to_text


class Found(NamedTuple):
    """A file that is new or has changed since the last scan."""

    relative_path: str  # as text; see files.path_to_text
    path: str  # to open it by
    size_bytes: int
    mtime_ns: int


@dataclass(slots=True)
class Walk:
    """One look through a folder. `known` maps relative paths to (size, mtime_ns) and is consumed."""

    root: str
    known: dict[str, tuple[int, int]]
    num_files: int = 0
    num_unchanged: int = 0
    num_links: int = 0
    num_special: int = 0  # pipes, sockets, devices
    num_hidden: int = 0
    unreadable: list[str] = field(default_factory=list)
    _unseen: list[str] = field(default_factory=list)  # folders, each with a slash at its end

    def new_or_changed(self) -> Iterator[Found]:
        """The files to read, folder by folder, each in order of name."""
        folders = [(self.root, "")]
        while folders:
            path, prefix = folders.pop()
            try:
                with os.scandir(path) as entries:
                    here = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self.unreadable.append(f"{path_to_text(path)}: {error.strerror}")
                self._unseen.append(path_to_text(prefix))
                continue
            below = []
            for entry in here:
                name = entry.name
                if name[0] == ".":
                    self.num_hidden += 1
                elif entry.is_symlink():
                    self.num_links += 1
                elif entry.is_dir(follow_symlinks=False):
                    below.append((entry.path, f"{prefix}{name}/"))
                elif not entry.is_file(follow_symlinks=False):
                    self.num_special += 1
                elif (found := self._looked_at(entry, prefix)) is not None:
                    yield found
            folders.extend(reversed(below))

    def gone(self) -> list[str]:
        """What was there at the last look and is not now; nothing below a folder that could not be read."""
        unseen = tuple(self._unseen)
        return [path for path in self.known if not path.startswith(unseen)]

    def _looked_at(self, entry: os.DirEntry[str], prefix: str) -> Found | None:
        relative = prefix + entry.name
        if not relative.isascii():
            relative = path_to_text(relative)
        try:
            stat = entry.stat(follow_symlinks=False)
        except OSError:  # it went away just now
            return None
        self.num_files += 1
        if self.known.pop(relative, None) == (stat.st_size, stat.st_mtime_ns):
            self.num_unchanged += 1
            return None
        return Found(relative, entry.path, stat.st_size, stat.st_mtime_ns)
