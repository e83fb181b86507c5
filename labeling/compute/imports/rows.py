"""A line of somebody's labels, as every reader gives it, before anything is looked up."""

import re
from pathlib import PurePosixPath
from typing import Any, NamedTuple

Box = tuple[float, float, float, float]  # x0, y0, x1, y1
OWN_NAME = re.compile(r"([0-9a-f]{8,64})_(\d{1,18})(?:_(\d{1,9})-(\d{1,9})-(\d{1,9})-(\d{1,9}))?")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
ANSWERS = ("accept", "reject", "unsure")


class ImportRefused(ValueError):
    """A file that cannot be read as what it was said to be; the message says what to do."""


class FileUnreadable(ImportRefused):
    """One file among others that is damaged or too large: what is in the others is read all the same."""


class Row(NamedTuple):
    """One answer to one item. The media file is named by its sha256, its name, or a picture of it."""

    place: str  # where it stands in what was given: "line 12", "annotations/train.json, annotation 4"
    label_class: str = ""
    answer: str = "accept"
    media_sha256: str = ""  # whole, or at least 8 digits of its beginning
    media_name: str = ""  # with its folders, if it has any; without a suffix where none is known
    picture: str = ""  # the name in the tree of what may be the media file itself
    start_pts: int | None = None
    number: int | None = None
    pts_seconds: float | None = None
    box: Box | None = None  # None: the whole frame
    unit: tuple[float, float] | None = None  # width and height of what the box is measured in; None: pixels
    stop_pts: int | None = None  # with a stop, it is a clip that is meant
    stop_seconds: float | None = None
    said_of: Box | None = (
        None  # the part of the frame that the answer was about, 0 to 1; the item is as without
    )
    is_weak: bool = False
    problem: str = ""  # a code: this line cannot be read, and nothing else in it counts
    detail: str = ""  # what about it

    @property
    def is_clip(self) -> bool:
        """Whether a span of a video is meant, not a frame."""
        return self.stop_pts is not None or self.stop_seconds is not None


def part_of(sides: Any) -> Box | None:
    """x0, y0, x1, y1 in shares of a frame; None for what is no such box: NaN, no inside, beyond 0 to 1."""
    try:
        x0, y0, x1, y1 = map(float, sides)
    except (TypeError, ValueError, OverflowError):
        return None
    return (x0, y0, x1, y1) if 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 else None


def told_part(kind: Any, sides: Any) -> tuple[bool, Box | None]:
    """(whether the box of our own annotation is the part an answer to a frame was about, that part, if any).

    Nothing where the two are somebody else's: `kind` is frame or region in ours.
    """
    part = part_of(sides) if kind in ("frame", "region") else None
    return kind == "frame" and part is not None, part


def named(path: str) -> dict[str, Any]:
    """What the name of a picture says: media file, pts and box where we have named it; its name anyway."""
    stem = PurePosixPath(path).stem if path.lower().endswith(PICTURES) else PurePosixPath(path).name
    found = OWN_NAME.fullmatch(stem)
    if found is None:
        return {"media_name": path}
    box = tuple(float(corner) for corner in found.groups()[2:]) if found[3] else None
    return {"media_name": path, "media_sha256": found[1], "start_pts": int(found[2]), "box": box}


def fits(given: str, known: str) -> bool:
    """Whether two paths may be of one file: the shorter is the end of the longer.

    `fits("train/a.jpg", "a.jpg")`, `fits("a", "photos/a.jpg")`, not `fits("b/a.jpg", "c/a.jpg")`.
    """
    mine, theirs = PurePosixPath(given).parts, PurePosixPath(known).parts
    if not mine or not theirs:
        return False
    last, other = mine[-1], theirs[-1]
    if last != other and (last.lower().endswith(PICTURES) or PurePosixPath(other).stem != last):
        return False
    folders = min(len(mine), len(theirs)) - 1
    return folders == 0 or mine[-1 - folders : -1] == theirs[-1 - folders : -1]
