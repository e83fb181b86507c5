"""FiftyOne: its own layout of image detection datasets, one for each side.

https://docs.voxel51.com/user_guide/export_datasets.html#fiftyoneimagedetectiondataset: data/ and labels.json
with `classes` and, for each picture, its detections with relative boxes [x, y, width, height].
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name


@dataclass(frozen=True)
class FiftyOne(Layout):
    """<side>/data/NAME.jpg and <side>/labels.json.

    An item that is a whole frame is the box its answer was about, else a box of all of it.
    """

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        if picture:
            name = frame_name(frame[0], length=self.length)
            yield f"{frame[0].split}/data/{name}.{self.suffix}", picture(None)

    def lists(self, frames: Iterable[Frame]) -> Iterator[Entry]:
        numbers = {name: number for number, name in enumerate(self.label_classes)}
        head = orjson.dumps({"classes": list(self.label_classes)})[:-1] + b',"labels":{'
        begun: set[str] = set()
        for frame in frames:
            side, name = frame[0].split, frame_name(frame[0], length=self.length)
            detections = [_detection(line, numbers) for line in frame if line.answer == "accept"]
            entry = orjson.dumps(name) + b":" + orjson.dumps(detections)
            yield f"{side}/labels.json", (b",\n" if side in begun else head) + entry
            begun.add(side)
        for side in sorted(begun):
            yield f"{side}/labels.json", b"}}\n"


def _detection(line: Line, numbers: dict[str, int]) -> dict[str, Any]:
    (x0, y0, x1, y1), width, height = line.measured
    box = [x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height]
    return {
        "label": numbers[line.label_class],
        "bounding_box": box,
        "attributes": {"item": line.item, "origin": line.origin},
    }
