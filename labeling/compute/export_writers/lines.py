"""A line of a dataset version as the writers need it, and the names of files and folders made of it."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

BACKGROUND = "background"  # the folder of what was rejected (seeds of the layout: <split>/<class>/*)
SHORTEST_SHA = 8  # hex digits of a media file's sha256 in file names; more where those are not unique


class Line(NamedTuple):
    """One (item, class) of a dataset version.

    They come by (media_sha256, start_pts, stop_pts of a clip, box, class).
    """

    item: int
    media_sha256: str
    media_name: str
    media_kind: str  # image or video
    media_path: str
    kind: str  # frame, clip, region
    start_pts: int
    stop_pts: int
    time_base: str  # seconds per pts, "1/90000"
    number: int | None
    pts_seconds: float
    x0_px: int | None
    y0_px: int | None
    x1_px: int | None
    y1_px: int | None
    width_px: int  # of the full frame, upright
    height_px: int
    label_class: str
    answer: str
    origin: str
    split: str
    said_of: Sequence[float] | None = None  # the part its answer was about: x0, y0, x1, y1, 0 to 1

    @property
    def clip_stop(self) -> int | None:
        """Where a clip ends; None for what is one frame or a part of one."""
        return self.stop_pts if self.kind == "clip" else None

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """x0, y0, x1, y1 in pixels of the upright frame; None: all of it."""
        if self.x0_px is None or self.y0_px is None or self.x1_px is None or self.y1_px is None:
            return None
        return (self.x0_px, self.y0_px, self.x1_px, self.y1_px)

    @property
    def outline(self) -> tuple[int, int, int, int] | None:
        """Where in the frame it is: the region it is, else the part its answer was about; None: all of it."""
        if self.box or self.said_of is None:
            return self.box
        return pixels_of(self.said_of, width_px=self.width_px, height_px=self.height_px)

    @property
    def measured(self) -> tuple[Sequence[float], float, float]:
        """The corners of where it is, unrounded, and the width and height of the frame in the same unit."""
        if self.box is None and self.said_of is not None:
            return self.said_of, 1, 1
        return self.box or (0, 0, self.width_px, self.height_px), self.width_px, self.height_px


def pixels_of(box: Sequence[float], *, width_px: int, height_px: int) -> tuple[int, int, int, int]:
    """A box in shares of a frame as whole pixels, rounded half up, at least one wide and high.

    `pixels_of((0.5, 0.5, 1, 1), width_px=64, height_px=48) -> (32, 24, 64, 48)`. services/export_copy.py
    has the same in SQL.
    """
    x0, y0, x1, y1 = box
    left = min(math.floor(x0 * width_px + 0.5), width_px - 1)
    top = min(math.floor(y0 * height_px + 0.5), height_px - 1)
    right = max(math.floor(x1 * width_px + 0.5), left + 1)
    return left, top, right, max(math.floor(y1 * height_px + 0.5), top + 1)


def frames_of(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines of each frame (media file, pts), or of each clip, together, in order."""
    by = attrgetter("media_sha256", "start_pts", "clip_stop")
    for _, lines_of_frame in groupby(lines, key=by):
        yield list(lines_of_frame)


class Sample(NamedTuple):
    """An item with everything that was said about it."""

    first: Line
    accepted: list[str]  # classes, in the order of the lines
    rejected: list[str]
    origins: dict[str, str]  # class -> origin
    boxes: dict[str, Sequence[float]]  # class -> the part its answer was about, where there is one

    @property
    def label(self) -> str:
        """The first class it was accepted for, else `background`."""
        return self.accepted[0] if self.accepted else BACKGROUND


def samples_of(frame: Iterable[Line]) -> list[Sample]:
    """The items of one frame, in the order of their lines."""
    samples: dict[int, Sample] = {}
    for line in frame:
        sample = samples.setdefault(line.item, Sample(line, [], [], {}, {}))
        (sample.accepted if line.answer == "accept" else sample.rejected).append(line.label_class)
        sample.origins[line.label_class] = line.origin
        if line.said_of is not None:
            sample.boxes[line.label_class] = line.said_of
    return list(samples.values())


def sha_length(sha256s: Iterable[str]) -> int:
    """The fewest hex digits, 8, 16, 32 or 64, that tell these media files apart."""
    known = set(sha256s)
    length = SHORTEST_SHA
    while length < 64 and len({each[:length] for each in known}) < len(known):
        length *= 2
    return length


def frame_name(line: Line, *, length: int) -> str:
    """A stable name without suffix: the media file's sha256 and the pts, of a clip both."""
    name = f"{line.media_sha256[:length]}_{line.start_pts}"
    return name if line.clip_stop is None else f"{name}-{line.clip_stop}"


def item_name(line: Line, *, length: int) -> str:
    """The name of an item: that of its frame and, for a region, its corners."""
    name = frame_name(line, length=length)
    return f"{name}_{'-'.join(map(str, line.box))}" if line.box else name


def folders_of(label_classes: Sequence[str]) -> dict[str, str]:
    """Class -> folder name: safe on every file system, unlike `background` and each other."""
    folders: dict[str, str] = {}
    taken = {BACKGROUND}
    for name in sorted(label_classes):
        safe = re.sub(r"[^\w\- ]", "_", name).strip(" ._")[:60] or "class"
        folder, number = safe, 2
        while folder.lower() in taken:
            folder, number = f"{safe}_{number}", number + 1
        taken.add(folder.lower())
        folders[name] = folder
    return folders
