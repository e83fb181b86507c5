"""Zip archives of strangers, entry by entry: nothing is written here, and no entry can name a place."""

import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_ENTRIES = 100_000
MAX_DIRECTORY_BYTES = 64 << 20  # of names and attributes; read before anything is known of them
MAX_RATIO = 200  # bytes out per byte in; pictures and videos hardly compress at all
FREE_BYTES = 1 << 20  # small entries may pass the ratio: a flat drawing compresses well
BLOCK_BYTES = 1 << 20
END = struct.Struct("<4s4H2LH")  # end of central directory
END_64_BYTES = 56 + 20  # its 64-bit record and the locator of that, just before it


class ArchiveRefused(ValueError):
    """An archive, or an entry of one, that is not unpacked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a zip; its name is for display only."""

    name: str
    refusal: str  # why its bytes are not given; '' if they are
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def blocks(self) -> Iterator[bytes]:
        """The entry's bytes; ArchiveRefused as soon as they are more than a picture or video can be."""
        limit = max(FREE_BYTES, self.info.compress_size * MAX_RATIO)
        num_bytes = 0
        try:
            with self.archive.open(self.info) as file:
                while block := file.read(BLOCK_BYTES):
                    num_bytes += len(block)
                    if num_bytes > limit:
                        raise ArchiveRefused(f"it unpacks to more than {MAX_RATIO} times its size")
                    yield block
        except (
            zipfile.BadZipFile,
            EOFError,
            OSError,
            ValueError,
            NotImplementedError,
            struct.error,
        ) as error:
            if isinstance(error, ArchiveRefused):
                raise
            raise ArchiveRefused(f"it is damaged ({error})") from error
        except Exception as error:  # zlib, lzma and bz2 have errors of their own
            raise ArchiveRefused(f"it is damaged ({type(error).__name__})") from error


def entries(path: Path) -> Iterator[Entry]:
    """The files in a zip in its own order, folders left out; ArchiveRefused for one not to be trusted."""
    _check_directory(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
        raise ArchiveRefused(f"The zip is damaged ({error}). Make it again.") from error
    with archive:
        infos = archive.infolist()
        _check_entries(archive, infos)
        for info in infos:
            if not info.is_dir():
                yield Entry(display_name(info.filename), _refusal(info), archive, info)


def display_name(name: str) -> str:
    """A name from outside as one line of text: forward slashes, no way up, no control or bidi characters."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    shown = "/".join(parts)
    return "".join(c for c in shown if c.isprintable() and not "\u202a" <= c <= "\u2069")[-400:] or "unnamed"


def _refusal(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) and not stat.S_ISREG(mode):
        return "it is a link or a device, not a file"
    if info.flag_bits & 1:
        return "it is encrypted; make the zip without a password"
    return ""


def _check_directory(path: Path) -> None:
    """Look at the end record before the standard library reads the directory into memory."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - END.size - 0xFFFF))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < END.size:
        raise ArchiveRefused("The zip has no end; its upload or making was cut off. Make it again.")
    _, _, _, _, num_entries, directory_bytes, _, _ = END.unpack_from(tail, at)
    end_at = max(0, size - END.size - 0xFFFF) + at
    with path.open("rb") as file:
        # Where the library looks for the 64-bit record, which is not where its locator says it is.
        file.seek(max(0, end_at - END_64_BYTES))
        before = file.read(min(end_at, END_64_BYTES))
    is_64 = len(before) == END_64_BYTES and before[:4] == b"PK\x06\x06" and before[56:60] == b"PK\x06\x07"
    if is_64:
        num_entries, directory_bytes = struct.unpack_from("<2Q", before, 32)
    if num_entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise ArchiveRefused(f"The zip has more than {MAX_ENTRIES} entries. Split it.")


def _check_entries(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    if len(infos) > MAX_ENTRIES:
        raise ArchiveRefused(f"The zip has {len(infos)} entries, at most {MAX_ENTRIES} are taken. Split it.")
    stop = 0
    for info in sorted(infos, key=lambda each: each.header_offset):  # no two may share bytes (CVE-2024-0450)
        if info.header_offset < stop:
            raise ArchiveRefused("Entries of the zip overlap, which no honest program writes. Make it again.")
        stop = info.header_offset + 30 + info.compress_size
