"""COCO: annotations with a box are accepts of it; images may say which classes were rejected, as ours do."""

from collections.abc import Iterator
from typing import Any

import msgspec

from labeling.compute.imports.rows import (
    PICTURES,
    FileUnreadable,
    ImportRefused,
    Row,
    named,
    part_of,
    told_part,
)
from labeling.compute.imports.trees import Tree, refused_line

Id = int | str


class Category(msgspec.Struct):
    id: Id
    name: str


class RejectedBox(msgspec.Struct):
    category_id: Id
    bbox: tuple[float, float, float, float]
    box: Any = None


class RejectedPart(msgspec.Struct):
    """The part of the image, in shares of it, that a rejection of it was about."""

    category_id: Id
    box: Any = None


class Image(msgspec.Struct):
    """What is read of an image; from `media_sha256` on only in ours."""

    id: Id
    file_name: str = ""
    width: float | None = None
    height: float | None = None
    media_sha256: str = ""
    media_name: str = ""
    pts: int | None = None
    rejected: list[Id] = []
    rejected_boxes: list[RejectedBox] = []
    rejected_parts: list[RejectedPart] = []


class Annotation(msgspec.Struct):
    """`kind` and `box` only in ours: what was answered, and the part of the frame that this was about."""

    image_id: Id
    category_id: Id
    bbox: list[float] | None = None
    origin: str = ""
    kind: Any = None
    box: Any = None


class Coco(msgspec.Struct):
    images: list[Image]
    categories: list[Category]
    annotations: list[Annotation] = []


def coco_rows(tree: Tree) -> Iterator[Row]:
    """Every annotation and every rejection of every .json that is COCO."""
    names = tree.names if tree.is_one_file else [each for each in tree.names if each.endswith(".json")]
    pictures = {name.rsplit("/", 1)[-1]: name for name in tree.names if name.lower().endswith(PICTURES)}
    found = False
    for name in names:
        if name.rsplit("/", 1)[-1] == "dataset.json":
            continue
        try:
            loaded = msgspec.json.decode(tree.read(name), type=Coco)
        except FileUnreadable as error:
            yield refused_line(tree, name, error)
            continue
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if tree.is_one_file:
                raise ImportRefused(f"{name} is no COCO file: {error}.") from error
            yield Row(name, problem="unreadable", detail=f"It is no COCO file: {error}.")
            continue
        found = True
        yield from _rows(loaded, "" if tree.is_one_file else f"{name}, ", pictures)
    if not found:
        raise ImportRefused("There is no COCO annotation file (.json) in it.")


def _rows(loaded: Coco, above: str, pictures: dict[str, str]) -> Iterator[Row]:
    classes = {each.id: each.name for each in loaded.categories}
    images = {each.id: each for each in loaded.images}
    for number, each in enumerate(loaded.annotations, 1):
        place = f"{above}annotation {number}"
        image = images.get(each.image_id)
        if image is None:
            yield Row(place, problem="no-media", detail=f"There is no image {each.image_id}.")
            continue
        if each.category_id not in classes:
            yield Row(place, problem="no-class", detail=f"There is no category {each.category_id}.")
            continue
        box = each.bbox or None
        if box is not None and len(box) != 4:
            yield Row(place, problem="bad-box", detail="A bbox is x, y, width and height.")
            continue
        is_frame, said_of = told_part(each.kind, each.box)
        facts = _facts(image, pictures) | _box(image, None if is_frame else box) | {"said_of": said_of}
        yield Row(place, label_class=classes[each.category_id], is_weak=each.origin == "weak", **facts)
    for number, image in enumerate(loaded.images, 1):
        place = f"{above}image {number}"
        parts = {each.category_id: part_of(each.box) for each in image.rejected_parts}
        rejected = [(category, None, parts.get(category)) for category in image.rejected]
        boxes = [(each.category_id, list(each.bbox), part_of(each.box)) for each in image.rejected_boxes]
        for category, box, said_of in [*rejected, *boxes]:
            if category not in classes:
                yield Row(place, problem="no-class", detail=f"There is no category {category}.")
                continue
            facts = _facts(image, pictures) | _box(image, box) | {"said_of": said_of}
            where = f"{place}, category {category}" + (f", {box}" if box else "")
            yield Row(where, label_class=classes[category], answer="reject", **facts)


def _facts(image: Image, pictures: dict[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = named(image.file_name)
    facts |= {"picture": pictures.get(image.file_name.rsplit("/", 1)[-1], "")}
    facts.pop("box", None)
    if image.media_sha256:
        facts |= {"media_sha256": image.media_sha256, "media_name": image.media_name or image.file_name}
    if image.pts is not None:
        facts["start_pts"] = image.pts
    return facts


def _box(image: Image, box: list[float] | None) -> dict[str, Any]:
    if box is None:
        return {}
    x, y, width, height = box
    unit = (image.width, image.height) if image.width and image.height else None
    return {"box": (x, y, x + width, y + height), "unit": unit}
