"""A dataset version as COCO: accepted items are annotations, rejected ones say so on their image."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name

BLOCK_BYTES = 1 << 18
Row = tuple[bytes, bytes]  # JSON of an image, or nothing, and JSON of an annotation, or nothing


@dataclass(frozen=True)
class Coco(Layout):
    """images/<side>/NAME.jpg; annotations/instances_<side>.json is written by `write_coco`."""

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        if picture:
            yield f"images/{file_name(frame[0], length=self.length, suffix=self.suffix)}", picture(None)


def write_coco(
    out: IO[bytes],
    later: IO[bytes],
    rows: Iterable[Row],
    *,
    info: dict[str, Any],
    label_classes: Sequence[str],
) -> int:
    """Write one COCO file from its rows, in order; the number of images.

    COCO wants all images before the annotations: those wait in `later`, an empty file to write and read.
    """
    head = {
        "info": info,
        "licenses": [],
        "categories": [{"id": number, "name": name} for number, name in enumerate(label_classes, 1)],
    }
    out.write(orjson.dumps(head)[:-1] + b',"images":[')
    num_images = num_annotations = 0
    images, annotations = bytearray(), bytearray()
    for image, annotation in rows:
        if image:
            images += b",\n" if num_images else b""
            images += image
            num_images += 1
        if annotation:
            annotations += b",\n" if num_annotations else b""
            annotations += annotation
            num_annotations += 1
        if len(images) > BLOCK_BYTES:
            out.write(images)
            images.clear()
        if len(annotations) > BLOCK_BYTES:
            later.write(annotations)
            annotations.clear()
    later.write(annotations)
    out.write(images + b'],"annotations":[')
    later.seek(0)
    while block := later.read(BLOCK_BYTES):
        out.write(block)
    out.write(b"]}\n")
    return num_images


def file_name(line: Line, *, length: int, suffix: str) -> str:
    """The place of a frame in the archive, below images/."""
    return f"{line.split}/{frame_name(line, length=length)}.{suffix}"
