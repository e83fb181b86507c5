"""A dataset version as COCO JSON: accepted items are annotations, rejected ones say so on their image."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any

import orjson

from labeling.compute.export_writers.lines import Line, frame_name, frames_of

BLOCK_BYTES = 1 << 16


def write_coco(
    out: IO[bytes],
    lines: Callable[[], Iterable[Line]],
    *,
    info: dict[str, Any],
    label_classes: Sequence[str],
    length: int,
    suffix: str,
    split: str | None = None,
) -> int:
    """Write one COCO file, of one split or of all; the number of images.

    `lines` is called twice, since COCO wants its images before its annotations. The box of an item that
    is a whole frame is the frame. Ids are given in order, so the same lines give the same bytes; an
    image's id is the same in the file of its split and in that of all.
    """
    categories = {name: number for number, name in enumerate(label_classes, 1)}
    head = {
        "info": info,
        "licenses": [],
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    out.write(orjson.dumps(head)[:-1] + b',"images":[')
    num_images = _write_list(out, _images(lines(), categories, length, suffix, split))
    out.write(b'],"annotations":[')
    _write_list(out, _annotations(lines(), categories, split))
    out.write(b"]}\n")
    return num_images


def file_name(line: Line, *, length: int, suffix: str) -> str:
    """The place of a frame in the archive, below images/."""
    return f"{line.split}/{frame_name(line, length=length)}.{suffix}"


def _images(
    lines: Iterable[Line], categories: dict[str, int], length: int, suffix: str, split: str | None
) -> Iterator[dict[str, Any]]:
    for number, frame in enumerate(frames_of(lines), 1):
        first = frame[0]
        if split is not None and first.split != split:
            continue
        yield {
            "id": number,
            "file_name": file_name(first, length=length, suffix=suffix),
            "width": first.width_px,
            "height": first.height_px,
            "split": first.split,
            "media_name": first.media_name,
            "media_sha256": first.media_sha256,
            "pts": first.start_pts,
            "time_base": first.time_base,
            "pts_seconds": first.pts_seconds,
            "rejected": [categories[line.label_class] for line in frame if line.answer == "reject"],
        }


def _annotations(
    lines: Iterable[Line], categories: dict[str, int], split: str | None
) -> Iterator[dict[str, Any]]:
    number = 0
    for image, frame in enumerate(frames_of(lines), 1):
        for line in frame:
            if line.answer != "accept":
                continue
            number += 1
            if split is not None and line.split != split:
                continue
            x0, y0, x1, y1 = line.box or (0, 0, line.width_px, line.height_px)
            yield {
                "id": number,
                "image_id": image,
                "category_id": categories[line.label_class],
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": 0,
                "item": line.item,
                "origin": line.origin,
            }


def _write_list(out: IO[bytes], entries: Iterable[dict[str, Any]]) -> int:
    block = bytearray()
    count = 0
    for entry in entries:
        if count:
            block += b",\n"
        block += orjson.dumps(entry)
        count += 1
        if len(block) > BLOCK_BYTES:
            out.write(block)
            block.clear()
    out.write(block)
    return count
