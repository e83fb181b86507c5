"""A dataset version as COCO: accepted items are annotations, rejected ones say so on their image."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name

BLOCK_BYTES = 1 << 18
SEPARATOR = b"\x01"  # between the image and the annotation of a row; no JSON holds it


@dataclass(frozen=True)
class Coco(Layout):
    """images/<side>/NAME.jpg; annotations/instances_<side>.json is written by `write_coco`."""

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        if picture:
            yield f"images/{file_name(frame[0], length=self.length, suffix=self.suffix)}", picture(None)


def write_coco(
    out: IO[bytes],
    later: IO[bytes],
    blocks: Iterable[bytes],
    *,
    info: dict[str, Any],
    label_classes: Sequence[str],
) -> int:
    """Write one COCO file from blocks of whole rows, in order; the number of images.

    A row is the JSON of an image or nothing, SEPARATOR, the JSON of an annotation or nothing, and a line end.
    COCO wants all images before the annotations: those wait in `later`, an empty file to write and read.
    """
    head = {
        "info": info,
        "licenses": [],
        "categories": [{"id": number, "name": name} for number, name in enumerate(label_classes, 1)],
    }
    out.write(orjson.dumps(head)[:-1] + b',"images":[')
    num_images = 0
    image_comma = annotation_comma = b""
    for block in blocks:
        pairs = [row.split(SEPARATOR) for row in block.split(b"\n") if row]
        images = [image for image, _ in pairs if image]
        annotations = [annotation for _, annotation in pairs if annotation]
        num_images += len(images)
        if images:
            out.write(image_comma + b",\n".join(images))
            image_comma = b",\n"
        if annotations:
            later.write(annotation_comma + b",\n".join(annotations))
            annotation_comma = b",\n"
    out.write(b'],"annotations":[')
    later.seek(0)
    while block := later.read(BLOCK_BYTES):
        out.write(block)
    out.write(b"]}\n")
    return num_images


def file_name(line: Line, *, length: int, suffix: str) -> str:
    """The place of a frame in the archive, below images/."""
    return f"{line.split}/{frame_name(line, length=length)}.{suffix}"
