"""Files that are whole or not there, and the order in which people count them."""

import io
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

DIGITS = re.compile(r"(\d+)")


@contextmanager
def writing_whole(path: Path) -> Iterator[BinaryIO]:
    """A file open for writing that appears at `path` when the block ends well, or not at all.

    Its temporary name begins with a dot and does not end like `path`, so that no resume takes it for
    done. It is not synced: after a power cut the resume finds it damaged, and makes it anew.
    """
    temporary = path.with_name(f".{path.name[:60]}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with _created(temporary) as out:
            yield out
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            error.filename = str(path)  # a write says not where
        raise


def _created(path: Path) -> BinaryIO:
    """A new file; its folders are made only where they are missing, which for most files they are not."""
    try:
        return path.open("xb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


def write_whole(path: Path, content: bytes) -> None:
    """`content` at `path`, whole or not at all."""
    with writing_whole(path) as out:
        out.write(content)


def as_json(content: Any, *, indent: int | None = None) -> bytes:
    """JSON as people read it; names that are no text (bytes of another encoding) are escaped, not refused."""
    try:
        return json.dumps(content, indent=indent, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(content, indent=indent).encode()


def as_npy(array: np.ndarray) -> bytes:
    """The bytes of a .npy file. Straight into a file, numpy would not say why the disk takes no more."""
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=False)
    return content.getvalue()


def write_npy(path: Path, array: np.ndarray) -> None:
    """An array as .npy at `path`, whole or not at all."""
    write_whole(path, as_npy(array))


def by_number(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts names as people count: frame-2 before frame-10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in DIGITS.split(name) if part]


def files_below(
    root: Path, *, leave_out: Path | None = None, is_wanted: Callable[[str], bool] = lambda name: True
) -> tuple[list[str], list[tuple[str, str]]]:
    """Relative paths of the files below `root`, folder by folder in numeric order; (name, why) of others.

    Links to files and folders are followed, a folder is entered once. Hidden names are passed over, and so
    is the folder `leave_out`.
    """
    found: list[str] = []
    unreadable: list[tuple[str, str]] = []
    entered: set[tuple[int, int]] = set()
    if leave_out is not None and leave_out.is_dir() and not root.samefile(leave_out):
        entered.add(_identity(leave_out))
    folders = [(root, "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            identity = _identity(folder)
            if identity in entered:
                continue
            entered.add(identity)
            with os.scandir(folder) as entries:
                here = sorted((e for e in entries if e.name[0] != "."), key=lambda e: by_number(e.name))
        except OSError as error:
            unreadable.append((prefix or ".", f"The folder cannot be read ({error.strerror})."))
            continue
        below = []
        for entry in here:
            if entry.is_dir():
                below.append((Path(entry.path), f"{prefix}{entry.name}/"))
            elif is_wanted(entry.name):
                if entry.is_file():
                    found.append(prefix + entry.name)
                else:
                    unreadable.append((prefix + entry.name, "It is no file: a link to nothing, or a pipe."))
        folders.extend(reversed(below))
    return found, unreadable


def _identity(folder: Path) -> tuple[int, int]:
    seen = folder.stat()
    return seen.st_dev, seen.st_ino
