"""Files that are whole or not there: written beside, synced, renamed."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote_from_bytes, unquote_to_bytes

BLOCK_BYTES = 1 << 20
RAW_NAME = "bytes:"  # marks a path whose bytes are not UTF-8; no absolute path starts like this


@contextmanager
def write_beside(path: Path) -> Iterator[BinaryIO]:
    """A file open for writing that appears at `path` whole and synced, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not by tempfile, whose files nobody else may read: the umask says who may
    temporary = path.with_name(f".{path.name[:60]}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as lasting as the bytes they name."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256_of(path: Path, *, follow_links: bool = True) -> str:
    """The sha256 of a file's bytes, in hex; without `follow_links` a link is an OSError."""
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow_links else os.O_NOFOLLOW)
    digest = hashlib.sha256()
    with os.fdopen(os.open(path, flags), "rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def free_bytes(folder: Path) -> int:
    """How much can still be written below `folder`, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def path_to_text(path: str) -> str:
    """A path as text that PostgreSQL can store, also when its bytes are not UTF-8."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return RAW_NAME + quote_from_bytes(os.fsencode(path))
    return path


def text_to_path(text: str) -> Path:
    """The path that `path_to_text` was given."""
    if text.startswith(RAW_NAME):
        return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(RAW_NAME))))
    return Path(text)
