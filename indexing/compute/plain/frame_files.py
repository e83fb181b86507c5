"""Frames of a video as pictures in a folder, with frames.csv that says when each of them is shown."""

import csv
import fcntl
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from indexing.compute.media_facts import Frame
from indexing.compute.plain import side_files
from indexing.compute.plain.whole_files import write_whole
from indexing.compute.thumbnails import encode_jpeg

FRAMES_NAME = "frames.csv"
FIELDS = ("file", "number", "pts", "time_base", "pts_seconds")
QUALITY = 92
UNFINISHED = ".unfinished-frames-"


class FrameFile(NamedTuple):
    """A picture and the frame it shows."""

    file: str
    number: int | None  # in presentation order from 0; None where not all frames were decoded
    pts: int
    time_base: str  # a fraction of a second, as 1/12800
    pts_seconds: float


def is_done(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether the folder holds all the frames of a run with these facts."""
    listing = folder / FRAMES_NAME
    if not side_files.matches(side_files.read_meta(listing), wanted):
        return False
    return all((folder / frame.file).is_file() for frame in read_listing(folder))


def write_frames(
    folder: Path,
    frames: Iterable[Frame],
    meta: Mapping[str, Any],
    *,
    name_of: Callable[[Frame, int], str],
    on_frame: Callable[[], None] = lambda: None,
) -> list[FrameFile]:
    """Each frame as a JPEG in `folder`, with frames.csv and its side file `meta`; all of them or none.

    `name_of` gets a frame and how many came before. Until the last frame is there the folder stays as it
    was; then pictures that an earlier frames.csv named and this one does not go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    with _beside(folder) as unfinished:
        written: list[FrameFile] = []
        for frame in frames:
            name = name_of(frame, len(written))
            write_whole(unfinished / name, encode_jpeg(frame.pixels, quality=QUALITY))
            base = "/".join(map(str, frame.time_base))
            written.append(FrameFile(name, frame.number, frame.pts, base, frame.pts_seconds))
            on_frame()
        _publish(folder, unfinished, written)
    side_files.write_meta(folder / FRAMES_NAME, meta)
    return written


def _publish(folder: Path, unfinished: Path, written: list[FrameFile]) -> None:
    """Put pictures and listing in the place of what an earlier run left.

    At any moment frames.csv names all pictures that are there, and without its side file it is not done.
    """
    listing = folder / FRAMES_NAME
    side_files.meta_path(listing).unlink(missing_ok=True)
    kept = {frame.file for frame in written}
    for old in read_listing(folder):
        if old.file not in kept and Path(old.file).name == old.file:
            (folder / old.file).unlink(missing_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for frame in written:
        number = "" if frame.number is None else frame.number
        writer.writerow([frame.file, number, frame.pts, frame.time_base, f"{frame.pts_seconds:.6f}"])
    write_whole(listing, text.getvalue().encode())
    for name in kept:
        (unfinished / name).replace(folder / name)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A hidden folder in `folder` for what is not finished; it is gone after the block, locked within it."""
    made = folder / f"{UNFINISHED}{os.getpid()}-{secrets.token_hex(4)}"
    made.mkdir()
    handle = os.open(made, os.O_RDONLY)
    try:
        _is_locked(handle)
        yield made
    finally:
        os.close(handle)
        shutil.rmtree(made, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Remove what killed runs left unfinished; one that still works holds its lock."""
    for left in folder.glob(f"{UNFINISHED}*"):
        try:
            handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            if _is_locked(handle):
                shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(handle)


def _is_locked(handle: int) -> bool:
    """Whether the lock of an open folder is ours now; it ends with the process. False without locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def read_listing(folder: Path) -> list[FrameFile]:
    """What frames.csv says; nothing where there is none or it is damaged."""
    try:
        with (folder / FRAMES_NAME).open(encoding="utf-8", newline="") as file:
            return [
                FrameFile(
                    line["file"],
                    int(line["number"]) if line["number"] else None,
                    int(line["pts"]),
                    line["time_base"],
                    float(line["pts_seconds"]),
                )
                for line in csv.DictReader(file)
            ]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def frame_of(picture: Path) -> tuple[FrameFile | None, str | None]:
    """The frame that a picture is and its video, by the listing in its folder; None, None for another."""
    frames, video = _listed(picture.parent)
    frame = frames.get(picture.name)
    return (frame, video) if frame is not None else (None, None)


@lru_cache(maxsize=256)
def _listed(folder: Path) -> tuple[dict[str, FrameFile], str | None]:
    meta = side_files.read_meta(folder / FRAMES_NAME)
    return {frame.file: frame for frame in read_listing(folder)}, (meta or {}).get("source")


def resampled(frames: Iterable[Frame], frames_per_second: float) -> Iterator[Frame]:
    """The frame shown at 0, 1/F, 2/F ... seconds, while the video lasts; one may be shown at several.

    A video of 10 s gives 10 * F frames, whatever its rate. Its last frame lasts as long as the one before.
    """
    shown: Frame | None = None
    lasts = first = 0.0
    tick = 0
    for frame in frames:
        if shown is None:
            first = frame.pts_seconds
        else:
            lasts = frame.pts_seconds - shown.pts_seconds
            while tick / frames_per_second < frame.pts_seconds - first - 1e-6:
                yield shown
                tick += 1
        shown = frame
    if shown is not None:
        end = shown.pts_seconds - first + (lasts or 1 / frames_per_second)
        while tick / frames_per_second < end - 1e-6:
            yield shown
            tick += 1
