"""YOLO: a text file of normalized boxes beside every picture, and data.yaml.

The layout of https://docs.ultralytics.com/datasets/detect/ (read, not used): `class x_center y_center width
height`, all in 0..1. An item that is a whole frame is a box of the whole frame. A frame without a line is
background: nothing in it was accepted. YOLO has no word for "rejected for this class".
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name

DIGITS = 6  # of a coordinate: a twentieth of a pixel at 50 000 px


@dataclass(frozen=True)
class Yolo(Layout):
    """images/<side>/NAME.jpg and labels/<side>/NAME.txt."""

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
        lines = [
            f"{numbers[line.label_class]} {_normalized(line)}\n" for line in frame if line.answer == "accept"
        ]
        yield f"labels/{first.split}/{name}.txt", "".join(lines).encode()


def _normalized(line: Line) -> str:
    width, height = line.width_px, line.height_px
    x0, y0, x1, y1 = line.box or (0, 0, width, height)
    values = ((x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height)
    return " ".join(f"{value:.{DIGITS}f}" for value in values)
