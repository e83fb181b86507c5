"""A dataset version as COCO: accepted items are annotations, rejected ones say so on their image.

The bbox of a whole frame is the box its answer was about, in whole pixels, else all of it. Such annotations
say that box in shares of the frame as well (`box`), and the `kind` of what was answered: a frame or a region.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import orjson

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Line, frame_name

BLOCK_BYTES = 1 << 18
SEPARATOR = b"\x01"  # between the columns of a row; no JSON holds it
ACCEPTED, REJECTED = b"a", b"r"  # else a box that was rejected


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
    split: str | None = None,
) -> int:
    """Write one COCO file, of one split or of all, from blocks of whole rows in order; the number of images.

    A row is what is said of its frame, without its id; the side; ACCEPTED, REJECTED or a letter for a
    rejected box; and the rest of the annotation, the category, or the box. SEPARATOR is between them. A row
    may have one more: the part of its frame that a rejection was about, or nothing.
    Ids are counted over all sides: the same lines give the same bytes, and an image has one id in the file of
    its split and in that of all. COCO wants all images first: the annotations wait in `later`, an empty file.
    """
    head = {
        "info": info,
        "licenses": [],
        "categories": [{"id": number, "name": name} for number, name in enumerate(label_classes, 1)],
    }
    out.write(orjson.dumps(head)[:-1] + b',"images":[')
    wanted = split.encode() if split else b""
    frame = num_images = num_annotations = 0
    last, is_kept = b"", False
    rejected: list[bytes] = []
    boxes: list[bytes] = []
    parts: list[bytes] = []
    image_comma = annotation_comma = b""
    for block in itertools.chain(blocks, [SEPARATOR * 3]):  # the last ends the last frame
        images: list[bytes] = []
        annotations: list[bytes] = []
        for row in block.split(b"\n"):
            if not row:
                continue
            image, side, kind, rest, *said_of = row.split(SEPARATOR)
            if image != last:
                if is_kept:
                    images.append(_image(frame, last, rejected, boxes, parts))
                last, is_kept = image, bool(image) and wanted in (b"", side)
                frame += 1
                rejected, boxes, parts = [], [], []
            if kind == ACCEPTED:
                num_annotations += 1
                if is_kept:
                    annotations.append(b'{"id":%d,"image_id":%d%b' % (num_annotations, frame, rest))
            elif kind == REJECTED:
                rejected.append(rest)
                parts += filter(None, said_of)
            else:
                boxes.append(rest)
        if images:
            num_images += len(images)
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


def _image(
    number: int, said: bytes, rejected: Sequence[bytes], boxes: Sequence[bytes], parts: Sequence[bytes]
) -> bytes:
    rejected_boxes = b',"rejected_boxes":[%b]' % b",".join(boxes) if boxes else b""
    rejected_parts = b',"rejected_parts":[%b]' % b",".join(parts) if parts else b""
    rejections = b",".join(rejected)
    return b'{"id":%d%b,"rejected":[%b]%b%b}' % (number, said, rejections, rejected_boxes, rejected_parts)


def file_name(line: Line, *, length: int, suffix: str) -> str:
    """The place of a frame in the archive, below images/."""
    return f"{line.split}/{frame_name(line, length=length)}.{suffix}"
