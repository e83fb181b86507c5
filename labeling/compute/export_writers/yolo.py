"""YOLO: a text file of normalized boxes beside every picture, and data.yaml.

The layout of https://docs.ultralytics.com/datasets/detect/ (read, not used): `class x_center y_center width
height`, all in 0..1. An item that is a whole frame is the box its answer was about, else a box of the whole
frame. A frame without a line is background: nothing in it was accepted. YOLO has no word for "rejected for
this class", nor for an answer to a frame that was about a part of it: boxes.csv says which lines are such.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name
from labeling.compute.export_writers.tables import BOX_COLUMNS

DIGITS = 6  # of a coordinate: a twentieth of a pixel at 50 000 px
BOXES = "boxes.csv"
BOXES_FIELDS = ("file", "line", "kind", *BOX_COLUMNS)  # `line` counts from 1


@dataclass(frozen=True)
class Yolo(Layout):
    """images/<side>/NAME.jpg and labels/<side>/NAME.txt; boxes.csv where some answers have a box."""

    def head(self, frames: Callable[[], Iterable[Frame]]) -> Iterator[Entry]:
        yield from super().head(frames)
        sides = "".join(f"{side}: images/{side}\n" for side in ("train", "val", "test"))
        names = "".join(
            f"  {number}: {json.dumps(name, ensure_ascii=False)}\n"
            for number, name in enumerate(self.label_classes)
        )
        yield "data.yaml", f"path: .\n{sides}names:\n{names}".encode()

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        first = frame[0]
        name = frame_name(first, length=self.length)
        if picture:
            yield f"images/{first.split}/{name}.{self.suffix}", picture(None)
        numbers = {each: number for number, each in enumerate(self.label_classes)}
        lines = [f"{numbers[line.label_class]} {_normalized(line)}\n" for line in _accepted(frame)]
        yield self._label_file(frame), "".join(lines).encode()

    def lists(self, frames: Iterable[Frame]) -> Iterator[Entry]:
        if not self.has_boxes:
            return
        yield BOXES, _csv_line(BOXES_FIELDS)
        for frame in frames:
            for number, line in enumerate(_accepted(frame), 1):
                if line.said_of is not None:
                    yield BOXES, _csv_line([self._label_file(frame), number, line.kind, *line.said_of])

    def _label_file(self, frame: Frame) -> str:
        return f"labels/{frame[0].split}/{frame_name(frame[0], length=self.length)}.txt"


def _accepted(frame: Frame) -> list[Line]:
    return [line for line in frame if line.answer == "accept"]


def _csv_line(values: Sequence[object]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue().encode()


def _normalized(line: Line) -> str:
    (x0, y0, x1, y1), width, height = line.measured
    values = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
    return " ".join(f"{value:.{DIGITS}f}" for value in values)
