"""Layouts whose unit is the item: WebDataset and Hugging Face; a region is cut out of its frame."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from labeling.compute.export_writers.layouts import Entry, Frame, Layout, Picture
from labeling.compute.export_writers.lines import Sample, item_name, samples_of

HF_SIDES = {"train": "train", "val": "validation", "test": "test"}  # as the datasets library names them


def facts_of(sample: Sample, *, has_boxes: bool) -> dict[str, Any]:
    """What a training loop may want to know of an item; the same keys for every item of a version.

    `box` is the region it is, in pixels; `boxes`, with `has_boxes`, the parts of the frame that answers were
    about, in shares of it.
    """
    line = sample.first
    boxes = [{"label_class": name, "box": list(box)} for name, box in sample.boxes.items()]
    return {
        "item": line.item,
        "split": line.split,
        "label": sample.label,
        "accepted": sample.accepted,
        "rejected": sample.rejected,
        "origins": [f"{name}: {origin}" for name, origin in sample.origins.items()],
        "media_sha256": line.media_sha256,
        "media_name": line.media_name,
        "kind": line.kind,
        "start_pts": line.start_pts,
        "stop_pts": line.stop_pts,
        "time_base": line.time_base,
        "pts_seconds": line.pts_seconds,
        "box": list(line.box) if line.box else None,
        "width_px": line.width_px,
        "height_px": line.height_px,
        **({"boxes": boxes} if has_boxes else {}),
    }


@dataclass(frozen=True)
class WebDataset(Layout):
    """A flat tar of NAME.jpg, NAME.cls and NAME.json, next to each other; the key begins with the side.

    https://github.com/webdataset/webdataset: a key ends at the first dot. `cls` is 0 for the background, else
    the place of the class in dataset.json, from 1.
    """

    def head(self, frames: Callable[[], Iterable[Frame]]) -> Iterator[Entry]:
        yield from ()  # a reader would take dataset.json for a sample

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        numbers = {name: number for number, name in enumerate(self.label_classes, 1)}
        for sample in samples_of(frame):
            line = sample.first
            key = f"{line.split}/{item_name(line, length=self.length)}"
            if picture:
                yield f"{key}.{self.suffix}", picture(line.box)
            yield f"{key}.cls", str(numbers[sample.label] if sample.accepted else 0).encode()
            yield f"{key}.json", orjson.dumps(facts_of(sample, has_boxes=self.has_boxes))


@dataclass(frozen=True)
class HuggingFace(Layout):
    """Folders as `load_dataset("imagefolder", data_dir=...)` reads them, clips as "videofolder".

    Labels alone are one .jsonl per side.

    https://huggingface.co/docs/datasets/image_dataset: metadata.jsonl beside the pictures names each by
    `file_name`; the other columns are the labels.
    """

    with_pixels: bool = True

    def head(self, frames: Callable[[], Iterable[Frame]]) -> Iterator[Entry]:
        about = json.dumps(str(self.info.get("description", "")), ensure_ascii=False)
        kind = "video" if self.suffix == "mp4" else "image"
        task = f"task_categories:\n- {kind}-classification\n" if self.with_pixels else ""
        loader = f"{kind}folder" if self.with_pixels else "json"
        classes = "".join(f"- {name}\n" for name in self.label_classes)
        yield (
            "README.md",
            (
                f"---\npretty_name: {about}\n{task}---\n\n# {self.info.get('description', '')}\n\n"
                f'`load_dataset("{loader}", data_dir=...)`\n\nClasses:\n\n{classes}\n'
                f"sha256 of the list: {self.info.get('sha256', '')}\n"
            ).encode(),
        )

    def files(self, frame: Frame, picture: Picture | None) -> Iterator[Entry]:
        if picture:
            for sample in samples_of(frame):
                yield f"{HF_SIDES[sample.first.split]}/{self._file(sample)}", picture(sample.first.box)

    def lists(self, frames: Iterable[Frame]) -> Iterator[Entry]:
        for frame in frames:
            for sample in samples_of(frame):
                side = HF_SIDES[sample.first.split]
                name = f"{side}/metadata.jsonl" if self.with_pixels else f"{side}.jsonl"
                named = {"file_name": self._file(sample)} if self.with_pixels else {}
                facts = facts_of(sample, has_boxes=self.has_boxes)
                yield name, orjson.dumps(named | facts) + b"\n"

    def _file(self, sample: Sample) -> str:
        return f"{item_name(sample.first, length=self.length)}.{self.suffix}"
