"""YOLO: a text file of normalized boxes per picture; a picture without a box is rejected for every class."""

import csv
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from labeling.compute.export_writers.yolo import BOXES, BOXES_FIELDS
from labeling.compute.imports.rows import PICTURES, FileUnreadable, ImportRefused, Row, named, told_part
from labeling.compute.imports.trees import Tree, refused_line

# Five digits: a list of names is made as long as the largest number says.
ENTRY = re.compile(r"^\s*(?:-|(?P<number>\d{1,5})\s*:)\s*(?P<name>.+?)\s*$")


def yolo_rows(tree: Tree) -> Iterator[Row]:
    """labels/**/*.txt with the classes of data.yaml (or classes.txt, one per line)."""
    classes = _classes(tree)
    labels = [name for name in tree.names if name.endswith(".txt") and "labels" in PurePosixPath(name).parts]
    if not labels:
        raise ImportRefused("There is no folder labels with .txt files in it.")
    pictures = {str(PurePosixPath(name).with_suffix("")): name for name in tree.names if _is_picture(name)}
    told = _boxes_told(tree)
    for name in labels:
        stem = _picture_of(name)
        picture = pictures.get(stem, "")
        media = PurePosixPath(stem).parts
        below = media[media.index("images") + 1 :] if "images" in media else media
        if below and below[0] in ("train", "val", "test", "valid"):
            below = below[1:]
        suffix = PurePosixPath(picture).suffix
        facts = named("/".join(below) + suffix) | {"picture": picture}
        facts.pop("box", None)
        try:
            lines = tree.read(name).decode("utf-8", "replace").splitlines()
        except FileUnreadable as error:
            yield refused_line(tree, name, error)
            continue
        boxes = [(number, line.split()) for number, line in enumerate(lines, 1) if line.strip()]
        for number, fields in boxes:
            row = _row(f"{name}, line {number}", fields, classes, facts)
            kind, *sides = told.get(f"{name},{number}", "").split(",")
            is_frame, said_of = told_part(kind, sides)
            yield row._replace(box=None if is_frame else row.box, said_of=said_of)
        if not boxes:
            for each in classes:
                yield Row(f"{name}, no box of {each}", label_class=each, answer="reject", **facts)


def _row(place: str, fields: list[str], classes: list[str], facts: dict[str, object]) -> Row:
    """`class x_center y_center width height [confidence]`, or a polygon `class x y x y x y ...`: its box."""
    try:
        number, values = int(fields[0]), [float(field) for field in fields[1:]]
    except (ValueError, IndexError):
        values = []
    if len(values) in (4, 5):
        x, y, width, height = values[:4]
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    elif len(values) >= 6 and len(values) % 2 == 0:
        box = (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))
    else:
        return Row(place, problem="unreadable", detail="A line is: class x_center y_center width height.")
    if not 0 <= number < len(classes):
        return Row(place, problem="no-class", detail=f"There is no class {number}; there are {len(classes)}.")
    if not all(-0.01 <= corner <= 1.01 for corner in box) or box[0] >= box[2] or box[1] >= box[3]:
        return Row(place, problem="bad-box", detail="Coordinates are shares of the picture, from 0 to 1.")
    return Row(place, label_class=classes[number], box=box, unit=(1.0, 1.0), **facts)  # type: ignore[arg-type]


def _boxes_told(tree: Tree) -> dict[str, str]:
    """What our own boxes.csv says: "label file,line" -> "kind,x0,y0,x1,y1"; nothing where it is not ours.

    ImportRefused where it is damaged: a frame would be taken for a region.
    """
    told: dict[str, str] = {}
    for name in (name for name in tree.names if PurePosixPath(name).name == BOXES):
        above = name.removesuffix(BOXES)
        with tree.text(name) as text:
            lines = csv.reader(text)
            try:
                if next(lines, None) != list(BOXES_FIELDS):
                    continue
                for file, line, *box in lines:
                    told[f"{above}{file},{line}"] = ",".join(box)
            except (csv.Error, ValueError) as error:
                raise ImportRefused(f"{name} is damaged after line {lines.line_num}: {error}.") from error
    return told


def _picture_of(label: str) -> str:
    """labels/train/a.txt -> images/train/a: the last folder called labels."""
    parts = list(PurePosixPath(label).with_suffix("").parts)
    last = len(parts) - 1 - parts[::-1].index("labels")
    parts[last] = "images"
    return "/".join(parts)


def _is_picture(name: str) -> bool:
    return name.lower().endswith(PICTURES)


def _classes(tree: Tree) -> list[str]:
    """The names, by number. data.yaml is read as far as `names` goes: a list, a mapping or one line."""
    plain = [name for name in tree.names if PurePosixPath(name).name == "classes.txt"]
    for name in tree.names:
        if PurePosixPath(name).suffix in (".yaml", ".yml"):
            found = _names_of(tree.read(name).decode("utf-8", "replace"))
            if found:
                return found
    if plain:
        text = tree.read(plain[0]).decode("utf-8", "replace")
        return [line.strip() for line in text.splitlines() if line.strip()]
    raise ImportRefused("There is no data.yaml with the names of the classes, and no classes.txt.")


def _names_of(text: str) -> list[str]:
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("names:"):
            break
    else:
        return []
    rest = line.removeprefix("names:").split(" #")[0].strip()
    if rest:
        inside = rest.strip("[]{}")
        parts = [part.partition(":")[2] if rest.startswith("{") else part for part in inside.split(",")]
        return [_unquoted(part) for part in parts if part.strip()]
    names: dict[int, str] = {}
    for line in lines:
        found = ENTRY.match(line)
        if found is None:
            if line.strip() and not line.startswith((" ", "#")):
                break
            continue
        names[int(found["number"]) if found["number"] else len(names)] = _unquoted(found["name"])
    return [names.get(number, f"class {number}") for number in range(max(names, default=-1) + 1)]


def _unquoted(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        try:
            return str(msgspec.json.decode(text))
        except msgspec.DecodeError:
            return text.strip('"')
    return text[1:-1].replace("''", "'") if len(text) > 1 and text[0] == text[-1] == "'" else text
